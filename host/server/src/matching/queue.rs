//! One queue: its tasks, those who poll it, and what is known of both.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use host_wire::temporal::api::{
    common::v1::WorkerVersionCapabilities,
    deployment::v1::WorkerDeploymentOptions,
    enums::v1::RateLimitSource,
    taskqueue::v1::{PollerScalingDecision, TaskQueueConfig},
};
use tokio::sync::Notify;

use crate::{
    matching::{
        backlog::{Backlog, Waiting},
        limits::{Limiter, Limits},
        queued::Queued,
        rank::{LEVELS, effective_weight},
        scaling,
        throughput::Throughput,
    },
    storage::Position,
    time::Time,
};

/// A worker that polled within this time counts as a poller of the queue.
pub(crate) const POLLER_RECENT: Duration = Duration::from_secs(300);
/// Most pollers remembered by name for each queue.
const POLLERS: usize = 200;
/// Most polls that wait at one queue.
pub(super) const QUEUE_POLLS: usize = 2_000;
/// Tasks of a queue from which those that are not wanted any more are looked for and dropped, each time that it has
/// doubled since.
pub(super) const CLEAN_FROM: usize = 64;

/// What a poll says of its worker.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Polled {
    pub(crate) identity: String,
    /// Tasks that it wants in a second, if it says so.
    pub(crate) rate: Option<f64>,
    pub(crate) capabilities: Option<WorkerVersionCapabilities>,
    pub(crate) deployment: Option<WorkerDeploymentOptions>,
}

/// What a poller finds first in its queue.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum First {
    Waiting(Waiting),
    /// Something whose cause is not on disk yet.
    NotOnDisk,
    /// Something that a rate limit holds back until then; for now for ever, if nothing.
    Later(Option<Time>),
    Nothing,
}

#[derive(Debug)]
pub(super) struct Queue {
    backlog: Backlog,
    pub(super) arrived: Arc<Notify>,
    pub(super) waiting: usize,
    /// How many of those that wait are in this process.
    waiting_here: usize,
    pub(super) last_poll: Option<Time>,
    pollers: Vec<(Polled, Time)>,
    /// Number of tasks at which the queue is cleaned next; at least [`CLEAN_FROM`].
    clean_at: usize,
    limits: Limits,
    /// Weights of fairness keys that the configuration sets.
    weights: BTreeMap<String, f32>,
    decisions: Limiter,
    throughput: [Option<Box<InOut>>; LEVELS],
}

#[derive(Debug)]
struct InOut {
    added: Throughput,
    dispatched: Throughput,
}

impl InOut {
    fn new(now: Time) -> Box<Self> {
        Box::new(Self { added: Throughput::new(now), dispatched: Throughput::new(now) })
    }
}

/// What a description says of the tasks of a queue; of one level, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Stats {
    pub(crate) backlog: usize,
    /// Age of the oldest task that waits.
    pub(crate) age: Duration,
    /// Tasks that came in a second, of late, and that went.
    pub(crate) add_rate: f32,
    pub(crate) dispatch_rate: f32,
}

impl Queue {
    pub(super) fn new(config: Option<&TaskQueueConfig>, now: Time) -> Self {
        let mut queue = Self {
            backlog: Backlog::default(),
            arrived: Arc::default(),
            waiting: 0,
            waiting_here: 0,
            last_poll: None,
            pollers: Vec::new(),
            clean_at: 0,
            limits: Limits::default(),
            weights: BTreeMap::new(),
            decisions: Limiter::new(scaling::DECISIONS_PER_SECOND),
            throughput: [const { None }; LEVELS],
        };
        queue.configure(config, now);
        queue
    }

    /// Takes over a configuration.
    pub(super) fn configure(&mut self, config: Option<&TaskQueueConfig>, now: Time) {
        self.limits.configure(config, now);
        self.weights = config.map(|config| config.fairness_weight_overrides.clone()).unwrap_or_default();
        // Pollers that a limit holds back look again.
        self.arrived.notify_waiters();
    }

    /// A task comes. What is not wanted any more is dropped on the way, so that a queue that no worker polls has at most
    /// twice what is wanted.
    pub(super) fn push(&mut self, mut task: Waiting, is_wanted: impl FnMut(&Queued) -> bool) {
        if self.backlog.len() >= self.clean_at.max(CLEAN_FROM) {
            self.backlog.retain(is_wanted);
            self.clean_at = 2 * self.backlog.len();
        }
        if let Some(key) = &task.rank.fairness_key
            && let Some(weight) = self.weights.get(&**key)
        {
            task.rank.weight = effective_weight(*weight);
        }
        let now = task.since;
        self.throughput[task.rank.level].get_or_insert_with(|| InOut::new(now)).added.count(now);
        self.backlog.push(task);
        self.arrived.notify_one();
    }

    /// A task that was taken comes back.
    pub(super) fn put_back(&mut self, task: Waiting) {
        self.limits.give_back(&task.rank);
        self.backlog.put_back(task);
        self.arrived.notify_one();
    }

    /// A task that was taken was not wanted any more.
    pub(super) fn was_not_wanted(&mut self, task: &Waiting) {
        self.limits.give_back(&task.rank);
    }

    /// Takes what is first, if its position is not after `last`.
    pub(super) fn take(&mut self, last: Position, now: Time) -> First {
        if let Some(until) = self.limits.hold_back_all(now) {
            return if self.backlog.is_empty() { First::Nothing } else { First::Later(until) };
        }
        let mut earliest: Option<Time> = None;
        let limits = &self.limits;
        let place = self.backlog.first(|task| {
            if limits.are_none() {
                return true;
            }
            match limits.ready(&task.rank, now) {
                Some(ready) if ready <= now => true,
                Some(ready) => {
                    earliest = Some(earliest.map_or(ready, |other| other.min(ready)));
                    false
                }
                None => false,
            }
        });
        let Some(place) = place else {
            return if self.backlog.is_empty() { First::Nothing } else { First::Later(earliest) };
        };
        if self.backlog.get(&place).is_some_and(|task| task.position > last) {
            return First::NotOnDisk;
        }
        let Some(task) = self.backlog.take(&place) else { return First::Nothing };
        self.limits.take(&task.rank, now);
        self.throughput[task.rank.level].get_or_insert_with(|| InOut::new(now)).dispatched.count(now);
        First::Waiting(task)
    }

    /// Advice to a worker whose poll got a task after waiting for so long.
    pub(super) fn advice(&mut self, waited: Duration, now: Time) -> Option<PollerScalingDecision> {
        if let Some(fewer) = scaling::was_idle(waited) {
            return Some(fewer);
        }
        if self.decisions.ready(now).is_none_or(|ready| ready > now) {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 200")]
        self.decisions.take(now, self.pollers.len().max(1) as f32);
        let all = self.throughput.iter_mut().flatten();
        let (added, dispatched) = all.fold((0.0, 0.0), |(added, dispatched), it| {
            (added + it.added.per_second(now), dispatched + it.dispatched.per_second(now))
        });
        let oldest = self.backlog.oldest_next().map(|since| now.since(since));
        scaling::is_behind(oldest, added, dispatched)
    }

    /// A poller comes.
    pub(super) fn enter(&mut self, polled: Polled, here: bool, now: Time) {
        self.waiting += 1;
        self.waiting_here += usize::from(here);
        self.last_poll = Some(now);
        self.limits.polled(polled.rate, now);
        if let Some(known) = self.pollers.iter_mut().find(|(known, _)| known.identity == polled.identity) {
            *known = (polled, now);
        } else if self.pollers.len() < POLLERS {
            self.pollers.push((polled, now));
        }
    }

    /// A poller goes.
    pub(super) fn leave(&mut self, here: bool, now: Time) {
        self.waiting = self.waiting.saturating_sub(1);
        self.waiting_here = self.waiting_here.saturating_sub(usize::from(here));
        self.last_poll = self.last_poll.map(|_| now);
        if !self.backlog.is_empty() {
            // This poller may have been told, and have waited for the disk.
            self.arrived.notify_one();
        }
    }

    /// Whether a worker in this process waits that no task of the queue is for.
    pub(super) fn has_idle_poller_here(&self) -> bool {
        self.waiting_here > self.backlog.len()
    }

    /// Whether a worker polls the queue or did within this time.
    pub(super) fn polled_within(&self, time: Duration, now: Time) -> bool {
        self.last_poll.is_some_and(|last| self.waiting > 0 || now.since(last) < time)
    }

    /// Who polled of late, each with the time of the last poll.
    pub(super) fn pollers(&self, now: Time) -> impl Iterator<Item = &(Polled, Time)> {
        self.pollers.iter().filter(move |(_, last)| now.since(*last) < POLLER_RECENT)
    }

    /// What is known of the tasks of each level.
    pub(super) fn stats(&mut self, now: Time) -> [Stats; LEVELS] {
        let mut stats = [Stats::default(); LEVELS];
        for ((stats, (backlog, oldest)), in_out) in
            stats.iter_mut().zip(self.backlog.levels()).zip(&mut self.throughput)
        {
            stats.backlog = backlog;
            stats.age = oldest.map(|since| now.since(since)).unwrap_or_default();
            if let Some(in_out) = in_out {
                stats.add_rate = in_out.added.per_second(now);
                stats.dispatch_rate = in_out.dispatched.per_second(now);
            }
        }
        stats
    }

    /// Tasks for a second, and who says so.
    pub(super) fn rate(&self) -> (f64, RateLimitSource) {
        self.limits.effective()
    }

    /// All tasks, which leave the queue.
    pub(super) fn drain(&mut self) -> Vec<Waiting> {
        self.backlog.drain()
    }

    /// Forgets pollers that were not there for long; answers whether the queue is of use.
    pub(super) fn sweep(&mut self, now: Time) -> bool {
        self.pollers.retain(|(_, last)| now.since(*last) < POLLER_RECENT);
        !self.backlog.is_empty() || self.polled_within(POLLER_RECENT, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::rank::Rank;

    fn at(milliseconds: u64) -> Time {
        Time::default().after(Duration::from_millis(milliseconds))
    }

    fn push(queue: &mut Queue, number: u64, level: usize, now: Time) {
        let rank = Rank { level, ..Rank::default() };
        queue.push(Waiting::new(Queued::Query(number), 0, now, rank), |_| true);
    }

    fn take(queue: &mut Queue, now: Time) -> Option<u64> {
        match queue.take(0, now) {
            First::Waiting(task) => match task.queued {
                Queued::Query(number) => Some(number),
                Queued::Task(_) => None,
            },
            _ => None,
        }
    }

    #[test]
    fn workers_are_told_to_poll_more_or_less() {
        let mut queue = Queue::new(None, at(0));
        let more = Some(PollerScalingDecision { poll_request_delta_suggestion: 1 });
        let fewer = Some(PollerScalingDecision { poll_request_delta_suggestion: -1 });
        let soon = Duration::from_millis(5);
        for number in 0..3 {
            push(&mut queue, number, 2, at(10));
        }
        // As much comes as goes, until the rest is old.
        take(&mut queue, at(20)).unwrap();
        take(&mut queue, at(20)).unwrap();
        take(&mut queue, at(20)).unwrap();
        assert_eq!(queue.advice(soon, at(20)), None);
        for number in 3..100 {
            push(&mut queue, number, 2, at(30));
        }
        take(&mut queue, at(240)).unwrap();
        assert_eq!(queue.advice(soon, at(240)), more);
        assert_eq!(queue.advice(Duration::from_secs(1), at(240)), fewer);
        // Ten pieces of advice a second for one poller.
        let advice = (0..100).filter(|_| queue.advice(soon, at(241)).is_some()).count();
        assert!((5..=10).contains(&advice), "{advice}");
    }

    #[test]
    fn what_is_known_of_a_queue_by_level() {
        let mut queue = Queue::new(None, at(0));
        push(&mut queue, 1, 2, at(0));
        push(&mut queue, 2, 0, at(1_000));
        push(&mut queue, 3, 2, at(2_000));
        assert_eq!(take(&mut queue, at(4_000)), Some(2));
        let stats = queue.stats(at(5_000));
        assert_eq!((stats[2].backlog, stats[2].age), (2, Duration::from_secs(5)));
        assert_eq!((stats[0].backlog, stats[0].age), (0, Duration::ZERO));
        assert!((stats[2].add_rate - 0.4).abs() < 0.01 && stats[2].dispatch_rate.abs() < f32::EPSILON);
        assert!(stats[0].add_rate > 0.0 && stats[0].dispatch_rate > 0.0);
        assert_eq!(stats[4], Stats::default());
    }

    #[test]
    fn a_task_that_was_no_use_takes_no_room_of_the_limit() {
        let mut queue = Queue::new(None, at(0));
        queue.enter(Polled { rate: Some(0.5), ..Polled::default() }, false, at(10_000));
        for number in 0..3 {
            push(&mut queue, number, 2, at(10_000));
        }
        let First::Waiting(first) = queue.take(0, at(10_000)) else { panic!("nothing goes") };
        assert_eq!(queue.take(0, at(10_000)), First::Later(Some(at(11_000))));
        queue.was_not_wanted(&first);
        assert_eq!(take(&mut queue, at(10_000)), Some(1));
        assert_eq!(queue.take(0, at(10_999)), First::Later(Some(at(11_000))));
        assert_eq!(take(&mut queue, at(11_000)), Some(2));
        assert_eq!(queue.take(0, at(11_000)), First::Nothing);
    }
}
