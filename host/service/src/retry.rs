//! Which failed calls are tried again, and when: what Temporal's clients do.

use std::time::Duration;

use tonic::{Code, Status};

/// First wait, and what it is multiplied by each time, up to the longest.
const INITIAL_INTERVAL: Duration = Duration::from_millis(100);
const MULTIPLIER: f64 = 1.7;
const MAXIMUM_INTERVAL: Duration = Duration::from_secs(5);
/// First wait when the service asks for less traffic.
const INITIAL_THROTTLED_INTERVAL: Duration = Duration::from_secs(1);
/// Waits are longer or shorter by up to this part, so that clients do not come in step.
const JITTER: f64 = 0.2;
/// Attempts of a call, and waits between them, that are given to it at most.
const MAXIMUM_ATTEMPTS: u32 = 10;
const MAXIMUM_WAIT: Duration = Duration::from_secs(10);

/// The retries of one call.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    attempts: u32,
    waited: Duration,
}

impl Retries {
    /// How long to wait before the call is made again; nothing when it is not.
    pub(crate) fn after(&mut self, status: &Status) -> Option<Duration> {
        self.attempts += 1;
        if self.attempts >= MAXIMUM_ATTEMPTS || !is_transient(status) {
            return None;
        }
        let wait =
            backoff(self.attempts, status.code()).mul_f64(rand::random_range(1.0 - JITTER..1.0 + JITTER));
        self.waited += wait;
        (self.waited <= MAXIMUM_WAIT).then_some(wait)
    }
}

/// Whether the same call may succeed a little later. `OUT_OF_RANGE`, which other clients retry, is
/// also what tonic says of a message that is too large; that does not get better.
fn is_transient(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::Aborted | Code::Internal | Code::Unknown | Code::DataLoss => true,
        Code::ResourceExhausted => !status.message().contains("larger than max"),
        _ => false,
    }
}

fn backoff(attempts: u32, code: Code) -> Duration {
    let initial = match code {
        Code::ResourceExhausted => INITIAL_THROTTLED_INTERVAL,
        _ => INITIAL_INTERVAL,
    };
    let factor = MULTIPLIER.powi(attempts.saturating_sub(1).min(MAXIMUM_ATTEMPTS).cast_signed());
    initial.mul_f64(factor).min(MAXIMUM_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: &Status, expected_attempts: u32) {
        let mut retries = Retries::default();
        let mut attempts: u32 = 1;
        while let Some(wait) = retries.after(status) {
            assert!(wait <= MAXIMUM_INTERVAL.mul_f64(1.0 + JITTER));
            attempts += 1;
        }
        assert!(
            attempts.abs_diff(expected_attempts) <= 1,
            "{status}: {attempts} attempts, expected about {expected_attempts}"
        );
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_not_for_long() {
        check(&Status::unavailable(""), 8);
        check(&Status::resource_exhausted("namespace rate limit exceeded"), 5);
        for status in [
            Status::resource_exhausted("grpc: received message larger than max (5 vs. 4)"),
            Status::not_found(""),
            Status::invalid_argument(""),
            Status::deadline_exceeded(""),
            Status::unauthenticated(""),
        ] {
            let wait = Retries::default().after(&status);
            assert_eq!(wait, None, "{status}");
        }
    }
}
