//! Slots: how many activities run at once, all together and on each executor.
//!
//! The service starts the clock of an attempt when it hands the task out, and which executor the task needs is
//! known only then. So a poll holds a place on every executor that the registry has activities for, and gives
//! back those that the task does not need. An attempt therefore never waits for an executor while its
//! timeouts run. While one executor is full, nothing is polled: the service gives the tasks to other hosts.
//!
//! Local activities have slots of their own: a poll may hold the last place of an executor for a minute, and a
//! workflow task would wait for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout};

use crate::options::Options;
use crate::registry::{ExecutorKind, Registry};

/// From the moment an executor is full until the log says that it keeps the host from polling.
const FULL_FOR: Duration = Duration::from_secs(5);

/// The shortest interval between two such lines about one executor.
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What the slots are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Activity tasks, which are polled.
    Tasks,
    /// Local activities.
    Local,
}

/// The slots of a host for activity tasks, or those for local activities.
#[derive(Debug)]
pub(crate) struct Slots {
    total: Arc<Semaphore>,
    /// Those that the registry has activities for, in the order in which they are reserved: an executor with
    /// few places comes first, so that a poller that waits for it holds no others.
    pools: Vec<Arc<Pool>>,
    at_once: usize,
    held: watch::Sender<usize>,
}

/// The places of one executor.
#[derive(Debug)]
struct Pool {
    kind: ExecutorKind,
    purpose: Purpose,
    places: Arc<Semaphore>,
    size: usize,
    usage: Mutex<Usage>,
}

#[derive(Debug, Default)]
struct Usage {
    /// Activities that run, by type.
    running: BTreeMap<String, usize>,
    full_since: Option<Instant>,
    told_at: Option<Instant>,
}

/// The permit to run one activity. Dropping it frees the slot.
#[derive(Debug)]
pub struct Slot {
    _total: OwnedSemaphorePermit,
    places: Vec<(Arc<Pool>, OwnedSemaphorePermit)>,
    held: watch::Sender<usize>,
}

/// A place on an executor, taken by a running activity. A thread that does not return keeps it, also when the
/// slot is free again.
#[derive(Debug)]
pub(crate) struct Place {
    pool: Arc<Pool>,
    activity_type: String,
    _permit: OwnedSemaphorePermit,
}

impl Slots {
    /// `held` counts the slots that are held, together with those of the other purpose.
    pub(crate) fn new(
        registry: &Registry,
        options: &Options,
        purpose: Purpose,
        held: watch::Sender<usize>,
    ) -> Self {
        let limit = |count: usize| count.clamp(1, Semaphore::MAX_PERMITS);
        let (total, asynchronous) = match purpose {
            Purpose::Tasks => (options.total, options.asynchronous),
            Purpose::Local => (options.local, options.local),
        };
        let mut pools: Vec<_> = [
            (ExecutorKind::Async, asynchronous),
            (ExecutorKind::Thread, options.threads),
            (ExecutorKind::Process, options.processes),
        ]
        .into_iter()
        .filter(|(kind, _)| registry.kinds().contains(kind))
        .map(|(kind, size)| Arc::new(Pool::new(kind, purpose, limit(size))))
        .collect();
        pools.sort_by_key(|pool| pool.size);
        let total = limit(total);
        let at_once = pools.iter().map(|pool| pool.size).min().unwrap_or(total).min(total);
        Self { total: Arc::new(Semaphore::new(total)), pools, at_once, held }
    }

    /// The number of slots that can be held for tasks of unknown types at once.
    pub(crate) fn at_once(&self) -> usize {
        self.at_once
    }

    /// Waits for a slot in which any activity can run. `None` once the slots are closed.
    pub(crate) async fn reserve(&self) -> Option<Slot> {
        let mut places = Vec::with_capacity(self.pools.len());
        for pool in &self.pools {
            places.push((Arc::clone(pool), pool.acquire().await.ok()?));
        }
        let total = Arc::clone(&self.total).acquire_owned().await.ok()?;
        Some(self.slot(total, places))
    }

    /// Waits for a slot for an activity of this executor. `None` once the slots are closed.
    pub(crate) async fn reserve_for(&self, kind: ExecutorKind) -> Option<Slot> {
        let pool = self.pools.iter().find(|pool| pool.kind == kind)?;
        let place = pool.acquire().await.ok()?;
        let total = Arc::clone(&self.total).acquire_owned().await.ok()?;
        Some(self.slot(total, vec![(Arc::clone(pool), place)]))
    }

    /// A slot for an activity of this executor, if one is free now.
    pub(crate) fn try_reserve(&self, kind: ExecutorKind) -> Option<Slot> {
        let pool = self.pools.iter().find(|pool| pool.kind == kind)?;
        let place = Arc::clone(&pool.places).try_acquire_owned().ok()?;
        let total = Arc::clone(&self.total).try_acquire_owned().ok()?;
        Some(self.slot(total, vec![(Arc::clone(pool), place)]))
    }

    /// Takes the place of an activity out of its slot, and frees the slot's places on the other executors.
    /// `None` once the slots are closed, if the slot was reserved for another executor.
    pub(crate) async fn enter(
        &self,
        slot: &mut Slot,
        kind: ExecutorKind,
        activity_type: &str,
    ) -> Option<Place> {
        let reserved = std::mem::take(&mut slot.places).into_iter().find(|(pool, _)| pool.kind == kind);
        let (pool, permit) = match reserved {
            Some(place) => place,
            None => {
                let pool = self.pools.iter().find(|pool| pool.kind == kind)?;
                (Arc::clone(pool), pool.acquire().await.ok()?)
            }
        };
        Some(Place::new(pool, permit, activity_type))
    }

    /// Grants no more slots.
    pub(crate) fn close(&self) {
        self.total.close();
        self.pools.iter().for_each(|pool| pool.places.close());
    }

    fn slot(&self, total: OwnedSemaphorePermit, places: Vec<(Arc<Pool>, OwnedSemaphorePermit)>) -> Slot {
        self.held.send_modify(|held| *held += 1);
        Slot { _total: total, places, held: self.held.clone() }
    }
}

impl Slot {
    /// Whether an activity of this executor can begin in this slot at once.
    #[must_use]
    pub fn fits(&self, kind: ExecutorKind) -> bool {
        self.places.iter().any(|(pool, _)| pool.kind == kind)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.held.send_modify(|held| *held -= 1);
    }
}

impl Pool {
    fn new(kind: ExecutorKind, purpose: Purpose, size: usize) -> Self {
        Self { kind, purpose, places: Arc::new(Semaphore::new(size)), size, usage: Mutex::default() }
    }

    /// Waits for a place. The log says when running activities have all of them for long.
    async fn acquire(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        let mut place = std::pin::pin!(Arc::clone(&self.places).acquire_owned());
        loop {
            match timeout(FULL_FOR, place.as_mut()).await {
                Ok(place) => return place,
                Err(_) => self.tell_if_full(Instant::now()),
            }
        }
    }

    fn tell_if_full(&self, now: Instant) {
        let Some(running) = self.usage().due_line(now) else { return };
        let (executor, size) = (self.kind, self.size);
        match self.purpose {
            Purpose::Tasks => tracing::warn!(
                %executor,
                size,
                running,
                "an executor of activities is full: no activity task is polled until one of them ends"
            ),
            Purpose::Local => tracing::warn!(
                %executor,
                size,
                running,
                "an executor is full of local activities: workflow tasks wait until one of them ends"
            ),
        }
    }

    /// The counts stay valid if a thread panics, as no code panics while it holds the lock.
    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Usage {
    fn enter(&mut self, activity_type: &str, size: usize, now: Instant) {
        *self.running.entry(activity_type.to_owned()).or_default() += 1;
        if self.running.values().sum::<usize>() >= size {
            self.full_since.get_or_insert(now);
        }
    }

    fn leave(&mut self, activity_type: &str) {
        if let Some(count) = self.running.get_mut(activity_type) {
            *count -= 1;
            if *count == 0 {
                self.running.remove(activity_type);
            }
        }
        self.full_since = None;
    }

    /// What runs, as `type (count), …`, if it is time to tell that it holds others up.
    fn due_line(&mut self, now: Instant) -> Option<String> {
        let long_full = self.full_since.is_some_and(|since| now.duration_since(since) >= FULL_FOR);
        let told = self.told_at.is_some_and(|told| now.duration_since(told) < TELL_AGAIN_AFTER);
        if !long_full || told {
            return None;
        }
        self.told_at = Some(now);
        let running: Vec<_> = self.running.iter().map(|(name, count)| format!("{name} ({count})")).collect();
        Some(running.join(", "))
    }
}

impl Place {
    fn new(pool: Arc<Pool>, permit: OwnedSemaphorePermit, activity_type: &str) -> Self {
        pool.usage().enter(activity_type, pool.size, Instant::now());
        Self { pool, activity_type: activity_type.to_owned(), _permit: permit }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.pool.usage().leave(&self.activity_type);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_executor_is_told_after_a_while_and_not_too_often() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut usage = Usage::default();
        usage.enter("a", 2, at(0));
        assert_eq!(usage.due_line(at(20)), None, "one place is free");
        usage.enter("b", 2, at(20));
        assert_eq!(usage.due_line(at(24)), None, "full for 4 s only");
        assert_eq!(usage.due_line(at(25)).as_deref(), Some("a (1), b (1)"));
        assert_eq!(usage.due_line(at(84)), None, "told a minute ago at most");
        assert_eq!(usage.due_line(at(85)).as_deref(), Some("a (1), b (1)"));
        usage.leave("b");
        usage.enter("a", 2, at(150));
        assert_eq!(usage.due_line(at(154)), None, "full for 4 s again");
        assert_eq!(usage.due_line(at(155)).as_deref(), Some("a (2)"));
    }
}
