//! The events of a workflow task. A task on its second and later attempts is transient: nothing of it is in the
//! history until it completes, and workers are shown events that are made up for them. So is a speculative one.

use host_wire::temporal::api::{
    common::v1::WorkerVersionStamp, enums::v1::EventType, history::v1::HistoryEvent,
};

use crate::{
    execution::{
        run::Run,
        run_transition::RunTransition,
        workflow_task::{
            attributes::{scheduled_attributes, started_attributes},
            state::WorkflowTask,
        },
    },
    time::Time,
};

/// Scheduled and started events of a transient or speculative task, which are not in the history yet.
pub(crate) fn unstored_events(run: &Run) -> Vec<HistoryEvent> {
    let Some((task, started)) = run.workflow_tasks().started_task().filter(|_| has_unstored_events(run))
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

/// Whether the open task is transient or speculative.
pub(crate) fn has_unstored_events(run: &Run) -> bool {
    let tasks = run.workflow_tasks();
    tasks.speculative().is_some() || tasks.task().is_some_and(WorkflowTask::is_transient)
}

/// Records the events of a transient or speculative task when it completes. Like those of Temporal's server, they name
/// the build that completes it.
pub(crate) fn store_events(run: &mut RunTransition<'_>, version: Option<WorkerVersionStamp>) {
    if let Some(started) = run.workflow_tasks().speculative().and_then(|task| task.started.as_ref()) {
        let identity = started.worker.identity.clone();
        run.store_speculative_task(&identity, version);
        return;
    }
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
