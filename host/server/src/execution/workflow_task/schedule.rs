//! Scheduling workflow tasks, normal and transient ones.

use crate::execution::{
    fact::{TransientScheduled, UnrecordedChange},
    run_transition::{Effect, RunTransition},
    workflow_task::attributes::scheduled_attributes,
};

/// Schedules a workflow task, unless one is open or the first is delayed.
pub(crate) fn schedule_task(run: &mut RunTransition<'_>) {
    if run.workflow_tasks().first_time().is_none() {
        schedule_at_once(run);
    }
}

/// Schedules a workflow task, unless one is open. The first one does not wait for its delay then.
pub(crate) fn schedule_at_once(run: &mut RunTransition<'_>) {
    if run.defer_task() {
        return;
    }
    if run.is_open() && run.workflow_tasks().task().is_none() {
        schedule_with_event(run);
    }
}

/// Schedules the first task at the end of its backoff.
pub(crate) fn first_task_due(run: &mut RunTransition<'_>) {
    schedule_with_event(run);
}

/// Schedules the task after one that failed: a transient one, unless new events were recorded.
pub(crate) fn reschedule(run: &mut RunTransition<'_>, something_new: bool) {
    if !run.is_open() {
        return;
    }
    if something_new || run.workflow_tasks().next_attempt() == 1 {
        schedule_with_event(run);
    } else {
        let attempt = run.workflow_tasks().next_attempt();
        run.unrecorded(UnrecordedChange::TransientScheduled(TransientScheduled {
            time: Some(run.now().into()),
            attempt,
        }));
        run.effect(Effect::WorkflowTask);
    }
}

fn schedule_with_event(run: &mut RunTransition<'_>) {
    let attributes = scheduled_attributes(run, run.workflow_tasks().next_queue(), 1);
    run.record(attributes);
    run.effect(Effect::WorkflowTask);
}
