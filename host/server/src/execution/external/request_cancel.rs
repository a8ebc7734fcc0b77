//! RequestCancelExternalWorkflowExecution: recorded here, delivered by the executions.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::RequestCancelExternalWorkflowExecutionCommandAttributes, common::v1::WorkflowExecution,
        enums::v1::WorkflowTaskFailedCause as Cause,
        history::v1::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes, sdk::v1::UserMetadata,
    },
};

use crate::{
    execution::{
        plan::{Plan, Refused, bad, check_id, check_run_id},
        run_transition::{Effect, RunTransition},
    },
    limits,
    namespace::namespace_id,
};

const COMMAND: &str = "RequestCancelExternalWorkflowExecutionCommand";

pub(crate) fn check(
    plan: &mut Plan<'_>,
    a: &RequestCancelExternalWorkflowExecutionCommandAttributes,
) -> Result<(), Refused> {
    let cause = Cause::BadRequestCancelExternalWorkflowExecutionAttributes;
    check_id(cause, "WorkflowId", COMMAND, &a.workflow_id)?;
    check_run_id(cause, COMMAND, &a.run_id)?;
    if plan.initiated_children.contains(&a.workflow_id) {
        return Err(bad(
            cause,
            format!(
                "Start and RequestCancel for child workflow is not allowed in same workflow task. WorkflowId={}",
                a.workflow_id
            ),
        ));
    }
    if plan.external_cancels >= limits::PENDING {
        return Err(bad(
            Cause::PendingRequestCancelLimitExceeded,
            format!(
                "the number of pending requests to cancel external workflows, {}, has reached the limit",
                plan.external_cancels
            ),
        ));
    }
    plan.external_cancels += 1;
    Ok(())
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    a: RequestCancelExternalWorkflowExecutionCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    let namespace = if a.namespace.is_empty() { run.identity().namespace.clone() } else { a.namespace };
    let id = run.record_with(
        EventAttributes::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(Box::new(
            RequestCancelExternalWorkflowExecutionInitiatedEventAttributes {
                workflow_task_completed_event_id: completed_id,
                namespace_id: namespace_id(&namespace),
                namespace,
                workflow_execution: Some(WorkflowExecution { workflow_id: a.workflow_id, run_id: a.run_id }),
                control: a.control,
                child_workflow_only: a.child_workflow_only,
                reason: a.reason,
            },
        )),
        metadata,
    );
    run.effect(Effect::CancelExternal(id));
}
