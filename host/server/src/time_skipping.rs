//! A clock for tests of workflows that wait long: it goes on like the machine's, and skips to the next deadline while
//! nothing is in progress. Clients lock and unlock the skipping, and sleep in its time, by `TestService` of the protocol.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use host_wire::{timestamp_from_proto, timestamp_to_proto};
use tokio::{sync::Notify, time::sleep};

use crate::{environment::Clock, time::Time};

/// The longest wait of a sleeper until it looks at the clock again: the machine's may be set.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Time that is skipped.
#[derive(Debug)]
pub(crate) struct TimeSkipping {
    machine: Clock,
    state: Mutex<State>,
    /// Notified when time was skipped.
    skipped: Notify,
    /// Notified when there may be something to skip.
    unlocked: Notify,
}

#[derive(Debug)]
struct State {
    skipped: Duration,
    /// Time is skipped while it is 0. A client that unlocks more often than it locks is refused.
    locks: u32,
    /// Callers in this process during whose waits time is skipped, whatever is locked.
    waits: usize,
    /// How many calls sleep until a time.
    sleepers: BTreeMap<Time, usize>,
}

/// A client unlocked what is not locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("time skipping is not locked: a client unlocks it once for each time that it was locked")]
pub(crate) struct NotLocked;

impl TimeSkipping {
    /// Locked once, as Temporal's test server starts.
    pub(crate) fn new(machine: Clock) -> Self {
        let state = State { skipped: Duration::ZERO, locks: 1, waits: 0, sleepers: BTreeMap::new() };
        Self { machine, state: Mutex::new(state), skipped: Notify::new(), unlocked: Notify::new() }
    }

    /// The clock of a service whose time this is.
    pub(crate) fn clock(self: &Arc<Self>) -> Clock {
        let skipping = Arc::clone(self);
        Clock::new(move || skipping.now())
    }

    pub(crate) fn now(&self) -> Time {
        let skipped = self.state().skipped;
        self.machine.now().after(skipped)
    }

    pub(crate) fn lock(&self) {
        let mut state = self.state();
        state.locks = state.locks.saturating_add(1);
    }

    pub(crate) fn unlock(&self) -> Result<(), NotLocked> {
        let mut state = self.state();
        state.locks = state.locks.checked_sub(1).ok_or(NotLocked)?;
        drop(state);
        self.unlocked.notify_one();
        Ok(())
    }

    /// Waits until there may be something to skip.
    pub(crate) async fn unlocked(&self) {
        self.unlocked.notified().await;
    }

    /// Nothing is in progress: skips to the next deadline or to the end of a sleep, whichever comes first, unless a
    /// client has locked it. Answers whether it did.
    pub(crate) fn skip(&self, deadline: Option<Time>) -> bool {
        let mut state = self.state();
        let sleeper = state.sleepers.keys().next().copied();
        let Some(next) = deadline.into_iter().chain(sleeper).min() else { return false };
        let now = self.machine.now().after(state.skipped);
        if state.locks > 0 && state.waits == 0 || next <= now {
            return false;
        }
        state.skipped = state.skipped.saturating_add(next.since(now));
        drop(state);
        tracing::debug!(by = ?next.since(now), "time skipped");
        self.skipped.notify_waiters();
        true
    }

    /// Returns when the clock has reached this time.
    pub(crate) async fn sleep_until(&self, time: Time) {
        let _sleeper = Sleeper::register(self, time);
        self.unlocked.notify_one();
        loop {
            let skipped = self.skipped.notified();
            let now = self.now();
            if now >= time {
                return;
            }
            tokio::select! {
                () = skipped => {}
                () = sleep(time.since(now).min(LOOK_INTERVAL)) => {}
            }
        }
    }

    /// The state stays valid if a thread panics, as no code panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time of a service that skips it ([`Options::time_skipping`](crate::Options::time_skipping)), for a test in the same
/// process. A clone is the same time.
#[derive(Clone, Debug)]
pub struct TimeControl(pub(crate) Arc<TimeSkipping>);

/// Time is skipped until it is dropped.
#[derive(Debug)]
#[must_use = "time is skipped until it is dropped"]
pub struct SkippedWait<'a>(&'a TimeSkipping);

impl TimeControl {
    /// The time of the service.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        timestamp_from_proto(self.0.now().into())
    }

    /// Skips time in which nothing is in progress, until the answer is dropped.
    pub fn skip(&self) -> SkippedWait<'_> {
        self.0.state().waits += 1;
        self.0.unlocked.notify_one();
        SkippedWait(&self.0)
    }

    /// Returns when so much time has passed.
    pub async fn sleep(&self, duration: Duration) {
        self.0.sleep_until(self.0.now().after(duration)).await;
    }

    /// Returns when the service's time has reached this one.
    pub async fn sleep_until(&self, time: SystemTime) {
        self.0.sleep_until(timestamp_to_proto(time).into()).await;
    }
}

impl Drop for SkippedWait<'_> {
    fn drop(&mut self) {
        self.0.state().waits -= 1;
    }
}

/// A call that sleeps, until it is dropped.
struct Sleeper<'a> {
    skipping: &'a TimeSkipping,
    time: Time,
}

impl<'a> Sleeper<'a> {
    fn register(skipping: &'a TimeSkipping, time: Time) -> Self {
        *skipping.state().sleepers.entry(time).or_default() += 1;
        Self { skipping, time }
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut state = self.skipping.state();
        if let Some(count) = state.sleepers.get_mut(&self.time) {
            *count -= 1;
            if *count == 0 {
                state.sleepers.remove(&self.time);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipping() -> TimeSkipping {
        TimeSkipping::new(Clock::new(|| Time(1_000)))
    }

    #[test]
    fn it_skips_to_what_comes_first_unless_it_is_locked() {
        let skipping = skipping();
        assert!(!skipping.skip(Some(Time(5_000))), "locked once at the start");
        skipping.unlock().unwrap();
        assert_eq!(skipping.unlock(), Err(NotLocked));
        assert!(!skipping.skip(None), "there is nothing to skip to");
        assert!(skipping.skip(Some(Time(5_000))));
        assert_eq!(skipping.now(), Time(5_000));
        assert!(!skipping.skip(Some(Time(4_000))), "that is past");
        let sleeper = Sleeper::register(&skipping, Time(7_000));
        assert!(skipping.skip(Some(Time(9_000))));
        assert_eq!(skipping.now(), Time(7_000));
        drop(sleeper);
        skipping.lock();
        assert!(!skipping.skip(Some(Time(9_000))));
        skipping.unlock().unwrap();
        assert!(skipping.skip(Some(Time(9_000))));
        assert_eq!(skipping.now(), Time(9_000));
    }

    #[tokio::test]
    async fn sleepers_return_when_time_is_skipped() {
        let skipping = skipping();
        skipping.unlock().unwrap();
        let skip = async {
            while !skipping.skip(None) {
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(skipping.sleep_until(Time(i64::MAX / 2)), skip);
        assert_eq!(skipping.now(), Time(i64::MAX / 2));
        assert!(skipping.state().sleepers.is_empty());
    }
}
