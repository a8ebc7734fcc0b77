//! Retry policies as the service checks them, and the end of retries with the time for all attempts.

use std::time::Duration;

use host_wire::{
    Retry, duration_from_proto,
    temporal::api::{
        common::v1::RetryPolicy,
        enums::v1::RetryState,
        failure::v1::{Failure, failure::FailureInfo},
    },
};

use crate::time::{Time, positive};

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

/// What bounds the delay that a failure asks for by `next_retry_delay`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum DelayBound {
    /// The maximum interval of the policy: runs.
    MaximumInterval,
    /// Nothing: activities.
    Unbounded,
}

/// Whether there is another attempt after `attempt` ended with this failure. None begins after `expires`.
pub(crate) fn next_attempt(
    policy: Option<&RetryPolicy>,
    attempt: i32,
    failure: &Failure,
    bound: DelayBound,
    expires: Option<Time>,
    now: Time,
) -> Retry {
    let Some(policy) = policy else { return Retry::No(RetryState::RetryPolicyNotSet) };
    let retry = match (policy.next_attempt(attempt, failure), asked_delay(failure)) {
        (Retry::After(_), Some(asked)) => after_asked(policy, asked, bound),
        (retry, _) => retry,
    };
    match retry {
        Retry::After(backoff) if expires.is_some_and(|expires| now.after(backoff) >= expires) => {
            Retry::No(RetryState::Timeout)
        }
        retry => retry,
    }
}

fn asked_delay(failure: &Failure) -> Option<Duration> {
    match &failure.failure_info {
        Some(FailureInfo::ApplicationFailureInfo(info)) => info.next_retry_delay.map(duration_from_proto),
        _ => None,
    }
}

/// The attempt after a failure that asks for a delay. A delay of zero is out of bounds, as for `nextBackoffInterval` of
/// Temporal's server.
fn after_asked(policy: &RetryPolicy, asked: Duration, bound: DelayBound) -> Retry {
    let maximum = positive(policy.maximum_interval).filter(|_| bound == DelayBound::MaximumInterval);
    match maximum {
        Some(maximum) if asked.is_zero() || asked > maximum => Retry::After(maximum),
        None if asked.is_zero() => Retry::No(RetryState::Timeout),
        _ => Retry::After(asked),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn seconds(seconds: i64) -> Option<prost_types::Duration> {
        Some(prost_types::Duration { seconds, nanos: 0 })
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
