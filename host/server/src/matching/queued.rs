//! What waits in a queue.

use crate::{
    execution::{executions::Executions, nexus, priority, task::Task},
    matching::{
        queries::{Queries, QueryNumber},
        rank::Rank,
    },
};

/// What a poller may get.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Queued {
    Task(Task),
    Query(QueryNumber),
}

impl Queued {
    /// Whether a worker that took this would have something to do: its run is open and waits for it, its caller is
    /// there.
    pub(crate) fn is_wanted(&self, executions: &Executions, queries: &Queries) -> bool {
        match self {
            Self::Task(Task::Workflow { run, scheduled_event_id, attempt, .. }) => {
                let task = executions.get(*run).and_then(|run| run.workflow_tasks().task());
                task.is_some_and(|task| {
                    let same = (task.scheduled_event_id, task.attempt) == (*scheduled_event_id, *attempt);
                    same && task.started.is_none()
                })
            }
            Self::Task(Task::Activity { run, scheduled_event_id, attempt, stamp, .. }) => {
                let activity = executions.get(*run).and_then(|run| run.activities().get(*scheduled_event_id));
                activity.is_some_and(|activity| {
                    let same = (activity.attempt, activity.stamp) == (*attempt, *stamp);
                    same && activity.waits_for_worker()
                })
            }
            Self::Task(Task::Nexus { run, scheduled_event_id, kind, attempt, .. }) => {
                let run = executions.get(*run);
                run.is_some_and(|run| nexus::task::is_current(run, *scheduled_event_id, *kind, *attempt))
            }
            Self::Query(number) => queries.is_wanted(*number),
        }
    }

    /// The place that the priority of the run gives it, or of the activity.
    pub(crate) fn rank(&self, executions: &Executions, queries: &Queries) -> Rank {
        let number = match self {
            Self::Task(task) => Some(task.run()),
            Self::Query(number) => queries.waiting(*number).map(|(run, _)| run),
        };
        let Some(run) = number.and_then(|number| executions.get(number)) else { return Rank::default() };
        let of_run = run.options().priority();
        match self {
            Self::Task(Task::Activity { scheduled_event_id, .. }) => {
                let activity = run.activities().get(*scheduled_event_id);
                let own = activity.and_then(|activity| activity.scheduled.priority.as_ref());
                match own {
                    Some(_) => Rank::of(priority::merged(of_run, own).as_ref()),
                    None => Rank::of(of_run),
                }
            }
            // The caller's priority is for its own workers.
            Self::Task(Task::Nexus { .. }) => Rank::default(),
            Self::Task(Task::Workflow { .. }) | Self::Query(_) => Rank::of(of_run),
        }
    }
}
