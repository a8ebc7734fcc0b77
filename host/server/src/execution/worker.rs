//! The worker of a task, as its run keeps it.

use host_wire::temporal::api::{common::v1::WorkerVersionStamp, deployment::v1::WorkerDeploymentVersion};

/// The worker that has a task.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Worker {
    pub(crate) identity: String,
    /// Its build. It does not change routing.
    pub(crate) version: Option<WorkerVersionStamp>,
    /// Its version in a worker deployment, which does.
    pub(crate) deployment: Option<WorkerDeploymentVersion>,
    /// Whether it ends with the process of the service.
    pub(crate) in_process: bool,
}
