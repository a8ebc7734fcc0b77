//! Retry policies: whether and when an activity or a workflow gets another attempt.

use std::time::Duration;

use host_wire::{
    duration_from_proto, duration_to_proto,
    temporal::api::{
        common::v1::RetryPolicy,
        enums::v1::{RetryState, TimeoutType},
        failure::v1::{Failure, failure::FailureInfo},
    },
};

use crate::time::{Time, positive};

const DEFAULT_INITIAL_INTERVAL: Duration = Duration::from_secs(1);
const DEFAULT_BACKOFF_COEFFICIENT: f64 = 2.0;
/// The longest interval, in multiples of the first, where the policy says nothing.
const DEFAULT_MAXIMUM_INTERVAL_FACTOR: u32 = 100;
/// Longest wait between two attempts, whatever a policy says; keeps floating point in range.
const LONGEST_INTERVAL_SECONDS: f64 = 100.0 * 365.0 * 86_400.0;

/// Whether there is another attempt.
#[derive(Debug, PartialEq)]
pub(crate) enum Retry {
    After(Duration),
    No(RetryState),
}

/// The policy with the defaults of Temporal's server where it sets nothing: 1 s, coefficient 2, at most 100 s or 100
/// times the initial interval.
pub(crate) fn filled(policy: Option<RetryPolicy>) -> RetryPolicy {
    let mut policy = policy.unwrap_or_default();
    let initial = positive(policy.initial_interval).unwrap_or(DEFAULT_INITIAL_INTERVAL);
    if policy.backoff_coefficient == 0.0 {
        policy.backoff_coefficient = DEFAULT_BACKOFF_COEFFICIENT;
    }
    let maximum = positive(policy.maximum_interval)
        .unwrap_or_else(|| initial.saturating_mul(DEFAULT_MAXIMUM_INTERVAL_FACTOR));
    policy.initial_interval = Some(duration_to_proto(initial));
    policy.maximum_interval = Some(duration_to_proto(maximum));
    policy
}

/// The fault of an invalid policy, as Temporal's server words it.
pub(crate) fn invalid(policy: &RetryPolicy) -> Option<&'static str> {
    let initial = policy.initial_interval.map(duration_from_proto).unwrap_or_default();
    let negative = |duration: &Option<prost_types::Duration>| {
        duration.is_some_and(|duration| duration.seconds < 0 || duration.nanos < 0)
    };
    if policy.maximum_attempts == 1 {
        None
    } else if negative(&policy.initial_interval) {
        Some("InitialInterval cannot be negative on retry policy.")
    } else if policy.backoff_coefficient != 0.0
        && (policy.backoff_coefficient < 1.0 || policy.backoff_coefficient.is_nan())
    {
        Some("BackoffCoefficient cannot be less than 1 on retry policy.")
    } else if negative(&policy.maximum_interval) {
        Some("MaximumInterval cannot be negative on retry policy.")
    } else if positive(policy.maximum_interval).is_some_and(|maximum| maximum < initial) {
        Some("MaximumInterval cannot be less than InitialInterval on retry policy.")
    } else if policy.maximum_attempts < 0 {
        Some("MaximumAttempts cannot be negative on retry policy.")
    } else {
        None
    }
}

/// Whether there is another attempt after `attempt` ended with this failure.
pub(crate) fn next_attempt(
    policy: Option<&RetryPolicy>,
    attempt: i32,
    failure: &Failure,
    expires: Option<Time>,
    now: Time,
) -> Retry {
    let Some(policy) = policy else { return Retry::No(RetryState::RetryPolicyNotSet) };
    if policy.maximum_attempts > 0 && attempt >= policy.maximum_attempts {
        return Retry::No(RetryState::MaximumAttemptsReached);
    }
    if !is_retryable(failure, &policy.non_retryable_error_types) {
        return Retry::No(RetryState::NonRetryableFailure);
    }
    let backoff = requested_delay(failure).unwrap_or_else(|| interval(policy, attempt));
    if expires.is_some_and(|expires| now.after(backoff) >= expires) {
        return Retry::No(RetryState::Timeout);
    }
    Retry::After(backoff)
}

fn interval(policy: &RetryPolicy, attempt: i32) -> Duration {
    let initial = positive(policy.initial_interval).unwrap_or(DEFAULT_INITIAL_INTERVAL);
    let growth = policy.backoff_coefficient.max(1.0).powi(attempt.saturating_sub(1));
    let seconds = (initial.as_secs_f64() * growth).min(LONGEST_INTERVAL_SECONDS);
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
        let policy = filled(Some(policy));
        let answers = attempts.iter().map(|attempt| {
            format!("{:?}\n", next_attempt(Some(&policy), *attempt, &Failure::default(), None, Time(0)))
        });
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

    #[test]
    fn what_no_policy_may_say() {
        let wrong = |policy: RetryPolicy| invalid(&policy).unwrap_or("nothing");
        let policies = [
            RetryPolicy::default(),
            RetryPolicy { initial_interval: seconds(-1), ..RetryPolicy::default() },
            RetryPolicy { backoff_coefficient: 0.5, ..RetryPolicy::default() },
            RetryPolicy { backoff_coefficient: f64::NAN, ..RetryPolicy::default() },
            RetryPolicy {
                initial_interval: seconds(5),
                maximum_interval: seconds(1),
                ..RetryPolicy::default()
            },
            RetryPolicy { maximum_attempts: -1, ..RetryPolicy::default() },
        ];
        let all: Vec<_> = policies.into_iter().map(wrong).collect();
        expect![[r#"
            nothing
            InitialInterval cannot be negative on retry policy.
            BackoffCoefficient cannot be less than 1 on retry policy.
            BackoffCoefficient cannot be less than 1 on retry policy.
            MaximumInterval cannot be less than InitialInterval on retry policy.
            MaximumAttempts cannot be negative on retry policy."#]]
        .assert_eq(&all.join("\n"));
    }
}
