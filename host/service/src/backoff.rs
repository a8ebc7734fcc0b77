//! How long to wait before a failed call is made again: what Temporal's Rust SDK waits (`RetryOptions` in
//! `temporalio-client`'s `retry.rs`).

use std::time::Duration;

use crate::call_failure::CallFailure;

/// Waits are longer or shorter by up to this share, so that the clients of a service that was away do not
/// come back in step.
const JITTER: f64 = 0.2;

/// Growing waits, up to the longest.
#[derive(Clone, Copy, Debug)]
struct Waits {
    first: Duration,
    factor: f64,
    longest: Duration,
}

/// Between the attempts of a call whose caller waits for the answer.
const OF_CALLS: Waits =
    Waits { first: Duration::from_millis(100), factor: 1.7, longest: Duration::from_secs(5) };
/// Between the attempts of what goes on until it succeeds.
const OF_LOOPS: Waits =
    Waits { first: Duration::from_millis(100), factor: 2.0, longest: Duration::from_secs(10) };
/// At least, while the service says that it is overloaded.
const OVERLOADED: Waits =
    Waits { first: Duration::from_secs(1), factor: 2.0, longest: Duration::from_secs(10) };

/// The waits of one sequence of attempts.
#[derive(Debug)]
pub struct Backoff {
    waits: Waits,
    failures: i32,
    overloads: i32,
}

impl Backoff {
    /// For one call that is given up after a while: 100 ms at first, 5 s at most.
    #[must_use]
    pub fn of_call() -> Self {
        Self { waits: OF_CALLS, failures: 0, overloads: 0 }
    }

    /// For polls and reports of workers, which go on as long as it takes: 100 ms at first, 10 s at most.
    #[must_use]
    pub fn of_loop() -> Self {
        Self { waits: OF_LOOPS, failures: 0, overloads: 0 }
    }

    /// The wait after one more failure.
    pub fn next(&mut self, failure: CallFailure) -> Duration {
        self.next_with(failure, fastrand::f64())
    }

    /// Forgets the failures: an attempt succeeded.
    pub fn reset(&mut self) {
        (self.failures, self.overloads) = (0, 0);
    }

    /// `random` is uniform in [0, 1).
    fn next_with(&mut self, failure: CallFailure, random: f64) -> Duration {
        let mut wait = self.waits.after(self.failures);
        self.failures = self.failures.saturating_add(1);
        if failure == CallFailure::Overloaded {
            wait = wait.max(OVERLOADED.after(self.overloads));
            self.overloads = self.overloads.saturating_add(1);
        }
        wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * random)
    }
}

impl Waits {
    fn after(&self, failures: i32) -> Duration {
        let seconds = self.first.as_secs_f64() * self.factor.powi(failures);
        Duration::from_secs_f64(seconds.min(self.longest.as_secs_f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mut backoff: Backoff, failure: CallFailure, random: f64, expected_ms: &[u128]) {
        let actual: Vec<u128> =
            expected_ms.iter().map(|_| backoff.next_with(failure, random).as_millis()).collect();
        assert_eq!(actual, expected_ms, "{failure:?}, random: {random}");
    }

    #[test]
    fn waits_grow_up_to_the_longest() {
        let doubling = [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000];
        check(Backoff::of_loop(), CallFailure::Transient, 0.5, &doubling);
        check(Backoff::of_loop(), CallFailure::Transient, 0.0, &[80, 160, 320]);
        check(Backoff::of_loop(), CallFailure::Transient, 1.0, &[120, 240, 480]);
        check(
            Backoff::of_call(),
            CallFailure::Transient,
            0.5,
            &[100, 170, 289, 491, 835, 1419, 2413, 4103, 5000],
        );
        check(Backoff::of_call(), CallFailure::Overloaded, 0.5, &[1000, 2000, 4000, 8000, 10_000, 10_000]);
    }

    #[test]
    fn a_success_starts_anew() {
        let mut backoff = Backoff::of_loop();
        for _ in 0..10_000 {
            backoff.next(CallFailure::Overloaded);
        }
        backoff.reset();
        assert_eq!(backoff.next_with(CallFailure::Transient, 0.5), OF_LOOPS.first);
    }
}
