//! Workers as runs remember them.

use host_wire::temporal::api::common::v1::WorkerVersionStamp;

/// Who works on a task.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Worker {
    pub(crate) identity: String,
    /// Its build; says nothing about where tasks go.
    pub(crate) version: Option<WorkerVersionStamp>,
    /// Whether it ends with the process of the service.
    pub(crate) in_process: bool,
}
