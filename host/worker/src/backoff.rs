//! How long to wait before an RPC is sent again.

use std::time::Duration;

/// Backoff after the first failure.
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
/// Upper bound of the backoff before jitter.
const MAX_BACKOFF: Duration = Duration::from_secs(10);
/// Factor from one backoff to the next.
const BACKOFF_FACTOR: u32 = 2;
/// Least backoff while the service says that it is overloaded.
const OVERLOAD_BACKOFF: Duration = Duration::from_secs(1);
/// Share of the backoff that is random, so that the workers of a fleet do not come back together.
const JITTER: f64 = 0.4;

/// Exponential backoff of one sequence of attempts.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next pause. `random` is uniform in [0, 1).
    pub(crate) fn next(&mut self, overloaded: bool, random: f64) -> Duration {
        let factor = BACKOFF_FACTOR.saturating_pow(self.failures);
        self.failures = self.failures.saturating_add(1);
        let mut pause = INITIAL_BACKOFF.saturating_mul(factor).min(MAX_BACKOFF);
        if overloaded {
            pause = pause.max(OVERLOAD_BACKOFF);
        }
        pause.mul_f64(1.0 - JITTER / 2.0 + JITTER * random)
    }

    /// The sequence has ended well.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(overloaded: bool, random: f64, expected_ms: &[u128]) {
        let mut backoff = Backoff::default();
        let actual: Vec<u128> =
            expected_ms.iter().map(|_| backoff.next(overloaded, random).as_millis()).collect();
        assert_eq!(actual, expected_ms, "overloaded: {overloaded}, random: {random}");
    }

    #[test]
    fn pauses_double_up_to_the_maximum() {
        let doubling = [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000];
        check(false, 0.5, &doubling);
        check(true, 0.5, &[1000, 1000, 1000, 1000, 1600, 3200]);
        check(false, 0.0, &[80, 160, 320]);
        check(false, 1.0, &[120, 240, 480]);
    }

    #[test]
    fn a_success_starts_anew() {
        let mut backoff = Backoff::default();
        for _ in 0..50 {
            backoff.next(false, 0.5);
        }
        backoff.reset();
        assert_eq!(backoff.next(false, 0.5), INITIAL_BACKOFF);
    }
}
