//! The version of a worker that polls.

use host_wire::temporal::api::{
    common::v1::WorkerVersionCapabilities,
    deployment::v1::{WorkerDeploymentOptions, WorkerDeploymentVersion},
    enums::v1::{TaskQueueKind, TaskQueueType},
    taskqueue::v1::TaskQueue,
};
use tonic::Status;

use crate::{
    api::context::Context,
    deployment::{register::register as registered, version::version_of},
    error::Error,
    matching::queue_key::QueueKey,
};

/// The version that a poll names; none for workers without one. `DeploymentFromCapabilities` of Temporal's server.
///
/// # Errors
///
/// When a part of the name is missing, or is none that can be.
pub(crate) fn of(
    capabilities: Option<&WorkerVersionCapabilities>,
    options: Option<&WorkerDeploymentOptions>,
) -> Result<Option<WorkerDeploymentVersion>, Error> {
    let Some(version) = version_of(options) else {
        let older = capabilities.filter(|of| {
            of.use_versioning && !of.deployment_series_name.is_empty() && !of.build_id.is_empty()
        });
        return Ok(older.map(|of| WorkerDeploymentVersion {
            deployment_name: of.deployment_series_name.clone(),
            build_id: of.build_id.clone(),
        }));
    };
    let wrong = match &version {
        version if version.deployment_name.is_empty() => "versioned worker must have deployment name",
        version if version.build_id.is_empty() => "versioned worker must have build id",
        version if version.deployment_name.contains([':', '.']) => {
            "deployment name cannot contain ':' or '.'"
        }
        _ => return Ok(Some(version)),
    };
    Err(Error::invalid(wrong))
}

/// Makes the deployment, the version and its queue known, on disk, unless they are; answers the queue of the version.
/// The sticky queue of a worker is its own whatever its version.
///
/// # Errors
///
/// When there are too many, the disk is full, or the service ends.
pub(crate) async fn register(
    context: &Context,
    key: QueueKey,
    queue: Option<&TaskQueue>,
    version: Option<&WorkerDeploymentVersion>,
) -> Result<QueueKey, Status> {
    let Some(version) = version else { return Ok(key) };
    let is_sticky = queue.is_some_and(|queue| queue.kind() == TaskQueueKind::Sticky);
    let name = match queue {
        Some(queue) if is_sticky && queue.normal_name.is_empty() => return Ok(key),
        Some(queue) if is_sticky => &queue.normal_name,
        _ => &key.name,
    };
    let of = key.of;
    let normal = QueueKey::of(&key.namespace, name, of);
    let is_known = context.lock().executions.deployments.polls(&key.namespace, version, name, of);
    if !is_known {
        add(context, &normal, of, version).await?;
    }
    Ok(if is_sticky { key } else { key.for_version(Some(version.clone())) })
}

async fn add(
    context: &Context,
    queue: &QueueKey,
    of: TaskQueueType,
    version: &WorkerDeploymentVersion,
) -> Result<(), Status> {
    let now = context.now();
    let namespace = &queue.namespace;
    let polled = context.lock().polled_builds(namespace, &version.deployment_name, now);
    let change = context.change_with(
        (),
        |executions, ()| {
            // It may have been deleted since the poll came.
            executions.check_namespace(namespace)?;
            let has_pollers = |version: &WorkerDeploymentVersion| polled.contains(&version.build_id);
            let queue = (&*queue.name, of);
            Ok(registered(&executions.deployments, namespace, version, queue, has_pollers, now)?)
        },
        |transition, (), (number, deployment)| {
            transition.put_deployment(number, deployment);
            Ok(())
        },
        |shard, added| {
            if added.is_ok() {
                shard.reroute(|key| key.is_of(queue), now);
            }
        },
    );
    change.await
}
