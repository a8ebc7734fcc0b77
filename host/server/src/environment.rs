//! What the service takes from the machine besides storage: the time, new ids, and threads for work
//! that blocks. The simulation replaces all three.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::task::JoinError;
use uuid::Uuid;

use crate::{time::Time, time_skipping::TimeSkipping};

/// Everything that the service takes from outside.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) blocking: Blocking,
    /// Whether the clock skips time in which nothing happens.
    pub(crate) time_skipping: Option<Arc<TimeSkipping>>,
}

impl Environment {
    /// The machine's clock, random ids, tokio's threads.
    pub(crate) fn of_the_machine() -> Self {
        Self { clock: Clock::system(), ids: Ids::random(), blocking: Blocking::Threads, time_skipping: None }
    }

    /// The same, with time that is skipped.
    pub(crate) fn with_time_skipping(self) -> Self {
        let skipping = Arc::new(TimeSkipping::new(self.clock));
        Self { clock: skipping.clock(), time_skipping: Some(skipping), ..self }
    }
}

/// Answers the current time.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Time + Send + Sync>);

impl Clock {
    /// The machine's wall clock, which may be set while the service runs, but for steps back.
    pub(crate) fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the clock")]
        let started = Instant::now();
        Self::steady(system_time, move || started.elapsed())
    }

    /// A clock that never goes back nor stands still, whatever the wall clock does: it follows the wall clock ahead, and
    /// where that was set back it goes on by `elapsed`, which is how long the process runs.
    pub(crate) fn steady(
        wall: impl Fn() -> Time + Send + Sync + 'static,
        elapsed: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        let steady = Mutex::new(Steady { time: wall(), elapsed: elapsed(), told: Duration::ZERO });
        Self::new(move || {
            let mut steady = steady.lock().unwrap_or_else(PoisonError::into_inner);
            steady.pass(wall(), elapsed())
        })
    }

    /// A clock that answers what a function answers.
    pub(crate) fn new(now: impl Fn() -> Time + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Time {
        (self.0)()
    }
}

/// What a steady clock showed last.
struct Steady {
    time: Time,
    elapsed: Duration,
    /// By how much it is known to be ahead of the wall clock.
    told: Duration,
}

/// By how much more the wall clock must be behind for another line in the log.
const TOLD_STEP: Duration = Duration::from_secs(1);

impl Steady {
    fn pass(&mut self, wall: Time, elapsed: Duration) -> Time {
        let own = self.time.after(elapsed.saturating_sub(self.elapsed));
        let ahead = own.since(wall);
        if ahead >= self.told + TOLD_STEP {
            tracing::warn!(
                seconds = ahead.as_secs_f64(),
                "the machine's clock was set back: time goes on from before"
            );
        }
        (self.time, self.elapsed, self.told) = (own.max(wall), elapsed, ahead);
        self.time
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn system_time() -> Time {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}

/// Makes run ids and request ids: version 7 UUIDs in lower case with hyphens, as Temporal's server does.
pub(crate) struct Ids(Mutex<Box<dyn FnMut() -> Uuid + Send>>);

impl Ids {
    /// Ids of the time and the system's random source, each greater than the one before.
    pub(crate) fn random() -> Self {
        Self::new(Uuid::now_v7)
    }

    /// Ids that a function makes.
    pub(crate) fn new(next: impl FnMut() -> Uuid + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(next)))
    }

    pub(crate) fn next(&self) -> String {
        (self.0.lock().unwrap_or_else(PoisonError::into_inner))().to_string()
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ids").finish_non_exhaustive()
    }
}

/// Where work runs that blocks its thread, such as reading files.
pub(crate) enum Blocking {
    /// On tokio's threads for blocking work.
    Threads,
    /// On the thread of the caller, after a pause and before another, each as long as a function says.
    #[cfg(test)]
    Here(Box<dyn Fn() -> std::time::Duration + Send + Sync>),
}

impl fmt::Debug for Blocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking").finish_non_exhaustive()
    }
}

impl Blocking {
    /// Does the work and waits for its result.
    ///
    /// # Errors
    ///
    /// When the work panicked, or the runtime ends before the work began.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        match self {
            Self::Threads => tokio::task::spawn_blocking(work).await,
            #[cfg(test)]
            Self::Here(pause) => {
                tokio::time::sleep(pause()).await;
                let done = work();
                tokio::time::sleep(pause()).await;
                Ok(done)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_version_7_and_grow() {
        let ids = Ids::random();
        let made: Vec<_> = (0..10_000).map(|_| ids.next()).collect();
        assert!(made.is_sorted_by(|before, after| before < after));
        assert!(
            made.iter()
                .all(|id| Uuid::parse_str(id).unwrap().get_version_num() == 7 && *id == id.to_lowercase())
        );
    }

    #[test]
    fn a_steady_clock_follows_the_wall_clock_ahead_and_never_back() {
        let seconds = |seconds: u64| Duration::from_secs(seconds);
        let time = |second: u64| Time::default().after(seconds(second));
        let mut clock = Steady { time: time(100), elapsed: seconds(0), told: Duration::ZERO };
        for (elapsed, wall, expected) in [
            (1, 101, 101),
            // Set ahead, or the machine slept.
            (2, 200, 200),
            // Set back, and further.
            (3, 50, 201),
            (13, 60, 211),
            (14, 10, 212),
            // It has caught up.
            (15, 300, 300),
            (16, 301, 301),
        ] {
            assert_eq!(clock.pass(time(wall), seconds(elapsed)), time(expected), "after {elapsed} s");
        }
    }
}
