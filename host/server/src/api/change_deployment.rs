//! What the calls have in common that change a deployment.

use bytes::Bytes;
use tonic::Status;

use crate::{
    api::context::Context,
    deployment::{
        register::{add_version, open},
        set_current::Change,
        state::Deployment,
        version::{check_build, check_name},
    },
    error::Error,
    time::Time,
};

/// A deployment whose routing is to be changed, and the build that is to get workflows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Routed<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    /// None is workers without a version.
    pub(crate) build: Option<&'a str>,
    /// Whether the deployment and the version may come to be with the change.
    pub(crate) may_add: bool,
}

/// Changes the routing of a deployment and waits until that is on disk; answers what `set` does, and the new conflict
/// token. What waits in the queues of the deployment goes to the right workers then.
///
/// # Errors
///
/// When there is no such deployment, `set` refuses, the disk is full, or the service ends.
pub(crate) async fn change_routing<R>(
    context: &Context,
    routed: Routed<'_>,
    mut change: Change,
    set: impl FnOnce(&mut Deployment, &Change, Time) -> Result<R, Error>,
) -> Result<(R, Bytes), Status> {
    let Routed { namespace, name, build, may_add } = routed;
    check_name(name)?;
    build.map_or(Ok(()), check_build)?;
    let now = context.now();
    let polled = {
        let mut shard = context.lock();
        change.busy = shard.busy_queues(namespace, name, now);
        shard.polled_builds(namespace, name, now)
    };
    let result = context.change_with(
        (),
        |executions, ()| {
            executions.check_namespace(namespace)?;
            if !may_add && executions.deployments.find(namespace, name)?.is_none() {
                return Err(Error::FailedPrecondition(format!(
                    "no Worker Deployment found with name {name}; does your Worker Deployment have pollers?"
                ))
                .into());
            }
            Ok(open(&executions.deployments, namespace, name, now)?)
        },
        |transition, (), (number, mut deployment)| {
            if let (true, Some(build)) = (may_add, build) {
                deployment.check_manager(&change.identity)?;
                add_version(&mut deployment, build, |version| polled.contains(&version.build_id), now)?;
            }
            let answer = set(&mut deployment, &change, now)?;
            transition.put_deployment(number, deployment.clone());
            Ok((answer, deployment))
        },
        |shard, result| {
            if let Ok((_, deployment)) = result {
                shard.reroute_deployment(deployment, now);
            }
        },
    );
    let (answer, deployment) = result.await?;
    context.deployments_changed().notify_one();
    Ok((answer, deployment.conflict_token()))
}

/// Changes a deployment that is there, without its routing, and waits until that is on disk.
///
/// # Errors
///
/// When there is no such deployment, `missing` says so; when `change` refuses, the disk is full, or the service ends.
pub(crate) async fn change_deployment<R>(
    context: &Context,
    (namespace, name): (&str, &str),
    missing: impl Fn() -> Error,
    change: impl FnOnce(&mut Deployment) -> Result<R, Error>,
) -> Result<(R, Deployment), Status> {
    let changed = context.change(
        (),
        |executions, ()| {
            executions.check_namespace(namespace)?;
            let found = executions.deployments.find(namespace, name)?;
            let (number, deployment) = found.ok_or_else(&missing)?;
            Ok((number, deployment.clone()))
        },
        |transition, (), (number, mut deployment)| {
            let answer = change(&mut deployment)?;
            transition.put_deployment(number, deployment.clone());
            Ok((answer, deployment))
        },
    );
    changed.await
}
