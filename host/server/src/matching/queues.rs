//! Task queues: tasks that wait for workers, and workers that wait for tasks.
//!
//! A task here is a reference; whether it is still wanted is checked by who takes it. Nothing here
//! is on disk: after a restart the queues are filled from the runs.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use host_wire::temporal::api::enums::v1::TaskQueueKind;
use tokio::sync::Notify;

use crate::{
    execution::{executions::Executions, task::Task},
    matching::queries::QueryNumber,
    storage::Position,
    time::Time,
};

/// A sticky queue that was not polled for so long is dead: its tasks go to the normal queue.
const STICKY_DEAD: Duration = Duration::from_secs(10);
/// A worker that polled within this time counts as a poller of the queue.
pub(crate) const POLLER_RECENT: Duration = Duration::from_secs(300);
/// Most pollers remembered by name for each queue.
const POLLERS: usize = 200;

/// A task queue of a namespace; workflow tasks and activities with one name are two queues.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct QueueKey {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) activities: bool,
}

/// What a poller may get.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Queued {
    Task(Task),
    Query(QueryNumber),
}

/// What a poller finds first in its queue.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum First {
    Queued(Queued, Position),
    /// Something whose cause is not on disk yet.
    NotOnDisk,
    Nothing,
}

#[derive(Debug, Default)]
struct Queue {
    /// Each with the position of the transition that brought it.
    tasks: VecDeque<(Queued, Position)>,
    arrived: Arc<Notify>,
    waiting: usize,
    /// How many of those that wait are in this process.
    waiting_here: usize,
    last_poll: Option<Time>,
    pollers: Vec<(String, Time)>,
}

/// All queues.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    queues: HashMap<QueueKey, Queue>,
}

impl Queues {
    /// Adds a task to its queue; to the normal one if its sticky queue is dead. Answers whether it is a
    /// workflow task that a worker in this process takes at once.
    pub(crate) fn push(
        &mut self,
        executions: &Executions,
        task: Task,
        position: Position,
        now: Time,
    ) -> bool {
        let (number, name, activities) = match &task {
            Task::Workflow { run, queue, .. } => {
                let sticky = queue.kind == i32::from(TaskQueueKind::Sticky);
                let namespace = executions.get(*run).map_or("", |run| &run.identity().namespace);
                let name = if sticky && !self.is_alive(namespace, &queue.name, now) {
                    queue.normal_name.clone()
                } else {
                    queue.name.clone()
                };
                (*run, name, false)
            }
            Task::Activity { run, queue, .. } => (*run, queue.clone(), true),
        };
        let Some(run) = executions.get(number) else { return false };
        let key = QueueKey { namespace: run.identity().namespace.clone(), name, activities };
        let taken =
            !activities && self.queues.get(&key).is_some_and(|queue| queue.waiting_here > queue.tasks.len());
        self.push_to(key, Queued::Task(task), position);
        taken
    }

    pub(crate) fn push_to(&mut self, key: QueueKey, queued: Queued, position: Position) {
        let queue = self.queues.entry(key).or_default();
        queue.tasks.push_back((queued, position));
        queue.arrived.notify_one();
    }

    /// Puts back a task that its poll could not start.
    pub(crate) fn put_back(&mut self, key: QueueKey, queued: Queued, position: Position) {
        let queue = self.queues.entry(key).or_default();
        queue.tasks.push_front((queued, position));
        queue.arrived.notify_one();
    }

    /// Takes what is first in a queue, if its position is not after `last`.
    pub(crate) fn take(&mut self, key: &QueueKey, last: Position) -> First {
        let Some(queue) = self.queues.get_mut(key) else { return First::Nothing };
        if queue.tasks.front().is_some_and(|(_, position)| *position > last) {
            return First::NotOnDisk;
        }
        match queue.tasks.pop_front() {
            Some((queued, position)) => First::Queued(queued, position),
            None => First::Nothing,
        }
    }

    /// A poller comes, from `here` in the process or from elsewhere; answers what tells it that something arrived.
    pub(crate) fn enter(&mut self, key: &QueueKey, identity: &str, here: bool, now: Time) -> Arc<Notify> {
        let queue = self.queues.entry(key.clone()).or_default();
        queue.waiting += 1;
        queue.waiting_here += usize::from(here);
        queue.last_poll = Some(now);
        if let Some((_, last)) = queue.pollers.iter_mut().find(|(known, _)| known == identity) {
            *last = now;
        } else if queue.pollers.len() < POLLERS {
            queue.pollers.push((identity.to_owned(), now));
        }
        queue.arrived.clone()
    }

    /// A poller goes.
    pub(crate) fn leave(&mut self, key: &QueueKey, here: bool, now: Time) {
        if let Some(queue) = self.queues.get_mut(key) {
            queue.waiting = queue.waiting.saturating_sub(1);
            queue.waiting_here = queue.waiting_here.saturating_sub(usize::from(here));
            queue.last_poll = queue.last_poll.map(|_| now);
            if !queue.tasks.is_empty() {
                // This poller may have been told, and have waited for the disk.
                queue.arrived.notify_one();
            }
        }
    }

    /// Whether workers poll a sticky queue.
    pub(crate) fn is_alive(&self, namespace: &str, sticky: &str, now: Time) -> bool {
        let key = QueueKey { namespace: namespace.to_owned(), name: sticky.to_owned(), activities: false };
        self.polled_within(&key, STICKY_DEAD, now)
    }

    /// Whether a worker polls the queue or did lately.
    pub(crate) fn polled_within(&self, key: &QueueKey, time: Duration, now: Time) -> bool {
        self.queues.get(key).is_some_and(|queue| {
            queue.last_poll.is_some_and(|last| queue.waiting > 0 || now.since(last) < time)
        })
    }

    /// Identities of the pollers of the queue, each with the time of its last poll.
    pub(crate) fn pollers(&self, key: &QueueKey, now: Time) -> Vec<(String, Time)> {
        let pollers = self.queues.get(key).map_or(&[][..], |queue| &queue.pollers);
        pollers.iter().filter(|(_, last)| now.since(*last) < POLLER_RECENT).cloned().collect()
    }

    /// Tasks that wait.
    pub(crate) fn backlog(&self, key: &QueueKey) -> usize {
        self.queues.get(key).map_or(0, |queue| queue.tasks.len())
    }

    /// A worker says that its sticky queue is no more; what waits there goes to the normal queues.
    pub(crate) fn abandon_sticky(&mut self, executions: &Executions, key: &QueueKey, now: Time) {
        let Some(queue) = self.queues.get_mut(key) else { return };
        queue.last_poll = None;
        for (queued, position) in std::mem::take(&mut queue.tasks) {
            match queued {
                Queued::Task(task) => {
                    self.push(executions, task, position, now);
                }
                query @ Queued::Query(_) => self.push_to(key.clone(), query, position),
            }
        }
    }

    /// Removes queues that are empty and have no recent poller.
    pub(crate) fn sweep(&mut self, now: Time) {
        self.queues.retain(|_, queue| {
            !queue.tasks.is_empty()
                || queue.waiting > 0
                || queue.last_poll.is_some_and(|last| now.since(last) < POLLER_RECENT)
        });
        #[expect(clippy::iter_over_hash_type, reason = "each queue alone")]
        for queue in self.queues.values_mut() {
            queue.pollers.retain(|(_, last)| now.since(*last) < POLLER_RECENT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_on_disk_stays_in_the_queue() {
        let key = QueueKey { namespace: "n".to_owned(), name: "q".to_owned(), activities: false };
        let mut queues = Queues::default();
        queues.push_to(key.clone(), Queued::Query(7), 3);
        queues.push_to(key.clone(), Queued::Query(8), 4);
        for (last, expected) in [
            (2, First::NotOnDisk),
            (3, First::Queued(Queued::Query(7), 3)),
            (3, First::NotOnDisk),
            (Position::MAX, First::Queued(Queued::Query(8), 4)),
            (Position::MAX, First::Nothing),
        ] {
            assert_eq!(queues.take(&key, last), expected, "up to {last}");
        }
    }
}
