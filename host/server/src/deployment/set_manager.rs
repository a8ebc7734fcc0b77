//! SetWorkerDeploymentManager: who alone may change the deployment.

use bytes::Bytes;

use crate::{deployment::state::Deployment, error::Error};

/// Sets the manager, or none with an empty name; answers the one before.
///
/// # Errors
///
/// When the deployment was changed since the token was given out.
pub(crate) fn set_manager(
    deployment: &mut Deployment,
    manager: String,
    identity: &str,
    token: &Bytes,
) -> Result<String, Error> {
    if deployment.manager == manager && deployment.last_modifier == identity {
        return Ok(manager);
    }
    deployment.check_token(token)?;
    let previous = std::mem::replace(&mut deployment.manager, manager);
    deployment.changed_by(identity);
    Ok(previous)
}
