//! Options of a start.

use std::time::Duration;

use guest_sdk_types::{NamedPayloads, Priority, RetryPolicy};
use host_wire::temporal::api::enums::v1::{WorkflowIdConflictPolicy, WorkflowIdReusePolicy};

/// Options of a start. The service has defaults for what is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StartOptions {
    /// The queue that the workflow's workers poll.
    pub task_queue: String,
    /// The workflow id. Empty: a new UUID.
    pub workflow_id: String,
    /// What happens when a closed execution has the id.
    pub id_reuse_policy: IdReusePolicy,
    /// What happens when an open execution has the id.
    pub id_conflict_policy: IdConflictPolicy,
    /// Ends the execution with everything it continues as.
    pub execution_timeout: Option<Duration>,
    /// Ends a single run.
    pub run_timeout: Option<Duration>,
    /// How long a worker may take for one workflow task.
    pub task_timeout: Option<Duration>,
    /// How long the first workflow task waits.
    pub start_delay: Option<Duration>,
    /// Runs it again and again.
    pub cron_schedule: Option<String>,
    /// Runs it again when it fails.
    pub retry_policy: Option<RetryPolicy>,
    /// Kept with the execution, not searchable.
    pub memo: NamedPayloads,
    /// Kept with the execution, searchable.
    pub search_attributes: NamedPayloads,
    /// Passed to the workflow beside its arguments.
    pub headers: NamedPayloads,
    /// Which of several waiting tasks comes first.
    pub priority: Option<Priority>,
    /// One line for people.
    pub static_summary: Option<String>,
    /// Several lines for people.
    pub static_details: Option<String>,
}

impl StartOptions {
    /// On this task queue, with a new workflow id.
    pub fn new(task_queue: impl Into<String>) -> Self {
        Self { task_queue: task_queue.into(), ..Self::default() }
    }

    /// With this workflow id.
    #[must_use]
    pub fn workflow_id(mut self, workflow_id: impl Into<String>) -> Self {
        self.workflow_id = workflow_id.into();
        self
    }
}

/// What happens when a closed execution has the workflow id: `WorkflowIdReusePolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdReusePolicy {
    /// As the service's default, which is to allow it.
    #[default]
    Unspecified,
    /// It may be used again.
    AllowDuplicate,
    /// It may be used again unless the last execution completed.
    AllowDuplicateFailedOnly,
    /// It may not be used again.
    RejectDuplicate,
}

/// What happens when an open execution has the workflow id: `WorkflowIdConflictPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdConflictPolicy {
    /// As the service's default, which is to fail.
    #[default]
    Unspecified,
    /// The start fails.
    Fail,
    /// Nothing is started; the handle is one for the open run.
    UseExisting,
    /// The open run is terminated.
    TerminateExisting,
}

impl From<IdReusePolicy> for WorkflowIdReusePolicy {
    fn from(policy: IdReusePolicy) -> Self {
        match policy {
            IdReusePolicy::Unspecified => Self::Unspecified,
            IdReusePolicy::AllowDuplicate => Self::AllowDuplicate,
            IdReusePolicy::AllowDuplicateFailedOnly => Self::AllowDuplicateFailedOnly,
            IdReusePolicy::RejectDuplicate => Self::RejectDuplicate,
        }
    }
}

impl From<IdConflictPolicy> for WorkflowIdConflictPolicy {
    fn from(policy: IdConflictPolicy) -> Self {
        match policy {
            IdConflictPolicy::Unspecified => Self::Unspecified,
            IdConflictPolicy::Fail => Self::Fail,
            IdConflictPolicy::UseExisting => Self::UseExisting,
            IdConflictPolicy::TerminateExisting => Self::TerminateExisting,
        }
    }
}
