//! The workflow task of a run as its queue has it.

use crate::execution::{record::RunNumber, run::Run, task::Task};

/// The task that waits for a worker, if there is one.
pub(crate) fn of(number: RunNumber, run: &Run) -> Option<Task> {
    let task = run.workflow_tasks().task().filter(|task| task.started.is_none())?;
    Some(Task::Workflow {
        run: number,
        scheduled_event_id: task.scheduled_event_id,
        attempt: task.attempt,
        queue: task.queue.clone(),
    })
}
