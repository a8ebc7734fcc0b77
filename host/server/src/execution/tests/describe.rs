//! Events as the tests print them.

use host_wire::{
    EventAttributes,
    temporal::api::{failure::v1::Failure, history::v1::HistoryEvent},
};

/// Id, type, and what is worth seeing of the rest.
#[expect(clippy::too_many_lines, reason = "one arm for each type of event")]
pub(crate) fn describe(event: &HistoryEvent) -> String {
    use EventAttributes as A;
    let detail = match event.attributes.as_ref().unwrap() {
        A::WorkflowExecutionStartedEventAttributes(a) => {
            let continued = if a.continued_execution_run_id.is_empty() { "" } else { " continued" };
            let backoff = a.first_workflow_task_backoff.unwrap_or_default().seconds;
            let cron =
                if a.cron_schedule.is_empty() { String::new() } else { format!(" cron after {backoff} s") };
            let result = if a.last_completion_result.is_some() { " with a result" } else { "" };
            let failure =
                if a.continued_failure.is_some() && !cron.is_empty() { " with a failure" } else { "" };
            format!(" attempt {}{continued}{cron}{result}{failure}", a.attempt)
        }
        A::WorkflowTaskStartedEventAttributes(a) => format!(" of {}", a.scheduled_event_id),
        A::WorkflowTaskCompletedEventAttributes(a) => {
            format!(" of {},{}", a.scheduled_event_id, a.started_event_id)
        }
        A::WorkflowTaskFailedEventAttributes(a) => format!(" {:?}", a.cause()),
        A::WorkflowTaskTimedOutEventAttributes(a) => format!(" {:?}", a.timeout_type()),
        A::WorkflowTaskScheduledEventAttributes(a) => {
            format!(" attempt {} on {}", a.attempt, a.task_queue.as_ref().unwrap().name)
        }
        A::ActivityTaskScheduledEventAttributes(a) => {
            let timeout = |timeout: Option<prost_types::Duration>| timeout.unwrap().seconds;
            format!(
                " {} close {} start {} run {} beat {}",
                a.activity_id,
                timeout(a.schedule_to_close_timeout),
                timeout(a.schedule_to_start_timeout),
                timeout(a.start_to_close_timeout),
                timeout(a.heartbeat_timeout)
            )
        }
        A::ActivityTaskStartedEventAttributes(a) => {
            format!(" of {} attempt {}", a.scheduled_event_id, a.attempt)
        }
        A::ActivityTaskCompletedEventAttributes(a) => {
            format!(" of {},{}", a.scheduled_event_id, a.started_event_id)
        }
        A::ActivityTaskCanceledEventAttributes(a) => {
            format!(" of {},{}", a.scheduled_event_id, a.started_event_id)
        }
        A::ActivityTaskFailedEventAttributes(a) => {
            format!(" of {},{} {:?}", a.scheduled_event_id, a.started_event_id, a.retry_state())
        }
        A::ActivityTaskTimedOutEventAttributes(a) => format!(
            " of {},{} {:?}: {}",
            a.scheduled_event_id,
            a.started_event_id,
            a.retry_state(),
            a.failure.as_ref().unwrap().message
        ),
        A::TimerStartedEventAttributes(a) => format!(" {}", a.timer_id),
        A::TimerFiredEventAttributes(a) => format!(" {} of {}", a.timer_id, a.started_event_id),
        A::TimerCanceledEventAttributes(a) => format!(" {} of {}", a.timer_id, a.started_event_id),
        A::WorkflowExecutionSignaledEventAttributes(a) => format!(" {}", a.signal_name),
        A::WorkflowExecutionFailedEventAttributes(a) => format!(" {:?}", a.retry_state()),
        A::WorkflowExecutionTimedOutEventAttributes(a) => format!(" {:?}", a.retry_state()),
        A::StartChildWorkflowExecutionInitiatedEventAttributes(a) => {
            format!(" {} {:?}", a.workflow_id, a.parent_close_policy())
        }
        A::StartChildWorkflowExecutionFailedEventAttributes(a) => format!(" {:?}", a.cause()),
        A::SignalExternalWorkflowExecutionFailedEventAttributes(a) => format!(" {:?}", a.cause()),
        A::ChildWorkflowExecutionCompletedEventAttributes(a) => {
            format!(" of {},{}", a.initiated_event_id, a.started_event_id)
        }
        A::ChildWorkflowExecutionTerminatedEventAttributes(a) => {
            format!(" of {},{}", a.initiated_event_id, a.started_event_id)
        }
        A::WorkflowExecutionUpdateAdmittedEventAttributes(a) => {
            let meta = a.request.as_ref().unwrap().meta.as_ref().unwrap();
            format!(" {} {:?}", meta.update_id, a.origin())
        }
        A::WorkflowExecutionUpdateAcceptedEventAttributes(a) => {
            let request = if a.accepted_request.is_some() { "" } else { " without its request" };
            format!(" {}{request}", a.protocol_instance_id)
        }
        A::WorkflowExecutionUpdateCompletedEventAttributes(a) => {
            format!(" {} of {}", a.meta.as_ref().unwrap().update_id, a.accepted_event_id)
        }
        A::NexusOperationScheduledEventAttributes(a) => format!(" {}", a.operation),
        A::NexusOperationStartedEventAttributes(a) => {
            format!(" of {} as {}", a.scheduled_event_id, a.operation_token)
        }
        A::NexusOperationCompletedEventAttributes(a) => format!(" of {}", a.scheduled_event_id),
        A::NexusOperationFailedEventAttributes(a) => {
            format!(" of {}: {}", a.scheduled_event_id, cause(a.failure.as_ref()))
        }
        A::NexusOperationCanceledEventAttributes(a) => format!(" of {}", a.scheduled_event_id),
        A::NexusOperationTimedOutEventAttributes(a) => {
            format!(" of {}: {}", a.scheduled_event_id, cause(a.failure.as_ref()))
        }
        A::NexusOperationCancelRequestedEventAttributes(a) => format!(" of {}", a.scheduled_event_id),
        A::NexusOperationCancelRequestCompletedEventAttributes(a) => {
            format!(" of {},{}", a.scheduled_event_id, a.requested_event_id)
        }
        A::NexusOperationCancelRequestFailedEventAttributes(a) => {
            let message = a.failure.as_ref().map_or("", |failure| &failure.message);
            format!(" of {},{}: {message}", a.scheduled_event_id, a.requested_event_id)
        }
        _ => String::new(),
    };
    format!("{} {:?}{detail}", event.event_id, event.event_type())
}

/// The message of what made an operation fail.
fn cause(failure: Option<&Failure>) -> String {
    let cause = failure.and_then(|failure| failure.cause.as_ref());
    cause.map(|cause| cause.message.clone()).unwrap_or_default()
}
