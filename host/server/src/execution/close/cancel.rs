//! CancelWorkflowExecution.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::CancelWorkflowExecutionCommandAttributes, enums::v1::WorkflowTaskFailedCause as Cause,
        history::v1::WorkflowExecutionCanceledEventAttributes, sdk::v1::UserMetadata,
    },
};

use crate::execution::{
    plan::{Plan, Refused, check_payloads},
    run_transition::RunTransition,
};

pub(crate) fn check(
    plan: &mut Plan<'_>,
    a: &CancelWorkflowExecutionCommandAttributes,
) -> Result<(), Refused> {
    check_payloads(
        Cause::BadCancelWorkflowExecutionAttributes,
        "CancelWorkflowExecutionCommandAttributes.Details",
        a.details.as_ref(),
    )?;
    plan.close()
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    a: CancelWorkflowExecutionCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    run.record_with(
        EventAttributes::WorkflowExecutionCanceledEventAttributes(Box::new(
            WorkflowExecutionCanceledEventAttributes {
                workflow_task_completed_event_id: completed_id,
                details: a.details,
            },
        )),
        metadata,
    );
}
