//! CancelWorkflowExecution.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::CancelWorkflowExecutionCommandAttributes, enums::v1::WorkflowTaskFailedCause as Cause,
        history::v1::WorkflowExecutionCanceledEventAttributes, sdk::v1::UserMetadata,
    },
};

use super::{Plan, Refused, check_payloads};
use crate::state::step::Step;

pub(super) fn check(
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

pub(super) fn record(
    step: &mut Step<'_>,
    completed_id: i64,
    a: CancelWorkflowExecutionCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    step.record_with(
        EventAttributes::WorkflowExecutionCanceledEventAttributes(Box::new(
            WorkflowExecutionCanceledEventAttributes {
                workflow_task_completed_event_id: completed_id,
                details: a.details,
            },
        )),
        metadata,
    );
}
