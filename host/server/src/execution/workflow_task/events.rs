//! The events of a workflow task. A task on its second and later attempts is transient: nothing of it is in the
//! history until it completes, and workers are shown events that are made up for them.

use host_wire::{
    EventAttributes, duration_to_proto,
    temporal::api::{
        common::v1::WorkerVersionStamp,
        enums::v1::{EventType, SuggestContinueAsNewReason},
        history::v1::{
            HistoryEvent, WorkflowTaskScheduledEventAttributes, WorkflowTaskStartedEventAttributes,
        },
        taskqueue::v1::TaskQueue,
    },
};

use crate::{
    execution::{run::Run, run_transition::RunTransition, worker::Worker},
    limits,
    time::Time,
};

/// Scheduled and started events of a transient task, which are not in the history yet.
pub(crate) fn transient_events(run: &Run) -> Vec<HistoryEvent> {
    let Some((task, started)) = run.workflow_tasks().started_task().filter(|(task, _)| task.is_transient())
    else {
        return Vec::new();
    };
    let event = |event_id: i64, time: Time, event_type: EventType, attributes| HistoryEvent {
        event_id,
        event_time: Some(time.into()),
        event_type: event_type.into(),
        attributes: Some(attributes),
        ..HistoryEvent::default()
    };
    vec![
        event(
            task.scheduled_event_id,
            task.scheduled_time,
            EventType::WorkflowTaskScheduled,
            scheduled_attributes(run, task.queue.clone(), task.attempt),
        ),
        event(
            started.event_id,
            started.time,
            EventType::WorkflowTaskStarted,
            started_attributes(run, task.scheduled_event_id, &started.worker, &started.request_id),
        ),
    ]
}

/// Records the events of a transient task when it completes. Like those of Temporal's server, they name the build
/// that completes it.
pub(crate) fn store_transient_events(run: &mut RunTransition<'_>, version: Option<WorkerVersionStamp>) {
    let Some((task, started)) = run.workflow_tasks().started_task().filter(|(task, _)| task.is_transient())
    else {
        return;
    };
    let (task, mut started) = (task.clone(), started.clone());
    started.worker.version = version;
    // Both before either is recorded: the worker was shown the size of a history without them.
    let scheduled_event = scheduled_attributes(run, task.queue, task.attempt);
    let started_event =
        started_attributes(run, task.scheduled_event_id, &started.worker, &started.request_id);
    run.record_at(task.scheduled_time, scheduled_event);
    run.record_at(started.time, started_event);
}

pub(crate) fn scheduled_attributes(run: &Run, queue: TaskQueue, attempt: i32) -> EventAttributes {
    EventAttributes::WorkflowTaskScheduledEventAttributes(Box::new(WorkflowTaskScheduledEventAttributes {
        task_queue: Some(queue),
        start_to_close_timeout: Some(duration_to_proto(run.workflow_tasks().timeout(attempt))),
        attempt,
    }))
}

pub(crate) fn started_attributes(
    run: &Run,
    scheduled_event_id: i64,
    worker: &Worker,
    request_id: &str,
) -> EventAttributes {
    let mut reasons = Vec::new();
    if run.history().events().len() >= limits::SUGGEST_CONTINUE_AS_NEW_EVENTS {
        reasons.push(SuggestContinueAsNewReason::TooManyHistoryEvents.into());
    }
    if run.history().bytes() >= limits::SUGGEST_CONTINUE_AS_NEW_BYTES {
        reasons.push(SuggestContinueAsNewReason::HistorySizeTooLarge.into());
    }
    EventAttributes::WorkflowTaskStartedEventAttributes(Box::new(WorkflowTaskStartedEventAttributes {
        scheduled_event_id,
        identity: worker.identity.clone(),
        worker_version: worker.version.clone(),
        request_id: request_id.to_owned(),
        suggest_continue_as_new: !reasons.is_empty(),
        suggest_continue_as_new_reasons: reasons,
        history_size_bytes: i64::try_from(run.history().bytes()).unwrap_or(i64::MAX),
        ..Default::default()
    }))
}
