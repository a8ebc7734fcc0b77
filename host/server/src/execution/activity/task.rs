//! An attempt of an activity as its queue has it.

use crate::execution::{record::RunNumber, run::Run, task::Task};

/// The attempt of the activity, if it waits for a worker.
pub(crate) fn of(number: RunNumber, run: &Run, scheduled_event_id: i64) -> Option<Task> {
    let activity = run.activities().get(scheduled_event_id).filter(|activity| activity.waits_for_worker())?;
    Some(Task::Activity {
        run: number,
        scheduled_event_id,
        attempt: activity.attempt,
        stamp: activity.stamp,
        queue: activity.scheduled.task_queue.clone().unwrap_or_default().name,
    })
}
