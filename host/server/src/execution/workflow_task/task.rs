//! The workflow task of a run as its queue has it.

use crate::execution::{record::RunNumber, run::Run, task::Task};

/// The task that waits for a worker, if there is one.
pub(crate) fn of(number: RunNumber, run: &Run) -> Option<Task> {
    let task = run.workflow_tasks().task().filter(|task| task.started.is_none())?;
    // The worker that has the run in its cache may not be the right one any more.
    let sticky = run.workflow_tasks().sticky().map(|sticky| &sticky.queue);
    let is_right = !task.is_sticky() || sticky == Some(&task.queue.name);
    Some(Task::Workflow {
        run: number,
        scheduled_event_id: task.scheduled_event_id,
        attempt: task.attempt,
        queue: if is_right { task.queue.clone() } else { run.workflow_tasks().normal_queue() },
    })
}
