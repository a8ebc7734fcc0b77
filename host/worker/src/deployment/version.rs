//! A deployment, its versions, and what a version says to the service.

use std::sync::Arc;

use host_sandbox::wit::workflow::host::definition::VersioningBehavior as Defined;
use host_wire::temporal::api::{
    deployment::v1::{WorkerDeploymentOptions, WorkerDeploymentVersion},
    enums::v1::{VersioningBehavior, WorkerVersioningMode},
};

use crate::modules::{LoadedModule, policy::SwapPolicy};

/// Bytes that the name of a deployment may have (`limit.maxIDLength` of Temporal's server).
const MAX_NAME_BYTES: usize = 1000;

/// A worker deployment, whose versions are modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    name: String,
    /// The behavior of definitions that specify none.
    unspecified: VersioningBehavior,
}

/// A name that Temporal's server refuses for a deployment (`validateVersionWfParams`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// It is empty.
    #[error("the name of a worker deployment is empty")]
    Empty,
    /// It is longer than an id may be.
    #[error("the name of a worker deployment has {0} bytes, more than {MAX_NAME_BYTES}")]
    TooLong(usize),
    /// It has what separates deployment and build in the names of versions.
    #[error("the name of a worker deployment has no `.` and no `:` in it")]
    Separator,
    /// It begins as the service's own names do.
    #[error("the name of a worker deployment does not begin with `__`")]
    Reserved,
}

impl Deployment {
    /// A deployment of this name. Runs of definitions that specify no behavior stay on their version under
    /// [`SwapPolicy::Pin`], and follow the current version under the others: as they do on a host without a deployment.
    ///
    /// # Errors
    ///
    /// When Temporal's server refuses the name.
    pub fn new(name: impl Into<String>, policy: SwapPolicy) -> Result<Self, BadName> {
        let name = name.into();
        let wrong = match name.len() {
            0 => BadName::Empty,
            bytes if bytes > MAX_NAME_BYTES => BadName::TooLong(bytes),
            _ if name.contains(['.', ':']) => BadName::Separator,
            _ if name.starts_with("__") => BadName::Reserved,
            _ => {
                let unspecified = if policy.moves_open_runs() {
                    VersioningBehavior::AutoUpgrade
                } else {
                    VersioningBehavior::Pinned
                };
                return Ok(Self { name, unspecified });
            }
        };
        Err(wrong)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The version of a deployment that a worker is: the build id is that of its module, as histories name it.
#[derive(Clone, Debug)]
pub struct WorkerVersion {
    deployment: Deployment,
    module: Arc<LoadedModule>,
}

impl WorkerVersion {
    /// The version of a deployment that a module is.
    #[must_use]
    pub fn new(deployment: Deployment, module: Arc<LoadedModule>) -> Self {
        Self { deployment, module }
    }

    /// The module that executes the version's tasks.
    #[must_use]
    pub fn module(&self) -> &Arc<LoadedModule> {
        &self.module
    }

    /// Deployment and build id.
    pub(crate) fn name(&self) -> Arc<WorkerDeploymentVersion> {
        Arc::new(WorkerDeploymentVersion {
            deployment_name: self.deployment.name.clone(),
            build_id: self.module.build_id(),
        })
    }

    /// `deployment_options` of requests.
    pub(crate) fn options(&self) -> WorkerDeploymentOptions {
        WorkerDeploymentOptions {
            deployment_name: self.deployment.name.clone(),
            build_id: self.module.build_id(),
            worker_versioning_mode: WorkerVersioningMode::Versioned.into(),
        }
    }

    /// Whether runs of a type stay on this version. Never unspecified: the service would count a run without a behavior
    /// among those of workers without a version.
    pub(crate) fn behavior(&self, workflow_type: &str) -> VersioningBehavior {
        let definition = self.module.definition(workflow_type);
        self.deployment.behavior(definition.map(|definition| definition.versioning_behavior))
    }
}

impl Deployment {
    fn behavior(&self, defined: Option<Defined>) -> VersioningBehavior {
        match defined {
            Some(Defined::Pinned) => VersioningBehavior::Pinned,
            Some(Defined::AutoUpgrade) => VersioningBehavior::AutoUpgrade,
            Some(Defined::Unspecified) | None => self.unspecified,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_service_refuses() {
        let check = |name: &str, expected: Option<BadName>| {
            assert_eq!(Deployment::new(name, SwapPolicy::Pin).err(), expected, "{name}");
        };
        check("shop", None);
        check("shop/eu_1-b", None);
        check("", Some(BadName::Empty));
        check("shop.eu", Some(BadName::Separator));
        check("shop:eu", Some(BadName::Separator));
        check("__shop", Some(BadName::Reserved));
        check(&"s".repeat(1000), None);
        check(&"s".repeat(1001), Some(BadName::TooLong(1001)));
    }

    #[test]
    fn definitions_outrank_the_policy() {
        let check = |policy, defined, expected| {
            let deployment = Deployment::new("shop", policy).unwrap();
            assert_eq!(deployment.behavior(Some(defined)), expected, "{policy} {defined:?}");
        };
        for policy in SwapPolicy::ALL {
            check(policy, Defined::Pinned, VersioningBehavior::Pinned);
            check(policy, Defined::AutoUpgrade, VersioningBehavior::AutoUpgrade);
        }
        check(SwapPolicy::Pin, Defined::Unspecified, VersioningBehavior::Pinned);
        check(SwapPolicy::Upgrade, Defined::Unspecified, VersioningBehavior::AutoUpgrade);
        check(SwapPolicy::Require, Defined::Unspecified, VersioningBehavior::AutoUpgrade);
    }
}
