//! Handing workflow tasks to workers.

use crate::execution::{
    fact::{TransientStarted, UnrecordedChange},
    run_transition::RunTransition,
    update::send,
    versioning::transition,
    worker::Worker,
    workflow_task::{
        attributes::{scheduled_attributes, started_attributes},
        speculative,
    },
};

/// The request id of a workflow task that is started without a poll, as Temporal's server writes it.
const INLINE_REQUEST_ID: &str = "request-from-RespondWorkflowTaskCompleted";

/// How a worker comes to a workflow task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// By a poll.
    Polled,
    /// With the answer to its last task, which it may have completed only to ask for this one.
    Inline { after_heartbeat: bool },
}

/// Starts the task for a worker, with the updates that wait; false when this attempt is not waiting for a worker any
/// more.
pub(crate) fn start_task(
    run: &mut RunTransition<'_>,
    scheduled_event_id: i64,
    attempt: i32,
    worker: &Worker,
    how: Start,
) -> bool {
    let Some(task) = run.workflow_tasks().task() else { return false };
    if task.scheduled_event_id != scheduled_event_id || task.attempt != attempt || task.started.is_some() {
        return false;
    }
    let transient = task.is_transient();
    let request_id = match how {
        Start::Polled => run.new_id(),
        Start::Inline { .. } => INLINE_REQUEST_ID.to_owned(),
    };
    record(run, (scheduled_event_id, transient), worker, request_id);
    // One that is speculative leaves nothing: what completes it says where the run is.
    if how == Start::Polled && run.workflow_tasks().speculative().is_none() {
        transition::begin(run, worker.deployment.as_ref());
    }
    send::attach(run, how == Start::Inline { after_heartbeat: true });
    true
}

fn record(
    run: &mut RunTransition<'_>,
    (scheduled_event_id, transient): (i64, bool),
    worker: &Worker,
    request_id: String,
) {
    if run.workflow_tasks().speculative().is_some() {
        speculative::start(run, worker, request_id);
        return;
    }
    if transient && run.history().next_event_id() == scheduled_event_id {
        run.unrecorded(UnrecordedChange::TransientStarted(TransientStarted {
            time: Some(run.now().into()),
            identity: worker.identity.clone(),
            request_id,
            version: worker.version.clone(),
            in_process: worker.in_process,
        }));
        return;
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
}

/// Starts the first task for the client that started the run (eager start), unless it is delayed.
pub(crate) fn start_first_task(run: &mut RunTransition<'_>, worker: &Worker) {
    if let Some(task) = run.workflow_tasks().task() {
        start_task(run, task.scheduled_event_id, task.attempt, worker, Start::Polled);
    }
}
