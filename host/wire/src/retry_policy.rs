//! Retry policies: whether a failed attempt is followed by another one, and after which pause. The rules are those of
//! Temporal's server (`service/history/retry.go`), which local activities share.

use std::time::Duration;

use crate::{
    duration_to_proto, positive_duration_from_proto as positive,
    temporal::api::{
        common::v1::RetryPolicy,
        enums::v1::{RetryState, TimeoutType},
        failure::v1::{Failure, failure::FailureInfo},
    },
};

const DEFAULT_INITIAL_INTERVAL: Duration = Duration::from_secs(1);
const DEFAULT_BACKOFF_COEFFICIENT: f64 = 2.0;
/// The longest interval, in multiples of the first, where the policy says nothing.
const DEFAULT_MAXIMUM_INTERVAL_FACTOR: u32 = 100;
/// Longest wait between two attempts, whatever a policy says; keeps floating point in range.
const LONGEST_INTERVAL: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Whether there is another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Yes, after this pause.
    After(Duration),
    /// No, for this reason.
    No(RetryState),
}

impl RetryPolicy {
    /// The policy with the defaults of Temporal's server where it sets nothing: 1 s, coefficient 2, at most 100 times
    /// the initial interval.
    #[must_use]
    pub fn filled(mut self) -> Self {
        let initial = positive(self.initial_interval).unwrap_or(DEFAULT_INITIAL_INTERVAL);
        if self.backoff_coefficient == 0.0 {
            self.backoff_coefficient = DEFAULT_BACKOFF_COEFFICIENT;
        }
        let maximum = positive(self.maximum_interval)
            .unwrap_or_else(|| initial.saturating_mul(DEFAULT_MAXIMUM_INTERVAL_FACTOR).min(LONGEST_INTERVAL));
        self.initial_interval = Some(duration_to_proto(initial));
        self.maximum_interval = Some(duration_to_proto(maximum));
        self
    }

    /// Whether there is another attempt after `attempt` (from 1) ended with this failure.
    #[must_use]
    pub fn next_attempt(&self, attempt: i32, failure: &Failure) -> Retry {
        if !is_retryable(failure, &self.non_retryable_error_types) {
            return Retry::No(RetryState::NonRetryableFailure);
        }
        if self.maximum_attempts > 0 && attempt >= self.maximum_attempts {
            return Retry::No(RetryState::MaximumAttemptsReached);
        }
        Retry::After(requested_delay(failure).unwrap_or_else(|| interval(self, attempt)))
    }
}

fn interval(policy: &RetryPolicy, attempt: i32) -> Duration {
    let initial = positive(policy.initial_interval).unwrap_or(DEFAULT_INITIAL_INTERVAL);
    let growth = policy.backoff_coefficient.max(1.0).powi(attempt.saturating_sub(1));
    let seconds = (initial.as_secs_f64() * growth).min(LONGEST_INTERVAL.as_secs_f64());
    let grown = Duration::try_from_secs_f64(seconds).unwrap_or(initial);
    positive(policy.maximum_interval).map_or(grown, |maximum| grown.min(maximum))
}

fn requested_delay(failure: &Failure) -> Option<Duration> {
    match &failure.failure_info {
        Some(FailureInfo::ApplicationFailureInfo(info)) => positive(info.next_retry_delay),
        _ => None,
    }
}

fn is_retryable(failure: &Failure, non_retryable_types: &[String]) -> bool {
    match &failure.failure_info {
        Some(FailureInfo::TerminatedFailureInfo(_) | FailureInfo::CanceledFailureInfo(_)) => false,
        Some(FailureInfo::TimeoutFailureInfo(info)) => match info.timeout_type() {
            TimeoutType::StartToClose => !names(non_retryable_types, "TemporalTimeout:StartToClose"),
            TimeoutType::Heartbeat => !names(non_retryable_types, "TemporalTimeout:Heartbeat"),
            _ => false,
        },
        Some(FailureInfo::ServerFailureInfo(info)) => !info.non_retryable,
        Some(FailureInfo::ApplicationFailureInfo(info)) => {
            !info.non_retryable && !names(non_retryable_types, &info.r#type)
        }
        _ => true,
    }
}

fn names(types: &[String], name: &str) -> bool {
    types.iter().any(|one| one == name)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn seconds(seconds: i64) -> Option<prost_types::Duration> {
        Some(prost_types::Duration { seconds, nanos: 0 })
    }

    fn check(policy: RetryPolicy, attempts: &[i32], expected: Expect) {
        let policy = policy.filled();
        let answers = attempts
            .iter()
            .map(|attempt| format!("{:?}\n", policy.next_attempt(*attempt, &Failure::default())));
        expected.assert_eq(&answers.collect::<String>());
    }

    #[test]
    fn intervals_grow_up_to_a_bound() {
        check(
            RetryPolicy::default(),
            &[1, 2, 7, 8, 1_000_000],
            expect![[r#"
            After(1s)
            After(2s)
            After(64s)
            After(100s)
            After(100s)
        "#]],
        );
        let policy = RetryPolicy {
            initial_interval: seconds(2),
            backoff_coefficient: 1.0,
            maximum_attempts: 3,
            ..RetryPolicy::default()
        };
        check(
            policy,
            &[1, 2, 3],
            expect![[r#"
            After(2s)
            After(2s)
            No(MaximumAttemptsReached)
        "#]],
        );
        let policy = RetryPolicy {
            initial_interval: seconds(i64::MAX),
            backoff_coefficient: f64::MAX,
            ..RetryPolicy::default()
        };
        check(
            policy,
            &[1, i32::MAX],
            expect![[r#"
            After(3153600000s)
            After(3153600000s)
        "#]],
        );
    }
}
