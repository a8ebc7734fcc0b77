//! The workflow task in a description.

use host_wire::temporal::api::{enums::v1::PendingWorkflowTaskState, workflow::v1::PendingWorkflowTaskInfo};

use crate::execution::workflow_task::state::WorkflowTask;

/// `pending_workflow_task` of DescribeWorkflowExecution.
pub(crate) fn pending(task: &WorkflowTask) -> PendingWorkflowTaskInfo {
    let state = match task.started {
        Some(_) => PendingWorkflowTaskState::Started,
        None => PendingWorkflowTaskState::Scheduled,
    };
    PendingWorkflowTaskInfo {
        state: state.into(),
        scheduled_time: Some(task.scheduled_time.into()),
        original_scheduled_time: Some(task.scheduled_time.into()),
        started_time: task.started.as_ref().map(|started| started.time.into()),
        attempt: task.attempt,
    }
}
