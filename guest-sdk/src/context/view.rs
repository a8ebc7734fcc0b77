//! The read-only view of a run.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use guest_sdk_types::{Failure, FromPayloads, NamedPayloads, PayloadError, Priority, RetryPolicy};

pub use crate::bindings::workflow::host::activation::{
    ContinueAsNewReason, ContinuedInitiator, DeploymentVersion,
};
pub use crate::bindings::workflow::host::types::{Execution, NamespacedExecution};
use crate::convert::{from_named_payloads, from_payloads, from_priority, from_retry_policy};
use crate::convert_failure::from_failure;
use crate::host;
use crate::memo::Memo;
use crate::run_state::RunState;
use crate::search_attributes::SearchAttributes;

/// A read-only view of a run. Every context dereferences to it.
#[derive(Clone)]
pub struct WorkflowContextView(pub(crate) Rc<RunState>);

impl WorkflowContextView {
    /// The workflow id.
    #[must_use]
    pub fn workflow_id(&self) -> &str {
        &self.0.info.workflow_id
    }

    /// The run id.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.0.info.run_id
    }

    /// The workflow type that the run was started with. A dynamic workflow finds its type here.
    #[must_use]
    pub fn workflow_type(&self) -> &str {
        &self.0.info.workflow_type
    }

    /// The namespace of the run.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.0.info.namespace
    }

    /// The task queue of the run.
    #[must_use]
    pub fn task_queue(&self) -> &str {
        &self.0.info.task_queue
    }

    /// The attempt under the retry policy of the workflow, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.info.attempt
    }

    /// The identity of the client or worker that started the workflow.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.0.info.identity
    }

    /// The start time of the current workflow task, the same in every replay. Always `Some`; the type is
    /// that of Temporal's SDK.
    #[must_use]
    pub fn workflow_time(&self) -> Option<SystemTime> {
        Some(time(self.0.task.borrow().time))
    }

    /// The start time of the run. Always `Some`; the type is that of Temporal's SDK.
    #[must_use]
    pub fn start_time(&self) -> Option<SystemTime> {
        Some(time(self.0.info.start_time))
    }

    /// From the start of the execution to the end of its last run; `None` if there is no limit.
    #[must_use]
    pub fn execution_timeout(&self) -> Option<Duration> {
        self.0.info.execution_timeout.map(Duration::from_nanos)
    }

    /// When the execution timeout ends; `None` if there is no limit.
    #[must_use]
    pub fn execution_expiration_time(&self) -> Option<SystemTime> {
        self.0.info.execution_expiration_time.map(time)
    }

    /// From the start to the end of this run; `None` if there is no limit.
    #[must_use]
    pub fn run_timeout(&self) -> Option<Duration> {
        self.0.info.run_timeout.map(Duration::from_nanos)
    }

    /// From the start to the completion of a workflow task.
    #[must_use]
    pub fn task_timeout(&self) -> Option<Duration> {
        self.0.info.task_timeout.map(Duration::from_nanos)
    }

    /// The retry policy of the workflow, if it has one.
    #[must_use]
    pub fn retry_policy(&self) -> Option<RetryPolicy> {
        self.0.info.retry_policy.as_ref().map(from_retry_policy)
    }

    /// The cron schedule of the workflow, if it has one.
    #[must_use]
    pub fn cron_schedule(&self) -> Option<&str> {
        present(&self.0.info.cron_schedule)
    }

    /// The parent, if this is a child workflow.
    #[must_use]
    pub fn parent(&self) -> Option<&NamespacedExecution> {
        self.0.info.parent.as_ref()
    }

    /// The execution at the top of the tree of parents and children; `None` if this one is the top.
    #[must_use]
    pub fn root(&self) -> Option<&Execution> {
        self.0.info.root.as_ref()
    }

    /// The run id of the first run of the execution: retries, cron and continue-as-new keep it.
    #[must_use]
    pub fn first_execution_run_id(&self) -> &str {
        &self.0.info.first_run_id
    }

    /// The run id before any reset: a reset keeps it.
    #[must_use]
    pub fn original_execution_run_id(&self) -> &str {
        &self.0.info.original_run_id
    }

    /// The run id of the run that continued as this one, if there is one.
    #[must_use]
    pub fn continued_from_run_id(&self) -> Option<&str> {
        present(&self.0.info.continued_from_run_id)
    }

    /// What made the run before continue as this one: a retry, cron or the workflow.
    #[must_use]
    pub fn continued_initiator(&self) -> ContinuedInitiator {
        self.0.info.continued_initiator
    }

    /// The failure of the run before, if it failed.
    #[must_use]
    pub fn continued_failure(&self) -> Option<Failure> {
        self.0.info.continued_failure.clone().map(from_failure)
    }

    /// The result of the last run of the cron schedule that completed: `(value,)`.
    ///
    /// # Errors
    /// The result could not be decoded: see [`FromPayloads::from_payloads`].
    pub fn last_completion_result<T: FromPayloads>(&self) -> Result<Option<T>, PayloadError> {
        let result = from_payloads(self.0.info.last_completion_result.clone());
        if result.is_empty() { Ok(None) } else { T::from_payloads(&result).map(Some) }
    }

    /// The headers that the run was started with; in the `#[run]` method as interceptors passed them on.
    #[must_use]
    pub fn headers(&self) -> NamedPayloads {
        match self.0.intercepted_headers.get() {
            Some(headers) => headers.clone(),
            None => from_named_payloads(self.0.info.headers.clone()),
        }
    }

    /// The priority of the workflow.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.0.info.priority.as_ref().map(from_priority).unwrap_or_default()
    }

    /// The memo, with the changes of this run.
    #[must_use]
    pub fn memo(&self) -> Memo {
        Memo(self.0.memo.borrow().clone())
    }

    /// The search attributes, with the changes of this run.
    #[must_use]
    pub fn search_attributes(&self) -> SearchAttributes {
        SearchAttributes(self.0.search_attributes.borrow().clone())
    }

    /// The details that [`set_current_details`](crate::SyncWorkflowContext::set_current_details) set last.
    #[must_use]
    pub fn current_details(&self) -> String {
        self.0.current_details.borrow().clone()
    }

    /// The number of events in the history up to the current workflow task.
    #[must_use]
    pub fn history_length(&self) -> u32 {
        self.0.task.borrow().history_length
    }

    /// The size of the history up to the current workflow task, in bytes, as the service counts them.
    #[must_use]
    pub fn history_size(&self) -> u64 {
        self.0.task.borrow().history_size
    }

    /// Whether the service suggests that the run continues as new.
    #[must_use]
    pub fn continue_as_new_suggested(&self) -> bool {
        self.0.task.borrow().continue_as_new_suggested
    }

    /// Why the service suggests that the run continues as new.
    #[must_use]
    pub fn continue_as_new_reasons(&self) -> Vec<ContinueAsNewReason> {
        self.0.task.borrow().continue_as_new_reasons.clone()
    }

    /// Whether the task queue now routes new runs to another Worker Deployment Version.
    #[must_use]
    pub fn target_worker_deployment_version_changed(&self) -> bool {
        self.0.task.borrow().target_deployment_version_changed
    }

    /// The Worker Deployment Version that completed, or now runs, the current workflow task.
    #[must_use]
    pub fn current_deployment_version(&self) -> Option<DeploymentVersion> {
        self.0.task.borrow().deployment_version.clone()
    }

    /// Whether all signal and update handlers have ended. A workflow waits for this before it returns, else
    /// the handlers are dropped.
    #[must_use]
    pub fn all_handlers_finished(&self) -> bool {
        self.0.running_handlers.is_empty()
    }

    /// Whether this code was executed before and is now replayed. For logs and metrics only: the commands of
    /// a workflow must not depend on it.
    #[must_use]
    pub fn is_replaying(&self) -> bool {
        host::workflow::is_replaying()
    }
}

impl std::fmt::Debug for WorkflowContextView {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("WorkflowContextView")
            .field("workflow_type", &self.workflow_type())
            .field("workflow_id", &self.workflow_id())
            .field("run_id", &self.run_id())
            .finish_non_exhaustive()
    }
}

fn time(instant: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(instant)
}

fn present(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
