//! Children in a description.

use host_wire::temporal::api::workflow::v1::PendingChildExecutionInfo;

use crate::execution::child::state::Child;

/// One of the `pending_children` of DescribeWorkflowExecution.
pub(crate) fn pending(initiated_event_id: i64, child: &Child) -> PendingChildExecutionInfo {
    PendingChildExecutionInfo {
        workflow_id: child.initiated.workflow_id.clone(),
        run_id: child.run_id.clone(),
        workflow_type_name: child.initiated.workflow_type.clone().unwrap_or_default().name,
        initiated_id: initiated_event_id,
        parent_close_policy: child.initiated.parent_close_policy,
    }
}
