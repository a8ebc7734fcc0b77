//! The tasks that wait in a queue, in the order in which pollers get them: by level of priority, then fairly among
//! fairness keys, then as they came.
//!
//! Each task gets a *pass* when it comes: one stride after the last one of its key, or that of the task that was taken
//! last, whichever is later; a stride is the shorter, the more weight the key has. The task with the lowest pass is next.
//! So a key with a thousand tasks does not hold up one with a single task. Temporal's server does the same
//! (`service/matching/fair_task_writer.go`).

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use crate::{
    matching::{
        queued::Queued,
        rank::{LEVELS, Rank},
    },
    storage::Position,
    time::Time,
};

/// The stride of a key of weight 1.
const STRIDE: f32 = 1_000.0;
/// Keys without tasks are forgotten from this number on, each time that there are twice as many as with tasks.
const FORGET_FROM: usize = 64;

/// A task in its queue.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Waiting {
    pub(crate) queued: Queued,
    /// Of the transition that brought it.
    pub(crate) position: Position,
    /// When it came.
    pub(crate) since: Time,
    pub(crate) rank: Rank,
    order: Order,
}

impl Waiting {
    pub(crate) fn new(queued: Queued, position: Position, since: Time, rank: Rank) -> Self {
        Self { queued, position, since, rank, order: Order::default() }
    }
}

/// A pass, and the number of the task in the queue.
type Order = (u64, u64);

/// The tasks of a queue.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    levels: [Level; LEVELS],
    len: usize,
    /// Number of the last task that came.
    last: u64,
}

#[derive(Debug, Default)]
struct Level {
    /// Tasks without a fairness key, which share one.
    plain: Lane,
    keyed: HashMap<Arc<str>, Lane>,
    /// The keys that have tasks, by the first of these.
    heads: BTreeSet<(Order, Arc<str>)>,
    /// The pass of the task that was taken last.
    base: u64,
}

/// Tasks of one key, as they came.
#[derive(Debug, Default)]
struct Lane {
    tasks: VecDeque<Waiting>,
    /// Pass of the last one that came.
    pass: u64,
}

impl Lane {
    fn head(&self) -> Option<Order> {
        self.tasks.front().map(|task| task.order)
    }
}

/// The key of a lane; none for tasks without a fairness key.
type Key = Option<Arc<str>>;

impl Backlog {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A task comes.
    pub(crate) fn push(&mut self, mut task: Waiting) {
        self.len += 1;
        self.last += 1;
        let level = &mut self.levels[task.rank.level];
        let base = level.base;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive and below 10^6"
        )]
        let stride = ((STRIDE / task.rank.weight) as u64).max(1);
        let key = task.rank.fairness_key.clone();
        let lane = level.lane(key.as_ref());
        lane.pass = base.max(lane.pass.saturating_add(stride));
        task.order = (lane.pass, self.last);
        let order = task.order;
        let was_empty = lane.tasks.is_empty();
        lane.tasks.push_back(task);
        if let (true, Some(key)) = (was_empty, key) {
            level.heads.insert((order, key));
        }
    }

    /// A task that was taken comes back to its place.
    pub(crate) fn put_back(&mut self, task: Waiting) {
        self.len += 1;
        let level = &mut self.levels[task.rank.level];
        let key = task.rank.fairness_key.clone();
        let lane = level.lane(key.as_ref());
        let (before, order) = (lane.head(), task.order);
        lane.tasks.push_front(task);
        if let Some(key) = key {
            if let Some(before) = before {
                level.heads.remove(&(before, key.clone()));
            }
            level.heads.insert((order, key));
        }
    }

    /// The first task of which this is true, without those behind it of the same key.
    pub(crate) fn first(&self, mut may: impl FnMut(&Waiting) -> bool) -> Option<Place> {
        if self.len == 0 {
            return None;
        }
        self.levels.iter().enumerate().find_map(|(level, of)| {
            let key = of.first(&mut may)?;
            Some(Place { level, key })
        })
    }

    pub(crate) fn get(&self, place: &Place) -> Option<&Waiting> {
        let level = &self.levels[place.level];
        match &place.key {
            Some(key) => level.keyed.get(key)?.tasks.front(),
            None => level.plain.tasks.front(),
        }
    }

    /// Takes the task at a place.
    pub(crate) fn take(&mut self, place: &Place) -> Option<Waiting> {
        let task = self.levels[place.level].take(place.key.as_ref())?;
        self.len -= 1;
        Some(task)
    }

    /// Keeps the tasks of which this is true.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Queued) -> bool) {
        for level in &mut self.levels {
            level.retain(&mut keep);
        }
        self.len = self.levels.iter().map(Level::len).sum();
    }

    /// All tasks, which leave the backlog; those of a key as they came.
    pub(crate) fn drain(&mut self) -> Vec<Waiting> {
        let mut all = Vec::with_capacity(self.len);
        while let Some(place) = self.first(|_| true) {
            all.extend(self.take(&place));
        }
        all
    }

    /// How many tasks wait on each level, and when the oldest of them came.
    pub(crate) fn levels(&self) -> impl Iterator<Item = (usize, Option<Time>)> {
        self.levels.iter().map(|level| (level.len(), level.oldest()))
    }

    /// When the oldest came of the tasks that are next on each level.
    pub(crate) fn oldest_next(&self) -> Option<Time> {
        self.levels.iter().filter_map(Level::next_since).min()
    }
}

/// Where a task is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    level: usize,
    key: Key,
}

impl Level {
    fn len(&self) -> usize {
        self.plain.tasks.len() + self.keyed.values().map(|lane| lane.tasks.len()).sum::<usize>()
    }

    fn lane(&mut self, key: Option<&Arc<str>>) -> &mut Lane {
        let Some(key) = key else { return &mut self.plain };
        if self.keyed.len() >= FORGET_FROM.max(2 * self.heads.len()) && !self.keyed.contains_key(key) {
            // Their next pass would be the base as well.
            let base = self.base;
            self.keyed.retain(|_, lane| !lane.tasks.is_empty() || lane.pass > base);
        }
        self.keyed.entry(key.clone()).or_default()
    }

    fn first(&self, may: &mut impl FnMut(&Waiting) -> bool) -> Option<Key> {
        let plain = self.plain.tasks.front();
        let mut heads = self.heads.iter().filter_map(|(order, key)| {
            let task = self.keyed.get(key)?.tasks.front()?;
            Some((*order, Some(key), task))
        });
        let mut plain = plain.map(|task| (task.order, None, task));
        let mut keyed = heads.next();
        loop {
            let (_, key, task) = match (&plain, &keyed) {
                (Some(own), Some(other)) if own.0 > other.0 => std::mem::replace(&mut keyed, heads.next())?,
                (Some(_), _) => plain.take()?,
                (None, _) => std::mem::replace(&mut keyed, heads.next())?,
            };
            if may(task) {
                return Some(key.cloned());
            }
        }
    }

    fn take(&mut self, key: Option<&Arc<str>>) -> Option<Waiting> {
        let task = match key {
            None => self.plain.tasks.pop_front()?,
            Some(key) => {
                let lane = self.keyed.get_mut(key)?;
                let task = lane.tasks.pop_front()?;
                let next = lane.head();
                self.heads.remove(&(task.order, key.clone()));
                if let Some(next) = next {
                    self.heads.insert((next, key.clone()));
                }
                task
            }
        };
        self.base = self.base.max(task.order.0);
        if self.plain.tasks.is_empty() && self.heads.is_empty() {
            // All begin anew.
            (self.base, self.plain.pass) = (0, 0);
            self.keyed.clear();
        }
        Some(task)
    }

    fn retain(&mut self, keep: &mut impl FnMut(&Queued) -> bool) {
        self.plain.tasks.retain(|task| keep(&task.queued));
        #[expect(clippy::iter_over_hash_type, reason = "each key alone")]
        for lane in self.keyed.values_mut() {
            lane.tasks.retain(|task| keep(&task.queued));
        }
        let heads = self.keyed.iter().filter_map(|(key, lane)| Some((lane.head()?, key.clone())));
        self.heads = heads.collect();
    }

    fn next_since(&self) -> Option<Time> {
        let keyed = self.heads.first().and_then(|(_, key)| self.keyed.get(key)?.tasks.front());
        keyed.into_iter().chain(self.plain.tasks.front()).map(|task| task.since).min()
    }

    fn oldest(&self) -> Option<Time> {
        let keyed = self.keyed.values().filter_map(|lane| lane.tasks.front());
        keyed.chain(self.plain.tasks.front()).map(|task| task.since).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(number: u64, level: usize, key: &str, weight: f32) -> Waiting {
        let fairness_key = (!key.is_empty()).then(|| Arc::from(key));
        let rank = Rank { level, fairness_key, weight };
        Waiting::new(Queued::Query(number), 0, Time(i64::try_from(number).unwrap()), rank)
    }

    fn number(task: &Waiting) -> u64 {
        let Queued::Query(number) = task.queued else { unreachable!() };
        number
    }

    fn check(tasks: &[(usize, &str, f32)], expected: &[u64]) {
        let mut backlog = Backlog::default();
        for (number, (level, key, weight)) in (0..).zip(tasks) {
            backlog.push(task(number, *level, key, *weight));
        }
        assert_eq!(backlog.len(), tasks.len());
        assert_eq!(backlog.drain().iter().map(number).collect::<Vec<_>>(), expected, "{tasks:?}");
        assert!(backlog.is_empty() && backlog.oldest_next().is_none());
    }

    #[test]
    fn tasks_come_by_priority_then_fairly() {
        let plain = |level| (level, "", 1.0);
        check(&[plain(2), plain(2), plain(2)], &[0, 1, 2]);
        check(&[plain(2), plain(4), plain(0), plain(2), plain(0)], &[2, 4, 0, 3, 1]);
        let (a, b) = ((2, "a", 1.0), (2, "b", 1.0));
        check(&[a, a, a, b, b], &[0, 3, 1, 4, 2]);
        check(&[a, a, a, plain(2)], &[0, 3, 1, 2]);
        // Twice the weight is twice the share.
        let heavy = (2, "h", 2.0);
        check(&[a, a, a, a, heavy, heavy, heavy, heavy], &[4, 0, 5, 6, 1, 7, 2, 3]);
        // Keys are per level.
        check(&[a, (0, "a", 1.0), a, b], &[1, 0, 3, 2]);
    }

    #[test]
    fn a_key_that_comes_late_has_its_share_from_then_on() {
        let mut backlog = Backlog::default();
        for number in 0..100 {
            backlog.push(task(number, 2, "busy", 1.0));
        }
        for _ in 0..50 {
            let place = backlog.first(|_| true).unwrap();
            backlog.take(&place).unwrap();
        }
        for number in 100..103 {
            backlog.push(task(number, 2, "late", 1.0));
        }
        let next: Vec<_> = backlog.drain().iter().map(number).take(6).collect();
        assert_eq!(next, [100, 50, 101, 51, 102, 52]);
    }

    #[test]
    fn what_comes_back_is_first_and_what_may_not_go_is_passed_over() {
        let mut backlog = Backlog::default();
        for (number, key) in (0..).zip(["a", "a", "", "b"]) {
            backlog.push(task(number, 2, key, 1.0));
        }
        let not_of = |key: &'static str| move |task: &Waiting| task.rank.fairness_key.as_deref() != Some(key);
        let place = backlog.first(not_of("a")).unwrap();
        assert_eq!(number(backlog.get(&place).unwrap()), 2);
        let taken = backlog.take(&backlog.first(|_| true).unwrap()).unwrap();
        assert_eq!((number(&taken), backlog.len()), (0, 3));
        backlog.put_back(taken);
        assert_eq!(backlog.first(|_| false), None);
        backlog.retain(|queued| *queued != Queued::Query(0));
        assert_eq!(backlog.drain().iter().map(number).collect::<Vec<_>>(), [2, 3, 1]);
    }

    #[test]
    fn keys_without_tasks_are_forgotten() {
        let mut backlog = Backlog::default();
        backlog.push(task(0, 2, "stays", 0.001));
        for number in 1..10_000 {
            backlog.push(task(number, 2, &format!("key {number}"), 1.0));
            let place = backlog.first(|_| true).unwrap();
            backlog.take(&place).unwrap();
            assert!(backlog.levels[2].keyed.len() <= FORGET_FROM + 2);
        }
    }
}
