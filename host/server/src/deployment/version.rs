//! Names of versions: a deployment, and a build in it.

use host_wire::temporal::api::{
    deployment::v1::{WorkerDeploymentOptions, WorkerDeploymentVersion},
    enums::v1::WorkerVersioningMode,
};

use crate::{deployment::state::Deployment, error::Error, limits};

/// What stands for workers without a version, where older clients read a text.
pub(crate) const UNVERSIONED: &str = "__unversioned__";

/// The text of a version in search attributes: `deployment:build`.
pub(crate) fn name(version: &WorkerDeploymentVersion) -> String {
    format!("{}:{}", version.deployment_name, version.build_id)
}

/// The text of a version for older clients: `deployment.build`.
pub(crate) fn older_name(version: Option<&WorkerDeploymentVersion>) -> String {
    version
        .map_or(UNVERSIONED.to_owned(), |version| format!("{}.{}", version.deployment_name, version.build_id))
}

/// The version in a text of [`older_name`], or of [`name`]; none for workers without one.
///
/// # Errors
///
/// Says what is missing, as `WorkerDeploymentVersionFromStringV31` of Temporal's server.
pub(crate) fn parse(text: &str) -> Result<Option<WorkerDeploymentVersion>, String> {
    if text == UNVERSIONED {
        return Ok(None);
    }
    // Where there are both, the first ends the name of the deployment, which has neither.
    let Some((deployment_name, build_id)) = text.split_once(['.', ':']) else {
        return Err(format!("expected delimiter ':' or '.' not found in version string {text}"));
    };
    if deployment_name.is_empty() {
        return Err(format!("deployment name is empty in version string {text}"));
    }
    if build_id.is_empty() {
        return Err(format!("build id is empty in version string {text}"));
    }
    Ok(Some(WorkerDeploymentVersion {
        deployment_name: deployment_name.to_owned(),
        build_id: build_id.to_owned(),
    }))
}

/// The version that a request names by a message, or by the text of older clients.
///
/// # Errors
///
/// When it names none, or none that can be.
pub(crate) fn named(
    version: Option<WorkerDeploymentVersion>,
    older: &str,
) -> Result<WorkerDeploymentVersion, Error> {
    let text = if older.is_empty() { older_name(version.as_ref()) } else { older.to_owned() };
    let wrong = || {
        Error::invalid(format!(
            "invalid version string \"{text}\", expected format is \"<deployment_name>.<build_id>\""
        ))
    };
    let version = match version.filter(|_| older.is_empty()) {
        Some(version) => version,
        None => parse(&text).ok().flatten().ok_or_else(wrong)?,
    };
    check_name(&version.deployment_name)?;
    check_build(&version.build_id)?;
    Ok(version)
}

/// The build that a request names in a deployment by its `build_id`, or by the `version` of older clients; none for
/// workers without a version.
///
/// # Errors
///
/// When the text is no version of the deployment.
pub(crate) fn build_in(deployment: &str, build_id: &str, older: &str) -> Result<Option<String>, Error> {
    if older.is_empty() {
        if build_id.is_empty() {
            return Ok(None);
        }
        check_build(build_id)?;
        return Ok(Some(build_id.to_owned()));
    }
    let version = parse(older).map_err(|wrong| Error::invalid(format!("invalid version string: {wrong}")))?;
    match version {
        Some(version) if version.deployment_name != deployment => Err(Error::invalid(format!(
            "invalid version string '{older}' does not match deployment name '{deployment}'"
        ))),
        version => Ok(version.map(|version| version.build_id)),
    }
}

/// The version that a worker says it is; none if it says that it has none.
pub(crate) fn version_of(options: Option<&WorkerDeploymentOptions>) -> Option<WorkerDeploymentVersion> {
    let options =
        options.filter(|options| options.worker_versioning_mode() == WorkerVersioningMode::Versioned)?;
    Some(WorkerDeploymentVersion {
        deployment_name: options.deployment_name.clone(),
        build_id: options.build_id.clone(),
    })
}

/// Checks the name of a deployment, as `validateVersionWfParams` of Temporal's server.
///
/// # Errors
///
/// Says what is wrong with it.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    check_part("WorkerDeploymentName", name)?;
    for delimiter in ['.', ':'] {
        if name.contains(delimiter) {
            return Err(Error::invalid(format!("worker deployment name cannot contain '{delimiter}'")));
        }
    }
    check_prefix("WorkerDeploymentName", name)
}

/// The same for a build id.
///
/// # Errors
///
/// Says what is wrong with it.
pub(crate) fn check_build(build_id: &str) -> Result<(), Error> {
    check_part("BuildID", build_id)?;
    check_prefix("BuildID", build_id)
}

fn check_part(field: &str, part: &str) -> Result<(), Error> {
    if part.is_empty() {
        return Err(Error::invalid(format!("{field} cannot be empty")));
    }
    if part.len() > limits::DEPLOYMENT_NAME_BYTES {
        return Err(Error::invalid(format!("size of {field} larger than the maximum allowed")));
    }
    Ok(())
}

fn check_prefix(field: &str, part: &str) -> Result<(), Error> {
    if part.starts_with("__") {
        return Err(Error::invalid(format!("{field} cannot start with '__'")));
    }
    Ok(())
}

impl Deployment {
    /// A version of the deployment.
    pub(crate) fn version(&self, build_id: &str) -> WorkerDeploymentVersion {
        WorkerDeploymentVersion { deployment_name: self.name.clone(), build_id: build_id.to_owned() }
    }
}
