//! FailWorkflowExecution. The retry policy of the run may start another.

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
        successor::retry_run,
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
    let next = retry_run(run, &failure, run.now(), || new_run_id);
    let (retry_state, new_execution_run_id) = match &next {
        Ok(next) => (RetryState::InProgress, next.identity.run_id.clone()),
        Err(state) => (*state, String::new()),
    };
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
    if let Ok(next) = next {
        run.effect(Effect::Continue(next));
    }
}
