//! Handing workflow tasks to workers.

use crate::execution::{
    fact::{TransientStarted, UnrecordedChange},
    run_transition::RunTransition,
    worker::Worker,
    workflow_task::events::{scheduled_attributes, started_attributes},
};

/// Starts the task for a worker; false when this attempt is not waiting for a worker any more. Without a request id
/// the task gets a new one.
pub(crate) fn start_task(
    run: &mut RunTransition<'_>,
    scheduled_event_id: i64,
    attempt: i32,
    worker: &Worker,
    request_id: Option<&str>,
) -> bool {
    let Some(task) = run.workflow_tasks().task() else { return false };
    if task.scheduled_event_id != scheduled_event_id || task.attempt != attempt || task.started.is_some() {
        return false;
    }
    let transient = task.is_transient();
    let request_id = request_id.map_or_else(|| run.new_id(), str::to_owned);
    if transient && run.history().next_event_id() == scheduled_event_id {
        run.unrecorded(UnrecordedChange::TransientStarted(TransientStarted {
            time: Some(run.now().into()),
            identity: worker.identity.clone(),
            request_id,
            version: worker.version.clone(),
            in_process: worker.in_process,
        }));
        return true;
    }
    let mut scheduled_event_id = scheduled_event_id;
    if transient {
        // Events were recorded since the task was scheduled: it is a normal task again.
        let attributes = scheduled_attributes(run, run.workflow_tasks().next_queue(), 1);
        scheduled_event_id = run.record(attributes);
    }
    let attributes = started_attributes(run, scheduled_event_id, worker, &request_id);
    let event_id = run.record(attributes);
    if worker.in_process {
        run.unrecorded(UnrecordedChange::TaskInProcess(event_id));
    }
    true
}

/// Starts the first task for the client that started the run (eager start), unless it is delayed.
pub(crate) fn start_first_task(run: &mut RunTransition<'_>, worker: &Worker) {
    if let Some(task) = run.workflow_tasks().task() {
        start_task(run, task.scheduled_event_id, task.attempt, worker, None);
    }
}
