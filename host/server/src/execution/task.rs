//! Tasks for workers, as transitions hand them to the queues.

use host_wire::temporal::api::taskqueue::v1::TaskQueue;

use crate::execution::{record::RunNumber, run::Run};

/// A task for a worker. Whether it is still wanted is checked when somebody takes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Task {
    Workflow { run: RunNumber, scheduled_event_id: i64, attempt: i32, queue: TaskQueue },
    Activity { run: RunNumber, scheduled_event_id: i64, attempt: i32, queue: String },
}

pub(crate) fn workflow_task(number: RunNumber, run: &Run) -> Option<Task> {
    let task = run.task.as_ref().filter(|task| task.started.is_none())?;
    Some(Task::Workflow {
        run: number,
        scheduled_event_id: task.scheduled_event_id,
        attempt: task.attempt,
        queue: task.queue.clone(),
    })
}

pub(crate) fn activity_task(number: RunNumber, run: &Run, id: i64) -> Option<Task> {
    let activity = run.activities.get(&id)?;
    if activity.started.is_some() || activity.backing_off {
        return None;
    }
    Some(Task::Activity {
        run: number,
        scheduled_event_id: id,
        attempt: activity.attempt,
        queue: activity.scheduled.task_queue.clone().unwrap_or_default().name,
    })
}
