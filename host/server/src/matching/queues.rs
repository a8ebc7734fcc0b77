//! Task queues: tasks that wait for workers, and workers that wait for tasks.
//!
//! A task here is a reference; whether it is still wanted is checked by who takes it. Nothing here
//! is on disk: after a restart the queues are filled from the runs.

use std::{collections::HashMap, sync::Arc, time::Duration};

use host_wire::temporal::api::{
    enums::v1::{RateLimitSource, TaskQueueKind, TaskQueueType},
    taskqueue::v1::{PollerScalingDecision, TaskQueueConfig},
};
use tokio::sync::Notify;

pub(crate) use crate::matching::queue::{First, POLLER_RECENT, Polled, Stats};
use crate::{
    deployment::version::name,
    execution::{executions::Executions, run::Run, task::Task},
    matching::{
        backlog::Waiting,
        limits::UNLIMITED,
        queries::Queries,
        queue::{QUEUE_POLLS, Queue},
        queue_key::QueueKey,
        queued::Queued,
        rank::LEVELS,
        routing::{stays_sticky, version_for, version_of_nexus},
    },
    storage::Position,
    time::Time,
};

/// A sticky queue that was not polled for so long is dead: its tasks go to the normal queue.
const STICKY_DEAD: Duration = Duration::from_secs(10);
/// Most polls that wait at all queues together.
const ALL_POLLS: usize = 10_000;
/// Most queues that polls may have opened.
const QUEUES: usize = 20_000;

/// All queues.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    queues: HashMap<QueueKey, Queue>,
    waiting: usize,
    /// What UpdateTaskQueueConfig set.
    configs: HashMap<QueueKey, TaskQueueConfig>,
}

impl Queues {
    fn open(&mut self, key: QueueKey, now: Time) -> &mut Queue {
        let configs = &self.configs;
        self.queues.entry(key).or_insert_with_key(|key| Queue::new(config_of(configs, key), now))
    }

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
        let Some(run) = executions.get(task.run()) else { return false };
        let key = self.key_for(executions, run, &task, now);
        let taken = key.is_of_workflows() && self.queues.get(&key).is_some_and(Queue::has_idle_poller_here);
        self.push_to(executions, queries, key, Queued::Task(task), position, now);
        taken
    }

    /// The queue of the workers that a task is for.
    fn key_for(&self, executions: &Executions, run: &Run, task: &Task, now: Time) -> QueueKey {
        let namespace = &run.identity().namespace;
        let (name, activities) = match task {
            Task::Nexus { namespace, queue, .. } => {
                let version = version_of_nexus(executions, namespace, queue, run);
                return QueueKey { version, ..QueueKey::of(namespace, queue, TaskQueueType::Nexus) };
            }
            Task::Workflow { queue, .. } if queue.kind == i32::from(TaskQueueKind::Sticky) => {
                let sticky = &queue.name;
                if self.is_alive(namespace, sticky, now) && stays_sticky(executions, run, sticky) {
                    return QueueKey::new(namespace, sticky, false);
                }
                (&queue.normal_name, false)
            }
            Task::Workflow { queue, .. } => (&queue.name, false),
            Task::Activity { queue, .. } => (queue, true),
        };
        let version = version_for(executions, run, name, activities);
        QueueKey { version, ..QueueKey::new(namespace, name, activities) }
    }

    /// Adds to a queue.
    pub(crate) fn push_to(
        &mut self,
        executions: &Executions,
        queries: &Queries,
        key: QueueKey,
        queued: Queued,
        position: Position,
        now: Time,
    ) {
        let rank = queued.rank(executions, queries);
        let task = Waiting::new(queued, position, now, rank);
        self.open(key, now).push(task, |queued| queued.is_wanted(executions, queries));
    }

    /// Sends on what a poll took that is for workers of another version.
    pub(crate) fn send_on(
        &mut self,
        executions: &Executions,
        queries: &Queries,
        waiting: Waiting,
        now: Time,
    ) {
        let Waiting { queued, position, .. } = waiting;
        match queued {
            Queued::Task(task) => {
                self.push(executions, queries, task, position, now);
            }
            Queued::Query(number) => {
                let Some(normal) = queries.normal_queue(number) else { return };
                let run = queries.waiting(number).and_then(|(run, _)| executions.get(run));
                let key = match run {
                    Some(run) => normal.for_version(version_for(executions, run, &normal.name, false)),
                    None => normal.clone(),
                };
                self.push_to(executions, queries, key, queued, position, now);
            }
        }
    }

    /// The version of workers has changed that gets what is on these queues: what waits goes to the right ones.
    pub(crate) fn reroute(
        &mut self,
        executions: &Executions,
        queries: &Queries,
        concerns: impl Fn(&QueueKey) -> bool,
        now: Time,
    ) {
        let mut waiting: Vec<Waiting> = Vec::new();
        for (_, queue) in self.queues.iter_mut().filter(|(key, _)| concerns(key)) {
            waiting.extend(queue.drain());
        }
        waiting.sort_by_key(|waiting| waiting.position);
        for waiting in waiting {
            self.send_on(executions, queries, waiting, now);
        }
    }

    /// Puts back a task that its poll could not start.
    pub(crate) fn put_back(&mut self, key: QueueKey, task: Waiting, now: Time) {
        self.open(key, now).put_back(task);
    }

    /// A task that a poll took was not wanted any more.
    pub(crate) fn was_not_wanted(&mut self, key: &QueueKey, task: &Waiting) {
        if let Some(queue) = self.queues.get_mut(key) {
            queue.was_not_wanted(task);
        }
    }

    /// Takes what is first in a queue, if its position is not after `last`.
    pub(crate) fn take(&mut self, key: &QueueKey, last: Position, now: Time) -> First {
        self.queues.get_mut(key).map_or(First::Nothing, |queue| queue.take(last, now))
    }

    /// Advice to a worker whose poll got a task after waiting for so long.
    pub(crate) fn advice(
        &mut self,
        key: &QueueKey,
        waited: Duration,
        now: Time,
    ) -> Option<PollerScalingDecision> {
        self.queues.get_mut(key)?.advice(waited, now)
    }

    /// A poller comes, from `here` in the process or from elsewhere; answers what tells it that something arrived, or
    /// nothing when there are too many polls.
    pub(crate) fn enter(
        &mut self,
        key: &QueueKey,
        polled: Polled,
        here: bool,
        now: Time,
    ) -> Option<Arc<Notify>> {
        let opens = !self.queues.contains_key(key) && self.queues.len() >= QUEUES;
        let waiting = self.queues.get(key).map_or(0, |queue| queue.waiting);
        if opens || waiting >= QUEUE_POLLS || self.waiting >= ALL_POLLS {
            return None;
        }
        self.waiting += 1;
        let queue = self.open(key.clone(), now);
        queue.enter(polled, here, now);
        Some(queue.arrived.clone())
    }

    /// Whether the queue is known: while it is polled, until its namespace is deleted.
    pub(crate) fn has(&self, key: &QueueKey) -> bool {
        self.queues.contains_key(key)
    }

    /// A poller goes.
    pub(crate) fn leave(&mut self, key: &QueueKey, here: bool, now: Time) {
        self.waiting = self.waiting.saturating_sub(1);
        if let Some(queue) = self.queues.get_mut(key) {
            queue.leave(here, now);
        }
    }

    /// Whether workers poll a sticky queue.
    pub(crate) fn is_alive(&self, namespace: &str, sticky: &str, now: Time) -> bool {
        let key = QueueKey::new(namespace, sticky, false);
        self.polled_within(&key, STICKY_DEAD, now)
    }

    /// Whether a worker polls the queue or did lately.
    pub(crate) fn polled_within(&self, key: &QueueKey, time: Duration, now: Time) -> bool {
        self.queues.get(key).is_some_and(|queue| queue.polled_within(time, now))
    }

    /// Whether workers of any version poll a queue, or did lately.
    pub(crate) fn any_polled_within(&self, key: &QueueKey, time: Duration, now: Time) -> bool {
        self.polled_within(key, time, now)
            || self.queues.iter().any(|(other, queue)| other.is_of(key) && queue.polled_within(time, now))
    }

    /// Who polled the queue of late, each with the time of the last poll.
    pub(crate) fn pollers(&self, key: &QueueKey, now: Time) -> Vec<(Polled, Time)> {
        self.queues.get(key).map(|queue| queue.pollers(now).cloned().collect()).unwrap_or_default()
    }

    /// The keys of a queue for all versions of workers, that of workers without one first.
    pub(crate) fn versions(&self, key: &QueueKey) -> Vec<QueueKey> {
        let others = self.queues.keys().filter(|other| other.version.is_some() && other.is_of(key));
        let mut others: Vec<QueueKey> = others.cloned().collect();
        others.sort_by_cached_key(|key| key.version.as_ref().map(name));
        others.insert(0, key.for_version(None));
        others
    }

    /// What is known of the tasks of each level.
    pub(crate) fn stats(&mut self, key: &QueueKey, now: Time) -> [Stats; LEVELS] {
        self.queues.get_mut(key).map(|queue| queue.stats(now)).unwrap_or_default()
    }

    /// Tasks for a second, and who says so.
    pub(crate) fn rate(&self, key: &QueueKey, now: Time) -> (f64, RateLimitSource) {
        match (self.queues.get(key), self.config(key)) {
            (Some(queue), _) => queue.rate(),
            (None, Some(config)) => Queue::new(Some(config), now).rate(),
            (None, None) => (UNLIMITED, RateLimitSource::System),
        }
    }

    /// The configuration of a queue, if it has one. What waits for each version has the same.
    pub(crate) fn config(&self, key: &QueueKey) -> Option<&TaskQueueConfig> {
        config_of(&self.configs, key)
    }

    /// Gives a queue a configuration.
    pub(crate) fn configure(&mut self, key: QueueKey, config: TaskQueueConfig, now: Time) {
        for (_, queue) in self.queues.iter_mut().filter(|(other, _)| other.is_of(&key)) {
            queue.configure(Some(&config), now);
        }
        self.configs.insert(key, config);
    }

    /// How many queues have a configuration.
    pub(crate) fn config_count(&self) -> usize {
        self.configs.len()
    }

    /// Takes over the configurations that storage has, before anything else.
    pub(crate) fn load_configs(&mut self, configs: Vec<(QueueKey, TaskQueueConfig)>) {
        self.configs = configs.into_iter().collect();
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
        for waiting in queue.drain() {
            self.send_on(executions, queries, waiting, now);
        }
    }

    /// Forgets the queues of a namespace, with what waits there; polls return.
    pub(crate) fn forget_namespace(&mut self, namespace: &str) {
        let Self { queues, configs, waiting: _ } = self;
        configs.retain(|key, _| key.namespace != namespace);
        queues.retain(|key, queue| {
            let stays = key.namespace != namespace;
            if !stays {
                queue.arrived.notify_waiters();
            }
            stays
        });
    }

    /// Removes queues that are empty and have no recent poller.
    pub(crate) fn sweep(&mut self, now: Time) {
        self.queues.retain(|_, queue| queue.sweep(now));
    }
}

fn config_of<'a>(
    configs: &'a HashMap<QueueKey, TaskQueueConfig>,
    key: &QueueKey,
) -> Option<&'a TaskQueueConfig> {
    match key.version {
        None => configs.get(key),
        Some(_) => configs.get(&key.for_version(None)),
    }
}

#[cfg(test)]
mod tests {
    use host_wire::temporal::api::query::v1::WorkflowQuery;

    use std::collections::VecDeque;

    use super::*;
    use crate::matching::queue::CLEAN_FROM;

    fn backlog(queues: &mut Queues, key: &QueueKey) -> usize {
        queues.stats(key, Time::default()).iter().map(|level| level.backlog).sum()
    }

    #[test]
    fn what_is_not_on_disk_stays_in_the_queue() {
        let key = QueueKey::new("n", "q", false);
        let mut queues = Queues::default();
        let (executions, queries) = (Executions::new([], 0), Queries::default());
        queues.push_to(&executions, &queries, key.clone(), Queued::Query(7), 3, Time::default());
        queues.push_to(&executions, &queries, key.clone(), Queued::Query(8), 4, Time::default());
        for (last, expected) in [(2, None), (3, Some(7)), (3, None), (Position::MAX, Some(8))] {
            let taken = match queues.take(&key, last, Time::default()) {
                First::Waiting(task) => Some(task.queued),
                other => {
                    assert_eq!(other, First::NotOnDisk);
                    None
                }
            };
            assert_eq!(taken, expected.map(Queued::Query), "up to {last}");
        }
        assert_eq!(queues.take(&key, Position::MAX, Time::default()), First::Nothing);
    }

    #[test]
    fn a_query_leaves_a_sticky_queue_that_is_no_more() {
        let key = |name: &str| QueueKey::new("n", name, false);
        let (executions, mut queries) = (Executions::new([], 0), Queries::default());
        let mut queues = Queues::default();
        let (number, _answered) = queries.add(0, WorkflowQuery::default()).unwrap();
        queries.dispatched(number, key("normal"));
        queues.push_to(&executions, &queries, key("sticky"), Queued::Query(number), 0, Time::default());
        queues.abandon_sticky(&executions, &queries, &key("sticky"), Time::default());
        assert_eq!((backlog(&mut queues, &key("sticky")), backlog(&mut queues, &key("normal"))), (0, 1));
    }

    #[test]
    fn a_queue_without_workers_keeps_twice_what_is_wanted_at_most() {
        let key = QueueKey::new("n", "q", false);
        let (executions, mut queries) = (Executions::new([], 0), Queries::default());
        let mut queues = Queues::default();
        let mut open = VecDeque::new();
        for run in 0..10_000 {
            let (number, answered) = queries.add(run, WorkflowQuery::default()).unwrap();
            open.push_back((number, answered));
            queues.push_to(&executions, &queries, key.clone(), Queued::Query(number), 0, Time::default());
            if open.len() > 50 {
                queries.close(open.pop_front().unwrap().0);
            }
            let most = CLEAN_FROM.max(2 * open.len()) + 1;
            assert!(backlog(&mut queues, &key) <= most, "{} for {}", backlog(&mut queues, &key), open.len());
        }
    }

    #[test]
    fn polls_are_bounded_at_a_queue_and_at_all() {
        let key = |name: usize| QueueKey::new("n", &name.to_string(), false);
        let mut queues = Queues::default();
        let mut enter = |name| queues.enter(&key(name), Polled::default(), false, Time::default()).is_some();
        assert_eq!((0..3_000).filter(|_| enter(0)).count(), QUEUE_POLLS);
        assert_eq!((1..20_000).filter(|name| enter(*name)).count(), ALL_POLLS - QUEUE_POLLS);
        queues.leave(&key(0), false, Time::default());
        assert!(queues.enter(&key(0), Polled::default(), false, Time::default()).is_some());
    }
}
