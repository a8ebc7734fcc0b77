//! SetWorkerDeploymentRampingVersion, as `handleSetRampingVersion` of Temporal's server.

use host_wire::temporal::api::enums::v1::VersionDrainageStatus as Drainage;

use crate::{
    deployment::{
        set_current::{Change, misses_queues, no_version},
        state::{Deployment, Ramp},
        version,
    },
    error::Error,
    time::Time,
};

/// Has a version get a part of the workflows, or ends that; answers the ramp before.
///
/// # Errors
///
/// When the change is not allowed, or the version is not there.
pub(crate) fn set_ramping(
    deployment: &mut Deployment,
    ramp: Option<Ramp>,
    change: &Change,
    now: Time,
) -> Result<Option<Ramp>, Error> {
    let previous = deployment.ramp.clone();
    if previous == ramp && deployment.last_modifier == change.identity {
        return Ok(previous);
    }
    deployment.check_token(&change.token)?;
    if let Some(ramp) = &ramp {
        let is_end = ramp.build.is_none() && ramp.percentage == 0.0;
        if ramp.build == deployment.current && !is_end {
            let version = ramp.build.as_ref().map(|build| deployment.version(build));
            return Err(Error::FailedPrecondition(format!(
                "requested ramping version {} is already current",
                version::older_name(version.as_ref())
            )));
        }
        if ramp.build.as_ref().is_some_and(|build| !deployment.versions.contains_key(build)) {
            return Err(no_version());
        }
    }
    deployment.check_manager(&change.identity)?;
    let build = ramp.as_ref().and_then(|ramp| ramp.build.clone());
    let is_same = match (&previous, &ramp) {
        (Some(previous), Some(ramp)) => previous.build == ramp.build,
        (None, None) => true,
        _ => false,
    };
    if !is_same && !change.ignores_missing_queues && misses_queues(deployment, build.as_deref(), change) {
        return Err(Error::FailedPrecondition(
            "proposed ramping version is missing active task queues from the current version; these would become \
             unversioned if it is set as the ramping version"
                .to_owned(),
        ));
    }
    if let Some(version) = build.as_ref().and_then(|build| deployment.versions.get_mut(build)) {
        version.activate(now);
        version.ramping_since = version.ramping_since.or(Some(now.into()));
        if !is_same {
            version.set_drainage(Drainage::Unspecified, now);
        }
    }
    if !is_same {
        let before = previous.as_ref().and_then(|ramp| ramp.build.as_ref());
        if let Some(version) = before.and_then(|build| deployment.versions.get_mut(build)) {
            version.deactivate(now);
        }
        deployment.ramp_changed = Some(now.into());
    }
    if ramp.is_none() {
        deployment.ramp_changed = Some(now.into());
    }
    deployment.ramp = ramp;
    deployment.percentage_changed = Some(now.into());
    deployment.changed_by(&change.identity);
    Ok(previous)
}
