//! Converts between the types of the SDK and those of the contract.

use std::time::Duration;

use guest_sdk_types as sdk;

use crate::bindings::workflow::host::types as wit;

/// Converts to nanoseconds. A duration of more than 584 years is cut.
pub(crate) fn duration(duration: Duration) -> wit::Duration {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

pub(crate) fn payload(payload: sdk::Payload) -> wit::Payload {
    let metadata = payload.metadata.into_iter().map(|(key, value)| wit::MetadataEntry { key, value });
    wit::Payload {
        encoding: match payload.encoding {
            sdk::Encoding::BinaryNull => wit::Encoding::BinaryNull,
            sdk::Encoding::BinaryPlain => wit::Encoding::BinaryPlain,
            sdk::Encoding::JsonPlain => wit::Encoding::JsonPlain,
            sdk::Encoding::Other(name) => wit::Encoding::Other(name),
            sdk::Encoding::None => wit::Encoding::None,
        },
        metadata: metadata.collect(),
        data: payload.data,
    }
}

pub(crate) fn from_payload(payload: wit::Payload) -> sdk::Payload {
    sdk::Payload {
        encoding: match payload.encoding {
            wit::Encoding::BinaryNull => sdk::Encoding::BinaryNull,
            wit::Encoding::BinaryPlain => sdk::Encoding::BinaryPlain,
            wit::Encoding::JsonPlain => sdk::Encoding::JsonPlain,
            wit::Encoding::Other(name) => sdk::Encoding::Other(name),
            wit::Encoding::None => sdk::Encoding::None,
        },
        metadata: payload.metadata.into_iter().map(|entry| (entry.key, entry.value)).collect(),
        data: payload.data,
    }
}

pub(crate) fn payloads(payloads: Vec<sdk::Payload>) -> Vec<wit::Payload> {
    payloads.into_iter().map(payload).collect()
}

pub(crate) fn from_payloads(payloads: Vec<wit::Payload>) -> Vec<sdk::Payload> {
    payloads.into_iter().map(from_payload).collect()
}

pub(crate) fn named_payloads(payloads: sdk::NamedPayloads) -> wit::NamedPayloads {
    let named = |(name, value)| wit::NamedPayload { name, payload: payload(value) };
    payloads.into_iter().map(named).collect()
}

pub(crate) fn from_named_payloads(payloads: wit::NamedPayloads) -> sdk::NamedPayloads {
    payloads.into_iter().map(|named| (named.name, from_payload(named.payload))).collect()
}

pub(crate) fn retry_policy(policy: sdk::RetryPolicy) -> wit::RetryPolicy {
    wit::RetryPolicy {
        initial_interval: policy.initial_interval.map(duration),
        backoff_coefficient: policy.backoff_coefficient.unwrap_or_default(),
        maximum_interval: policy.maximum_interval.map(duration),
        maximum_attempts: policy.maximum_attempts,
        non_retryable_error_types: policy.non_retryable_error_types,
    }
}

pub(crate) fn from_retry_policy(policy: &wit::RetryPolicy) -> sdk::RetryPolicy {
    sdk::RetryPolicy {
        initial_interval: policy.initial_interval.map(Duration::from_nanos),
        backoff_coefficient: (policy.backoff_coefficient != 0.0).then_some(policy.backoff_coefficient),
        maximum_interval: policy.maximum_interval.map(Duration::from_nanos),
        maximum_attempts: policy.maximum_attempts,
        non_retryable_error_types: policy.non_retryable_error_types.clone(),
    }
}

pub(crate) fn priority(priority: sdk::Priority) -> wit::Priority {
    wit::Priority {
        priority_key: priority.priority_key,
        fairness_key: priority.fairness_key,
        fairness_weight: priority.fairness_weight,
    }
}

pub(crate) fn from_priority(priority: &wit::Priority) -> sdk::Priority {
    sdk::Priority {
        priority_key: priority.priority_key,
        fairness_key: priority.fairness_key.clone(),
        fairness_weight: priority.fairness_weight,
    }
}

/// Encodes summary and details as JSON strings, which user interfaces expect.
pub(crate) fn user_metadata(summary: Option<String>, details: Option<String>) -> Option<wit::UserMetadata> {
    if summary.is_none() && details.is_none() {
        return None;
    }
    let text = |text: String| sdk::Payload::from_plain_value(&text).ok().map(payload);
    Some(wit::UserMetadata { summary: summary.and_then(text), details: details.and_then(text) })
}
