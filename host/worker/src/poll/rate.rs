//! How many activities a worker begins in a second.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// The longest time between two.
const YEAR: Duration = Duration::from_secs(365 * 86_400);
/// Each poll that is open may bring one at the same moment: those of so much time at most.
const BURST: Duration = Duration::from_millis(50);

/// Spaces out what begins. What was not used is not saved up.
#[derive(Debug)]
pub(crate) struct Rate {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Rate {
    /// So many a second: above 0, as [`Config::check`](crate::Config) makes sure.
    pub(crate) fn new(per_second: f64) -> Self {
        let interval = Duration::try_from_secs_f64(per_second.recip()).map_or(YEAR, |it| it.min(YEAR));
        Self { interval, next: Mutex::new(Instant::now()) }
    }

    /// How many polls are open at one time, if `wanted` would be without a rate.
    pub(crate) fn polls(&self, wanted: usize) -> usize {
        let burst = BURST.as_nanos().checked_div(self.interval.as_nanos());
        burst.and_then(|burst| usize::try_from(burst).ok()).unwrap_or(usize::MAX).clamp(1, wanted.max(1))
    }

    /// Waits until another one may begin.
    pub(crate) async fn ready(&self) {
        loop {
            let next = *self.next();
            if next <= Instant::now() {
                return;
            }
            sleep_until(next).await;
        }
    }

    /// One begins.
    pub(crate) fn begun(&self) {
        let mut next = self.next();
        *next = (*next).max(Instant::now()) + self.interval;
    }

    fn next(&self) -> MutexGuard<'_, Instant> {
        // Nothing is left half done where this is locked.
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_begins_is_spaced_out() {
        let check = async |per_second, count, expected| {
            let rate = Rate::new(per_second);
            // A pause before is not made up for.
            tokio::time::sleep(Duration::from_secs(60)).await;
            let begin = Instant::now();
            for _ in 0..count {
                rate.ready().await;
                rate.begun();
            }
            // Timers of tokio have milliseconds.
            let took = begin.elapsed();
            let longest = expected + Duration::from_millis(count);
            assert!(took >= expected && took <= longest, "{per_second}: {took:?}");
        };
        check(10.0, 11, Duration::from_secs(1)).await;
        check(0.5, 3, Duration::from_secs(4)).await;
        check(1e9, 100, Duration::ZERO).await;
        check(f64::MIN_POSITIVE, 1, Duration::ZERO).await;
    }

    #[test]
    fn few_polls_are_open_at_a_low_rate() {
        let check = |per_second, wanted, expected| {
            assert_eq!(Rate::new(per_second).polls(wanted), expected, "{per_second}");
        };
        check(0.1, 5, 1);
        check(20.0, 5, 1);
        check(61.0, 5, 3);
        check(1_000.0, 5, 5);
        check(1e12, 5, 5);
    }
}
