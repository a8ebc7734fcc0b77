//! The version and the behaviour of a run.

use host_wire::temporal::api::{
    deployment::v1::WorkerDeploymentVersion, enums::v1::VersioningBehavior as Behavior,
};

use crate::execution::{
    run::Run,
    versioning::effective::{behavior, version},
};

impl Run {
    /// Whether its tasks stay on its version, or go to the version that the deployment says.
    pub(crate) fn versioning_behavior(&self) -> Behavior {
        behavior(self.versioning(), self.options().versioning_override())
    }

    /// The version that it is on, or on its way to; none is workers without a version.
    pub(crate) fn effective_version(&self) -> Option<&WorkerDeploymentVersion> {
        version(self.versioning(), self.options().versioning_override())
    }

    /// Its version, while its tasks stay on it.
    pub(crate) fn pinned_version(&self) -> Option<&WorkerDeploymentVersion> {
        self.effective_version().filter(|_| self.versioning_behavior() == Behavior::Pinned)
    }
}
