//! Contexts without a run, for native tests of handlers.

use super::{SyncWorkflowContext, WorkflowContextView};
use crate::bindings::workflow::host::activation::{ContinuedInitiator, WorkflowInfo};
use crate::run_state::{RunState, TaskInfo};

impl WorkflowContextView {
    /// A view of no run, for a native test that calls a query, a validator or `#[init]` alone: ids and names are empty, and
    /// time is at 1970.
    #[must_use]
    pub fn for_tests() -> Self {
        Self(RunState::new(info(), TaskInfo::default()))
    }
}

impl<W> SyncWorkflowContext<W> {
    /// A context of no run, for a native test that calls a synchronous handler alone. Calls that need the host, such as
    /// [`timer`](Self::timer), panic: `workflow-test` runs workflows.
    #[must_use]
    pub fn for_tests() -> Self {
        Self::new(WorkflowContextView::for_tests().0)
    }
}

/// What a run without a host knows of itself.
pub(crate) fn info() -> WorkflowInfo {
    WorkflowInfo {
        namespace: String::new(),
        workflow_id: String::new(),
        run_id: String::new(),
        workflow_type: String::new(),
        task_queue: String::new(),
        start_time: 0,
        attempt: 1,
        identity: String::new(),
        execution_timeout: None,
        run_timeout: None,
        task_timeout: None,
        execution_expiration_time: None,
        retry_policy: None,
        cron_schedule: String::new(),
        cron_schedule_to_schedule_interval: None,
        parent: None,
        root: None,
        continued_from_run_id: String::new(),
        continued_initiator: ContinuedInitiator::None,
        continued_failure: None,
        last_completion_result: Vec::new(),
        first_run_id: String::new(),
        original_run_id: String::new(),
        memo: Vec::new(),
        search_attributes: Vec::new(),
        headers: Vec::new(),
        priority: None,
    }
}
