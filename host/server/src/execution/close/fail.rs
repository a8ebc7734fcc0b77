//! FailWorkflowExecution. The retry policy of the run may start another, or its cron schedule.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::FailWorkflowExecutionCommandAttributes,
        enums::v1::{RetryState, WorkflowTaskFailedCause as Cause},
        history::v1::WorkflowExecutionFailedEventAttributes,
        sdk::v1::UserMetadata,
    },
};
use prost::Message;

use crate::{
    execution::{
        plan::{Plan, Refused, bad},
        run_transition::{Effect, RunTransition},
        successor::{retry_or_cron, run_id_of},
    },
    limits,
};

pub(crate) fn check(plan: &mut Plan<'_>, a: &FailWorkflowExecutionCommandAttributes) -> Result<(), Refused> {
    let cause = Cause::BadFailWorkflowExecutionAttributes;
    let Some(failure) = &a.failure else {
        return Err(bad(cause, "Failure is not set on FailWorkflowExecutionCommand."));
    };
    if failure.encoded_len() > limits::BLOB_BYTES {
        return Err(bad(cause, "FailWorkflowExecutionCommandAttributes.Failure exceeds size limit."));
    }
    plan.close()
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    a: FailWorkflowExecutionCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    let failure = a.failure.unwrap_or_default();
    let new_run_id = run.new_id();
    let (retry_state, mut next) = retry_or_cron(run, &failure, run.now(), new_run_id);
    // As on Temporal's server, where a retry after a time-out and the next run of a cron schedule do have it.
    if let Some(next) = next.as_mut().filter(|_| retry_state == RetryState::InProgress) {
        next.start.last_completion_result = None;
    }
    let new_execution_run_id = run_id_of(next.as_deref());
    run.record_with(
        EventAttributes::WorkflowExecutionFailedEventAttributes(Box::new(
            WorkflowExecutionFailedEventAttributes {
                failure: Some(failure),
                retry_state: retry_state.into(),
                workflow_task_completed_event_id: completed_id,
                new_execution_run_id,
            },
        )),
        metadata,
    );
    if let Some(next) = next {
        run.effect(Effect::Continue(next));
    }
}
