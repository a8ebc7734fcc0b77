//! What can be read of a run.

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
use crate::run::Run;
use crate::search_attributes::SearchAttributes;

/// What can be read of a run. Every context gives it.
#[derive(Clone)]
pub struct WorkflowContextView(pub(crate) Rc<Run>);

impl WorkflowContextView {
    /// The workflow id.
    #[must_use]
    pub fn workflow_id(&self) -> &str {
        &self.0.info.workflow_id
    }

    /// The id of this run.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.0.info.run_id
    }

    /// The workflow type, as the one who started it named it.
    #[must_use]
    pub fn workflow_type(&self) -> &str {
        &self.0.info.workflow_type
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.0.info.namespace
    }

    /// The task queue.
    #[must_use]
    pub fn task_queue(&self) -> &str {
        &self.0.info.task_queue
    }

    /// From 1: how often this workflow was tried under its retry policy.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.info.attempt
    }

    /// The identity that started the workflow.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.0.info.identity
    }

    /// When the current workflow task started: the time of a workflow, the same in every replay. Never
    /// absent here; the type is that of Temporal's SDK.
    #[must_use]
    pub fn workflow_time(&self) -> Option<SystemTime> {
        Some(time(self.0.task.borrow().time))
    }

    /// When the run started.
    #[must_use]
    pub fn start_time(&self) -> Option<SystemTime> {
        Some(time(self.0.info.start_time))
    }

    /// How long the execution may take, whatever its runs do.
    #[must_use]
    pub fn execution_timeout(&self) -> Option<Duration> {
        self.0.info.execution_timeout.map(Duration::from_nanos)
    }

    /// When the execution times out.
    #[must_use]
    pub fn execution_expiration_time(&self) -> Option<SystemTime> {
        self.0.info.execution_expiration_time.map(time)
    }

    /// How long this run may take.
    #[must_use]
    pub fn run_timeout(&self) -> Option<Duration> {
        self.0.info.run_timeout.map(Duration::from_nanos)
    }

    /// How long a workflow task may take.
    #[must_use]
    pub fn task_timeout(&self) -> Option<Duration> {
        self.0.info.task_timeout.map(Duration::from_nanos)
    }

    /// The retry policy of the workflow.
    #[must_use]
    pub fn retry_policy(&self) -> Option<RetryPolicy> {
        self.0.info.retry_policy.as_ref().map(from_retry_policy)
    }

    /// The cron schedule.
    #[must_use]
    pub fn cron_schedule(&self) -> Option<&str> {
        present(&self.0.info.cron_schedule)
    }

    /// The workflow that started this one as its child.
    #[must_use]
    pub fn parent(&self) -> Option<&NamespacedExecution> {
        self.0.info.parent.as_ref()
    }

    /// The workflow at the top of the tree of children.
    #[must_use]
    pub fn root(&self) -> Option<&Execution> {
        self.0.info.root.as_ref()
    }

    /// The first run of the chain.
    #[must_use]
    pub fn first_execution_run_id(&self) -> &str {
        &self.0.info.first_run_id
    }

    /// The run id that a reset keeps.
    #[must_use]
    pub fn original_execution_run_id(&self) -> &str {
        &self.0.info.original_run_id
    }

    /// The run that this one follows on.
    #[must_use]
    pub fn continued_from_run_id(&self) -> Option<&str> {
        present(&self.0.info.continued_from_run_id)
    }

    /// Why this run follows on another.
    #[must_use]
    pub fn continued_initiator(&self) -> ContinuedInitiator {
        self.0.info.continued_initiator
    }

    /// How the last run failed.
    #[must_use]
    pub fn continued_failure(&self) -> Option<Failure> {
        self.0.info.continued_failure.clone().map(from_failure)
    }

    /// What the last run of a cron schedule returned: `(value,)`.
    ///
    /// # Errors
    /// As [`FromPayloads::from_payloads`].
    pub fn last_completion_result<T: FromPayloads>(&self) -> Result<Option<T>, PayloadError> {
        let result = from_payloads(self.0.info.last_completion_result.clone());
        if result.is_empty() { Ok(None) } else { T::from_payloads(&result).map(Some) }
    }

    /// The headers that the workflow was started with.
    #[must_use]
    pub fn headers(&self) -> NamedPayloads {
        from_named_payloads(self.0.info.headers.clone())
    }

    /// The priority of the workflow.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.0.info.priority.as_ref().map(from_priority).unwrap_or_default()
    }

    /// The memo, with what this run added.
    #[must_use]
    pub fn memo(&self) -> Memo {
        Memo(self.0.memo.borrow().clone())
    }

    /// The search attributes, with what this run added.
    #[must_use]
    pub fn search_attributes(&self) -> SearchAttributes {
        SearchAttributes(self.0.search_attributes.borrow().clone())
    }

    /// What the workflow last said of itself.
    #[must_use]
    pub fn current_details(&self) -> String {
        self.0.current_details.borrow().clone()
    }

    /// Events in history up to the current workflow task.
    #[must_use]
    pub fn history_length(&self) -> u32 {
        self.0.task.borrow().history_length
    }

    /// Bytes of history up to the current workflow task, as the service counts them.
    #[must_use]
    pub fn history_size(&self) -> u64 {
        self.0.task.borrow().history_size
    }

    /// Whether the history is so long that the run should continue as new.
    #[must_use]
    pub fn continue_as_new_suggested(&self) -> bool {
        self.0.task.borrow().continue_as_new_suggested
    }

    /// Why the run should continue as new.
    #[must_use]
    pub fn continue_as_new_reasons(&self) -> Vec<ContinueAsNewReason> {
        self.0.task.borrow().continue_as_new_reasons.clone()
    }

    /// Whether the deployment version that new runs go to has changed.
    #[must_use]
    pub fn target_worker_deployment_version_changed(&self) -> bool {
        self.0.task.borrow().target_deployment_version_changed
    }

    /// The deployment version that ran, or now runs, the current workflow task.
    #[must_use]
    pub fn current_deployment_version(&self) -> Option<DeploymentVersion> {
        self.0.task.borrow().deployment_version.clone()
    }

    /// Whether all signal and update handlers have ended. Worth waiting for before the workflow ends.
    #[must_use]
    pub fn all_handlers_finished(&self) -> bool {
        self.0.handlers.get() == 0
    }

    /// Whether this was executed before. For logs and the like only: what a workflow does must not depend
    /// on it.
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
