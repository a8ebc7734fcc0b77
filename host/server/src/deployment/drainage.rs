//! Whether runs are pinned still to a version that gets no new ones: looked for now and then, in the list of runs.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use host_wire::temporal::api::{
    deployment::v1::{VersionDrainageInfo, WorkerDeploymentVersion},
    enums::v1::VersionDrainageStatus as Drainage,
};
use tokio::time::sleep;
use tonic::Status;

use crate::{
    deployment::{
        state::{DeploymentNumber, Version},
        version::name,
    },
    execution::{record::RunNumber, versioning::describe::pinned_build_id},
    limits,
    shard::context::ShardContext,
    time::Time,
    visibility::{
        filter::Filter,
        scan::{Scan, scan},
    },
};

/// The longest time until a change of the clock is noticed, and until a check is tried again that failed.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A version that drains.
struct Draining {
    number: DeploymentNumber,
    namespace: String,
    version: WorkerDeploymentVersion,
    /// When it is looked for the next time.
    due: Time,
}

/// Runs until the service is gone, and does not keep it alive.
pub(crate) async fn run_drainage(context: Weak<ShardContext>) {
    let Some((changed, closing)) =
        context.upgrade().map(|context| (context.deployments_changed().clone(), context.closing().clone()))
    else {
        return;
    };
    loop {
        let wait = {
            let Some(context) = context.upgrade() else { return };
            let now = context.now();
            match next(&context) {
                Some(draining) if draining.due <= now => match check(&context, &draining).await {
                    Ok(()) => continue,
                    Err(status) => {
                        let version = name(&draining.version);
                        tracing::debug!(version, %status, "the drainage of a version is looked for later");
                        Some(LONGEST_WAIT)
                    }
                },
                Some(draining) => Some(draining.due.since(now).min(LONGEST_WAIT)),
                None => None,
            }
        };
        tokio::select! {
            biased;
            _ = closing.wait_for(|closing| closing) => return,
            () = changed.notified() => {}
            () = sleep(wait.unwrap_or_default()), if wait.is_some() => {}
        }
    }
}

fn next(context: &ShardContext) -> Option<Draining> {
    let shard = context.lock();
    let draining = shard.executions.deployments.draining().map(|(number, deployment, build_id, version)| {
        let version_name = deployment.version(build_id);
        let namespace = deployment.namespace.clone();
        Draining { number, namespace, version: version_name, due: due(version, context.drainage_interval) }
    });
    draining.min_by_key(|draining| draining.due)
}

fn due(version: &Version, interval: Duration) -> Time {
    let info = version.drainage.unwrap_or_default();
    let checked = info.last_checked_time.map(Time::from).unwrap_or_default();
    checked.after(interval.max(limits::SHORTEST_DRAINAGE_INTERVAL))
}

/// Looks for open runs that are pinned to a version, and keeps whether there are some.
async fn check(context: &Arc<ShardContext>, draining: &Draining) -> Result<(), Status> {
    context.check_room()?;
    let text = pinned_build_id(&name(&draining.version)).replace('\\', "\\\\").replace('\'', "''");
    let filter = format!("BuildIds = '{text}' AND ExecutionStatus = 'Running'");
    let all = Scan {
        namespace: draining.namespace.clone(),
        before: RunNumber::MAX,
        filter: Filter::parse(&filter, &context.search_attributes(&draining.namespace)?)?,
        most: 1,
        most_bytes: usize::MAX,
        sum: false,
        add: |is_used, _, _| *is_used = true,
    };
    let is_used = scan(context, all).await?;
    let status = if is_used { Drainage::Draining } else { Drainage::Drained };
    let build_id = &draining.version.build_id;
    let kept = context.transition(
        (),
        |executions, ()| Ok(executions.deployments.get(draining.number).cloned()),
        |transition, (), deployment| {
            let Some(mut deployment) = deployment else { return Ok(()) };
            let now = transition.now().into();
            // It may have been activated meanwhile.
            let version = deployment.versions.get_mut(build_id).filter(|version| version.is_draining());
            if let Some(version) = version {
                let before = version.drainage.unwrap_or_default();
                let has_changed = before.status() != status;
                version.drainage = Some(VersionDrainageInfo {
                    status: status.into(),
                    last_changed_time: if has_changed { Some(now) } else { before.last_changed_time },
                    last_checked_time: Some(now),
                });
            }
            transition.put_deployment(draining.number, deployment);
            Ok(())
        },
        |_, _| {},
    );
    kept.await?.0.map_err(Status::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_looked_at_after_the_interval() {
        let check = |interval_ms, expected_ms| {
            let mut version = Version::new(Time(0));
            version.set_drainage(Drainage::Draining, Time(0));
            let due = due(&version, Duration::from_millis(interval_ms));
            assert_eq!(due.since(Time(0)), Duration::from_millis(expected_ms), "{interval_ms} ms");
        };
        check(180_000, 180_000);
        check(2_000, 2_000);
        // Else the service would do nothing else.
        check(0, 1_000);
    }
}
