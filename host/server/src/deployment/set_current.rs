//! SetWorkerDeploymentCurrentVersion, as `handleSetCurrent` of Temporal's server.

use std::collections::BTreeSet;

use bytes::Bytes;
use host_wire::temporal::api::enums::v1::VersionDrainageStatus as Drainage;

use crate::{
    deployment::state::{Deployment, Queue},
    error::Error,
    time::Time,
};

/// Who changes the routing of a deployment, and what is to be checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) identity: String,
    pub(crate) token: Bytes,
    pub(crate) ignores_missing_queues: bool,
    /// Queues of the current version on which something happens.
    pub(crate) busy: BTreeSet<Queue>,
}

/// Makes a version the current one, which the caller has added where it may; answers the one before. None is workers
/// without a version.
///
/// # Errors
///
/// When the change is not allowed, or the version is not there.
pub(crate) fn set_current(
    deployment: &mut Deployment,
    build: Option<&str>,
    change: &Change,
    now: Time,
) -> Result<Option<String>, Error> {
    let previous = deployment.current.clone();
    if previous.as_deref() == build && deployment.last_modifier == change.identity {
        return Ok(previous);
    }
    deployment.check_token(&change.token)?;
    if build.is_some_and(|build| !deployment.versions.contains_key(build)) {
        return Err(no_version());
    }
    deployment.check_manager(&change.identity)?;
    if !change.ignores_missing_queues && misses_queues(deployment, build, change) {
        return Err(Error::FailedPrecondition(
            "proposed current version is missing active task queues from the current version; these would become \
             unversioned if it is set as the current version"
                .to_owned(),
        ));
    }
    if previous.as_deref() != build {
        if let Some(version) = build.and_then(|build| deployment.versions.get_mut(build)) {
            version.activate(now);
            version.current_since = Some(now.into());
            version.ramping_since = None;
            version.set_drainage(Drainage::Unspecified, now);
        }
        if let Some(version) = previous.as_ref().and_then(|build| deployment.versions.get_mut(build)) {
            version.deactivate(now);
        }
    }
    deployment.current = build.map(str::to_owned);
    deployment.current_changed = Some(now.into());
    if deployment.ramp.as_ref().is_some_and(|ramp| ramp.build.as_deref() == build) {
        deployment.ramp = None;
        deployment.ramp_changed = Some(now.into());
        deployment.percentage_changed = Some(now.into());
    }
    deployment.changed_by(&change.identity);
    Ok(previous)
}

pub(crate) fn no_version() -> Error {
    Error::NotFound("Version not found in deployment".to_owned())
}

/// Whether a version does not poll queues of the current one on which something happens.
pub(crate) fn misses_queues(deployment: &Deployment, build: Option<&str>, change: &Change) -> bool {
    let (Some(current), Some(build)) = (&deployment.current, build) else { return false };
    let queues = |build: &str| deployment.versions.get(build).map(|version| &version.queues);
    let (Some(current), Some(new)) = (queues(current), queues(build)) else { return false };
    current.iter().any(|queue| !new.contains(queue) && change.busy.contains(queue))
}
