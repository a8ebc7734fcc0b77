//! DeleteWorkerDeploymentVersion and DeleteWorkerDeployment.

use crate::{deployment::state::Deployment, error::Error};

/// Checks that a version is of no use any more.
///
/// # Errors
///
/// Says why it is: it gets workflows, runs are pinned to it, or workers poll.
pub(crate) fn may_be_deleted(
    deployment: &Deployment,
    build_id: &str,
    has_pollers: bool,
    skips_drainage: bool,
) -> Result<(), Error> {
    let refused = |reason: &str| Err(Error::FailedPrecondition(reason.to_owned()));
    if deployment.current.as_deref() == Some(build_id) || deployment.ramping() == Some(build_id) {
        return refused("Version cannot be deleted since it is current or ramping.");
    }
    let version = deployment.versions.get(build_id);
    if !skips_drainage && version.is_some_and(|version| version.is_draining()) {
        return refused("Version cannot be deleted since it is draining.");
    }
    if has_pollers {
        return refused("Version cannot be deleted since it has active pollers.");
    }
    Ok(())
}

/// Deletes a version. One that is not there is no error.
///
/// # Errors
///
/// As [`may_be_deleted`], or when the deployment has another manager.
pub(crate) fn delete_version(
    deployment: &mut Deployment,
    build_id: &str,
    has_pollers: bool,
    skips_drainage: bool,
    identity: &str,
) -> Result<(), Error> {
    if !deployment.versions.contains_key(build_id) {
        return Ok(());
    }
    // In the order of Temporal's server.
    may_be_deleted(deployment, build_id, false, true)?;
    deployment.check_manager(identity)?;
    may_be_deleted(deployment, build_id, has_pollers, skips_drainage)?;
    deployment.versions.remove(build_id);
    identity.clone_into(&mut deployment.last_modifier);
    Ok(())
}

/// Checks that a deployment has no versions.
///
/// # Errors
///
/// When it has some.
pub(crate) fn check_empty(deployment: &Deployment) -> Result<(), Error> {
    if deployment.versions.is_empty() {
        return Ok(());
    }
    Err(Error::FailedPrecondition("deployment has versions, can't be deleted".to_owned()))
}
