//! CompleteWorkflowExecution.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::CompleteWorkflowExecutionCommandAttributes, enums::v1::WorkflowTaskFailedCause as Cause,
        history::v1::WorkflowExecutionCompletedEventAttributes, sdk::v1::UserMetadata,
    },
};

use crate::execution::{
    plan::{Plan, Refused, check_payloads},
    run_transition::RunTransition,
};

pub(crate) fn check(
    plan: &mut Plan<'_>,
    a: &CompleteWorkflowExecutionCommandAttributes,
) -> Result<(), Refused> {
    check_payloads(
        Cause::BadCompleteWorkflowExecutionAttributes,
        "CompleteWorkflowExecutionCommandAttributes.Result",
        a.result.as_ref(),
    )?;
    plan.close()
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    a: CompleteWorkflowExecutionCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    run.record_with(
        EventAttributes::WorkflowExecutionCompletedEventAttributes(Box::new(
            WorkflowExecutionCompletedEventAttributes {
                result: a.result,
                workflow_task_completed_event_id: completed_id,
                new_execution_run_id: String::new(),
            },
        )),
        metadata,
    );
}
