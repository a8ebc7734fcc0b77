//! Calls of handlers: dispatch, failed attempts, timeouts.

use std::time::Duration;

use host_wire::{
    EventAttributes,
    temporal::api::{
        enums::v1::TimeoutType,
        failure::v1::{Failure, TimeoutFailureInfo, failure::FailureInfo},
        history::v1::{
            NexusOperationCancelRequestFailedEventAttributes, NexusOperationFailedEventAttributes,
            NexusOperationTimedOutEventAttributes,
        },
    },
};

use crate::{
    execution::{
        fact::{AttemptFailed, UnrecordedChange},
        failure::within,
        nexus::{
            failure::{CallError, of_operation},
            state::CallKind,
            task,
        },
        record::RunNumber,
        run_transition::{Effect, RunTransition},
        transition::Transition,
        workflow_task::schedule::schedule_task,
    },
    limits,
};

/// Sends the call that an operation needs to the workers of its endpoint, or fails it where there are none.
pub(crate) fn dispatch(transition: &mut Transition<'_>, number: RunNumber, id: i64) {
    let executions = transition.executions();
    let run = transition.run(number);
    match task::of(&executions.endpoints, &executions.namespaces, number, run, id) {
        Ok(task) => transition.push_task(task),
        Err(error) => transition.change(number, |run| fail(run, id, error)),
    }
}

/// The current attempt failed: there will be another, or the operation, or its cancellation, has failed.
pub(crate) fn fail(run: &mut RunTransition<'_>, id: i64, error: CallError) {
    let Some(operation) = run.nexus().get(id) else { return };
    let Some((kind, call)) = operation.current_call() else { return };
    let (ended, is_retryable) = (call.ended, error.is_retryable());
    if is_retryable {
        let now = run.now();
        run.unrecorded(UnrecordedChange::NexusAttemptFailed(Box::new(AttemptFailed {
            scheduled_event_id: id,
            time: Some(now.into()),
            next_time: Some(now.after(backoff(ended)).into()),
            failure: Some(within(&error.into_failure(true), limits::ACTIVITY_FAILURE_BYTES)),
        })));
        return;
    }
    let request_id = operation.scheduled.request_id.clone();
    let attributes = match kind {
        CallKind::Start => {
            // Temporal's server says of this failure, too, that it is retryable.
            let failure = of_operation(operation, error.into_failure(true));
            EventAttributes::NexusOperationFailedEventAttributes(Box::new(
                NexusOperationFailedEventAttributes {
                    scheduled_event_id: id,
                    failure: Some(failure),
                    request_id,
                },
            ))
        }
        CallKind::Cancel => EventAttributes::NexusOperationCancelRequestFailedEventAttributes(Box::new(
            NexusOperationCancelRequestFailedEventAttributes {
                requested_event_id: operation
                    .cancellation
                    .as_ref()
                    .map_or(0, |cancellation| cancellation.requested_event_id),
                workflow_task_completed_event_id: 0,
                failure: Some(error.into_failure(false)),
                scheduled_event_id: id,
            },
        )),
    };
    run.record(attributes);
    schedule_task(run);
}

/// The time from a failed attempt to the next, after so many that had failed before: 1 s, 2 s and so on, an hour at most.
/// `component.nexusoperations.retryPolicy`, without its jitter.
fn backoff(before: i32) -> Duration {
    let factor = 2_u32.saturating_pow(u32::try_from(before).unwrap_or_default());
    limits::NEXUS_FIRST_BACKOFF.saturating_mul(factor).min(limits::NEXUS_BACKOFF)
}

/// The backoff is over.
pub(crate) fn ready(run: &mut RunTransition<'_>, id: i64) {
    run.unrecorded(UnrecordedChange::NexusReady(id));
    run.effect(Effect::Nexus(id));
}

/// The schedule-to-close timeout is over.
pub(crate) fn time_out(run: &mut RunTransition<'_>, id: i64) {
    let Some(operation) = run.nexus().get(id) else { return };
    let cause = Failure {
        message: "operation timed out".to_owned(),
        failure_info: Some(FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
            timeout_type: TimeoutType::ScheduleToClose.into(),
            last_heartbeat_details: None,
        })),
        ..Failure::default()
    };
    let attributes = NexusOperationTimedOutEventAttributes {
        scheduled_event_id: id,
        failure: Some(of_operation(operation, cause)),
        request_id: operation.scheduled.request_id.clone(),
    };
    run.record(EventAttributes::NexusOperationTimedOutEventAttributes(Box::new(attributes)));
    schedule_task(run);
}
