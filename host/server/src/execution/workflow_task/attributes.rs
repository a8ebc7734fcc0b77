//! The attributes of the events of a workflow task.

use host_wire::{
    EventAttributes, duration_to_proto,
    temporal::api::{
        enums::v1::SuggestContinueAsNewReason,
        history::v1::{WorkflowTaskScheduledEventAttributes, WorkflowTaskStartedEventAttributes},
        taskqueue::v1::TaskQueue,
    },
};

use crate::{
    execution::{run::Run, worker::Worker},
    limits,
};

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
    // Without those that wait for a verdict: while the task is open, more of them may come.
    if run.updates().recorded_count() >= limits::SUGGEST_CONTINUE_AS_NEW_UPDATES {
        reasons.push(SuggestContinueAsNewReason::TooManyUpdates.into());
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
