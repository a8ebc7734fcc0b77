//! How fast a batch operation goes.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::limits;

/// Operations per second on average, of which a second's worth may be done at once. `rate.Limiter` of Temporal's
/// server, which begins anew too when the operation goes on after a restart.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// How far ahead of its rate it may be.
    burst: Duration,
    /// When the next operation is due at its rate.
    due: Instant,
}

impl Pace {
    /// The pace that a request asks for, `max_operations_per_second`.
    pub(super) fn new(asked: f32) -> Self {
        let asked = f64::from(asked);
        let is_possible = asked > 0.0 && asked <= limits::BATCH_RATE;
        let rate = if is_possible { asked } else { limits::BATCH_RATE };
        let interval = Duration::try_from_secs_f64(rate.recip()).unwrap_or(SLOWEST).min(SLOWEST);
        let burst = interval.mul_f64(rate.ceil() - 1.0).min(Duration::from_secs(1));
        Self { interval, burst, due: Instant::now() }
    }

    /// Waits until another operation may be done.
    pub(super) async fn wait(&self) {
        if self.due > Instant::now() + self.burst {
            sleep_until(self.due - self.burst).await;
        }
    }

    /// How many operations may be done now; at least one after a [`Self::wait`].
    pub(super) fn possible(&self) -> usize {
        let ahead = self.due.saturating_duration_since(Instant::now());
        let left = self.burst.saturating_sub(ahead).as_nanos() / self.interval.as_nanos().max(1);
        usize::try_from(left).unwrap_or(usize::MAX).saturating_add(1)
    }

    /// Operations are done.
    pub(super) fn take(&mut self, operations: usize) {
        let operations = u32::try_from(operations).unwrap_or(u32::MAX);
        self.due = self.due.max(Instant::now()) + self.interval.saturating_mul(operations);
    }
}

/// Slower than this is never meant.
const SLOWEST: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many milliseconds each of the first operations is done.
    async fn times(asked: f32, count: usize) -> Vec<u128> {
        let start = Instant::now();
        let mut pace = Pace::new(asked);
        let mut times = Vec::new();
        for _ in 0..count {
            pace.wait().await;
            assert!(pace.possible() > 0);
            pace.take(1);
            times.push(start.elapsed().as_millis());
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_of_operations_may_be_done_at_once() {
        assert_eq!(times(2.0, 6).await, [0, 0, 500, 1_000, 1_500, 2_000]);
        assert_eq!(times(0.5, 3).await, [0, 2_000, 4_000]);
        for asked in [0.0, -1.0, f32::NAN, f32::INFINITY, 50.0, 1e9] {
            let times = times(asked, 101).await;
            assert_eq!((times[49], times[50] / 20, times[100] / 20), (0, 1, 51), "{asked}");
        }
        assert_eq!(times(f32::MIN_POSITIVE, 2).await, [0, 86_400_000]);
    }
}
