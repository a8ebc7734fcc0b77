//! How many tasks came to a queue and left it of late: `tasks_add_rate` and `tasks_dispatch_rate`.

use std::time::Duration;

use crate::time::Time;

/// The time that one count is about. `intervalSize` of Temporal's server (`service/matching/task_tracker.go`).
const BUCKET: Duration = Duration::from_secs(5);
/// Counts of the last 30 seconds, and of those that go on.
const BUCKETS: usize = 7;

/// Counts events.
#[derive(Debug)]
pub(crate) struct Throughput {
    started: Time,
    /// When the current bucket began.
    bucket_start: Time,
    counts: [u32; BUCKETS],
    current: usize,
}

impl Throughput {
    pub(crate) fn new(now: Time) -> Self {
        Self { started: now, bucket_start: now, counts: [0; BUCKETS], current: 0 }
    }

    /// An event happens.
    pub(crate) fn count(&mut self, now: Time) {
        self.advance(now);
        self.counts[self.current] = self.counts[self.current].saturating_add(1);
    }

    /// Events in a second, of the last 30.
    pub(crate) fn per_second(&mut self, now: Time) -> f32 {
        self.advance(now);
        let whole = BUCKET * u32::try_from(BUCKETS - 1).unwrap_or(1);
        let elapsed = (now.since(self.bucket_start) + whole).min(now.since(self.started));
        let all: u32 = self.counts.iter().fold(0, |all, count| all.saturating_add(*count));
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        if elapsed.is_zero() { 0.0 } else { all as f32 / elapsed.as_secs_f32() }
    }

    fn advance(&mut self, now: Time) {
        let elapsed = now.since(self.bucket_start);
        if elapsed < BUCKET {
            return;
        }
        let passed = elapsed.as_nanos() / BUCKET.as_nanos();
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        for _ in 0..passed.min(u32::try_from(BUCKETS).unwrap_or(u32::MAX)) {
            self.current = (self.current + 1) % BUCKETS;
            self.counts[self.current] = 0;
        }
        self.bucket_start = self.bucket_start.after(BUCKET.saturating_mul(passed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::default().after(Duration::from_secs(seconds))
    }

    #[test]
    fn a_rate_is_of_the_last_half_minute() {
        let mut throughput = Throughput::new(at(0));
        assert!(throughput.per_second(at(0)).abs() < f32::EPSILON);
        for second in 1..=10 {
            (0..4).for_each(|_| throughput.count(at(second)));
        }
        for (second, expected) in [(10, 4.0), (20, 2.0), (30, 40.0 / 30.0), (44, 0.0), (1_000, 0.0)] {
            let rate = throughput.per_second(at(second));
            let near = (rate - expected).abs() < 0.3;
            assert!(near, "{rate} after {second} s, expected {expected}");
        }
        // A clock that is set back counts on.
        throughput.count(at(5));
        assert!(throughput.per_second(at(1_001)) > 0.0);
    }
}
