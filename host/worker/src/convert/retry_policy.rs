//! Retry policies.

use host_sandbox::wit::workflow::host::types::RetryPolicy as GuestPolicy;
use host_wire::temporal::api::common::v1::RetryPolicy;

use super::{
    malformed::{Malformed, signed},
    time,
};

/// A retry policy for a guest.
pub(super) fn to_guest(policy: RetryPolicy) -> GuestPolicy {
    GuestPolicy {
        initial_interval: policy.initial_interval.map(time::duration_to_guest),
        backoff_coefficient: policy.backoff_coefficient,
        maximum_interval: policy.maximum_interval.map(time::duration_to_guest),
        maximum_attempts: u32::try_from(policy.maximum_attempts).unwrap_or(0),
        non_retryable_error_types: policy.non_retryable_error_types,
    }
}

/// A retry policy for the service.
pub(super) fn to_wire(policy: GuestPolicy) -> Result<RetryPolicy, Malformed> {
    Ok(RetryPolicy {
        initial_interval: policy.initial_interval.map(time::duration_to_wire),
        backoff_coefficient: policy.backoff_coefficient,
        maximum_interval: policy.maximum_interval.map(time::duration_to_wire),
        maximum_attempts: signed("maximum-attempts", policy.maximum_attempts)?,
        non_retryable_error_types: policy.non_retryable_error_types,
    })
}
