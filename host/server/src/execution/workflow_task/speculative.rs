//! Speculative workflow tasks: they bring updates to a worker and nothing else.
//!
//! Such a task lives in memory only. When its worker rejects all updates, nothing of it remains. When anything else
//! is recorded, now or while it is open, its scheduled and started events are recorded first, see
//! [`RunTransition::store_speculative_task`], and from then on it is a workflow task as any other. A restart forgets it, together with the updates.

use host_wire::temporal::api::workflowservice::v1::RespondWorkflowTaskCompletedRequest;

use crate::{
    execution::{
        run::Run,
        run_transition::{Effect, RunTransition},
        update::plan::{Step, Steps},
        worker::Worker,
        workflow_task::state::{TaskStart, WorkflowTask},
    },
    limits,
};

/// Schedules a task for pending updates. No other may be open.
pub(crate) fn schedule(run: &mut RunTransition<'_>) {
    let task = WorkflowTask {
        scheduled_event_id: run.history().next_event_id(),
        attempt: 1,
        scheduled_time: run.now(),
        queue: run.workflow_tasks().next_queue(),
        started: None,
        expires_unstarted: true.into(),
    };
    run.in_memory(|run| run.workflow_tasks_mut().set_speculative(Some(task)));
    run.effect(Effect::WorkflowTask);
}

/// A worker gets the task.
pub(crate) fn start(run: &mut RunTransition<'_>, worker: &Worker, request_id: String) {
    let now = run.now();
    run.in_memory(|run| {
        run.workflow_tasks_mut().start_speculative(|scheduled_event_id| TaskStart {
            event_id: scheduled_event_id + 1,
            time: now,
            worker: worker.clone(),
            request_id,
        });
    });
}

/// Whether nothing of the task is to remain: its worker only rejected updates, and got no events with it that it
/// would get again with each task for updates that it rejects.
pub(crate) fn may_be_dropped(
    run: &Run,
    request: &RespondWorkflowTaskCompletedRequest,
    commands: usize,
    steps: &Steps,
) -> bool {
    let only_rejects = || steps.remaining.iter().all(|step| matches!(step, Step::Reject { .. }));
    let events = run.history().next_event_id() - run.workflow_tasks().previous_started_event_id() - 2;
    let forgets_events =
        request.capabilities.is_some_and(|it| it.discard_speculative_workflow_task_with_events);
    let most_events = if forgets_events { limits::DROPPED_TASK_EVENTS } else { 0 };
    run.workflow_tasks().speculative().is_some()
        && commands == 0
        && !request.force_create_new_workflow_task
        && events <= most_events
        && only_rejects()
}

/// Forgets the task.
pub(crate) fn drop_task(run: &mut RunTransition<'_>) {
    run.in_memory(|run| run.workflow_tasks_mut().set_speculative(None));
}
