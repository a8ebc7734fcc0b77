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
    matching::{
        queries::{Queries, QueryNumber},
        queue_key::QueueKey,
    },
    storage::Position,
    time::Time,
};

/// A sticky queue that was not polled for so long is dead: its tasks go to the normal queue.
const STICKY_DEAD: Duration = Duration::from_secs(10);
/// A worker that polled within this time counts as a poller of the queue.
pub(crate) const POLLER_RECENT: Duration = Duration::from_secs(300);
/// Most pollers remembered by name for each queue.
const POLLERS: usize = 200;
/// Most polls that wait at one queue.
const QUEUE_POLLS: usize = 2_000;
/// Most polls that wait at all queues together.
const ALL_POLLS: usize = 10_000;
/// Most queues that polls may have opened.
const QUEUES: usize = 20_000;
/// Tasks of a queue from which those that are not wanted any more are looked for and dropped, each time that it has
/// doubled since.
const CLEAN_FROM: usize = 64;

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
    /// Number of tasks at which the queue is cleaned next; at least [`CLEAN_FROM`].
    clean_at: usize,
}

/// Whether a worker that took this would have something to do: its run is open and waits for it, its caller is there.
fn is_wanted(executions: &Executions, queries: &Queries, queued: &Queued) -> bool {
    match queued {
        Queued::Task(Task::Workflow { run, scheduled_event_id, attempt, .. }) => {
            let task = executions.get(*run).and_then(|run| run.workflow_tasks().task());
            task.is_some_and(|task| {
                let same = (task.scheduled_event_id, task.attempt) == (*scheduled_event_id, *attempt);
                same && task.started.is_none()
            })
        }
        Queued::Task(Task::Activity { run, scheduled_event_id, attempt, stamp, .. }) => {
            let activity = executions.get(*run).and_then(|run| run.activities().get(*scheduled_event_id));
            activity.is_some_and(|activity| {
                let same = (activity.attempt, activity.stamp) == (*attempt, *stamp);
                same && activity.waits_for_worker()
            })
        }
        Queued::Query(number) => queries.is_wanted(*number),
    }
}

/// All queues.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    queues: HashMap<QueueKey, Queue>,
    waiting: usize,
}

impl Queues {
    /// Adds a task to its queue; to the normal one if its sticky queue is dead. Answers whether it is a
    /// workflow task that a worker in this process takes at once.
    pub(crate) fn push(
        &mut self,
        executions: &Executions,
        queries: &Queries,
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
        self.push_to(executions, queries, key, Queued::Task(task), position);
        taken
    }

    /// Adds to a queue. What is not wanted any more is dropped on the way, so that a queue that no worker polls has at
    /// most twice what is wanted.
    pub(crate) fn push_to(
        &mut self,
        executions: &Executions,
        queries: &Queries,
        key: QueueKey,
        queued: Queued,
        position: Position,
    ) {
        let queue = self.queues.entry(key).or_default();
        if queue.tasks.len() >= queue.clean_at.max(CLEAN_FROM) {
            queue.tasks.retain(|(queued, _)| is_wanted(executions, queries, queued));
            queue.clean_at = 2 * queue.tasks.len();
        }
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

    /// A poller comes, from `here` in the process or from elsewhere; answers what tells it that something arrived, or
    /// nothing when there are too many polls.
    pub(crate) fn enter(
        &mut self,
        key: &QueueKey,
        identity: &str,
        here: bool,
        now: Time,
    ) -> Option<Arc<Notify>> {
        let opens = !self.queues.contains_key(key) && self.queues.len() >= QUEUES;
        let waiting = self.queues.get(key).map_or(0, |queue| queue.waiting);
        if opens || waiting >= QUEUE_POLLS || self.waiting >= ALL_POLLS {
            return None;
        }
        self.waiting += 1;
        let queue = self.queues.entry(key.clone()).or_default();
        queue.waiting += 1;
        queue.waiting_here += usize::from(here);
        queue.last_poll = Some(now);
        if let Some((_, last)) = queue.pollers.iter_mut().find(|(known, _)| known == identity) {
            *last = now;
        } else if queue.pollers.len() < POLLERS {
            queue.pollers.push((identity.to_owned(), now));
        }
        Some(queue.arrived.clone())
    }

    /// A poller goes.
    pub(crate) fn leave(&mut self, key: &QueueKey, here: bool, now: Time) {
        self.waiting = self.waiting.saturating_sub(1);
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
    pub(crate) fn abandon_sticky(
        &mut self,
        executions: &Executions,
        queries: &Queries,
        key: &QueueKey,
        now: Time,
    ) {
        let Some(queue) = self.queues.get_mut(key) else { return };
        queue.last_poll = None;
        for (queued, position) in std::mem::take(&mut queue.tasks) {
            match queued {
                Queued::Task(task) => {
                    self.push(executions, queries, task, position, now);
                }
                Queued::Query(number) => {
                    if let Some(normal) = queries.normal_queue(number) {
                        self.push_to(executions, queries, normal.clone(), queued, position);
                    }
                }
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
    use host_wire::temporal::api::query::v1::WorkflowQuery;

    use super::*;

    #[test]
    fn what_is_not_on_disk_stays_in_the_queue() {
        let key = QueueKey { namespace: "n".to_owned(), name: "q".to_owned(), activities: false };
        let mut queues = Queues::default();
        let (executions, queries) = (Executions::new([], 0), Queries::default());
        queues.push_to(&executions, &queries, key.clone(), Queued::Query(7), 3);
        queues.push_to(&executions, &queries, key.clone(), Queued::Query(8), 4);
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

    #[test]
    fn a_query_leaves_a_sticky_queue_that_is_no_more() {
        let key =
            |name: &str| QueueKey { namespace: "n".to_owned(), name: name.to_owned(), activities: false };
        let (executions, mut queries) = (Executions::new([], 0), Queries::default());
        let mut queues = Queues::default();
        let (number, _answered) = queries.add(0, WorkflowQuery::default()).unwrap();
        queries.dispatched(number, key("normal"));
        queues.push_to(&executions, &queries, key("sticky"), Queued::Query(number), 0);
        queues.abandon_sticky(&executions, &queries, &key("sticky"), Time::default());
        assert_eq!((queues.backlog(&key("sticky")), queues.backlog(&key("normal"))), (0, 1));
    }

    #[test]
    fn a_queue_without_workers_keeps_twice_what_is_wanted_at_most() {
        let key = QueueKey { namespace: "n".to_owned(), name: "q".to_owned(), activities: false };
        let (executions, mut queries) = (Executions::new([], 0), Queries::default());
        let mut queues = Queues::default();
        let mut open = VecDeque::new();
        for run in 0..10_000 {
            let (number, answered) = queries.add(run, WorkflowQuery::default()).unwrap();
            open.push_back((number, answered));
            queues.push_to(&executions, &queries, key.clone(), Queued::Query(number), 0);
            if open.len() > 50 {
                queries.close(open.pop_front().unwrap().0);
            }
            let most = CLEAN_FROM.max(2 * open.len()) + 1;
            assert!(queues.backlog(&key) <= most, "{} for {}", queues.backlog(&key), open.len());
        }
    }

    #[test]
    fn polls_are_bounded_at_a_queue_and_at_all() {
        let key =
            |name: usize| QueueKey { namespace: "n".to_owned(), name: name.to_string(), activities: false };
        let mut queues = Queues::default();
        let mut enter = |name| queues.enter(&key(name), "me", false, Time::default()).is_some();
        assert_eq!((0..3_000).filter(|_| enter(0)).count(), QUEUE_POLLS);
        assert_eq!((1..20_000).filter(|name| enter(*name)).count(), ALL_POLLS - QUEUE_POLLS);
        queues.leave(&key(0), false, Time::default());
        assert!(queues.enter(&key(0), "me", false, Time::default()).is_some());
    }
}
