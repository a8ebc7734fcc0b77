//! Payloads, retry policies and priorities between `guest-sdk-types` and the protocol.
//!
//! Conversions never fail. Data is moved, not copied, towards the protocol; in the other direction
//! it is copied once, because a guest gets its own.

use std::collections::BTreeMap;

use bytes::Bytes;
use guest_sdk_types as types;

use crate::{
    temporal::api::common::v1::{Header, Memo, Payload, Payloads, Priority, RetryPolicy, SearchAttributes},
    time::{duration_from_proto, duration_to_proto},
};

/// Metadata entry that names the encoding of a payload's data.
const ENCODING: &str = "encoding";

impl From<types::Payload> for Payload {
    fn from(payload: types::Payload) -> Self {
        let mut metadata: BTreeMap<String, Bytes> =
            payload.metadata.into_iter().map(|(key, value)| (key, value.into())).collect();
        let encoding = match payload.encoding {
            types::Encoding::None => None,
            types::Encoding::BinaryNull => Some(Bytes::from_static(b"binary/null")),
            types::Encoding::BinaryPlain => Some(Bytes::from_static(b"binary/plain")),
            types::Encoding::JsonPlain => Some(Bytes::from_static(b"json/plain")),
            types::Encoding::Other(name) => Some(name.into()),
        };
        if let Some(encoding) = encoding {
            metadata.insert(ENCODING.to_owned(), encoding);
        }
        Self { metadata, data: payload.data.into(), ..Self::default() }
    }
}

/// Drops `external_payloads`, the description of data stored elsewhere: guests do not read it.
impl From<Payload> for types::Payload {
    fn from(payload: Payload) -> Self {
        let mut encoding = types::Encoding::None;
        let mut metadata = Vec::new();
        for (key, value) in payload.metadata {
            match std::str::from_utf8(&value) {
                Ok(name) if key == ENCODING => encoding = types::Encoding::from_name(name),
                _ => metadata.push((key, value.into())),
            }
        }
        Self { encoding, metadata, data: payload.data.into() }
    }
}

impl From<Vec<types::Payload>> for Payloads {
    fn from(payloads: Vec<types::Payload>) -> Self {
        Self { payloads: payloads.into_iter().map(Payload::from).collect() }
    }
}

impl From<Payloads> for Vec<types::Payload> {
    fn from(payloads: Payloads) -> Self {
        payloads.payloads.into_iter().map(types::Payload::from).collect()
    }
}

/// Payloads for an optional field: no payloads are no field.
#[must_use]
pub fn payloads_to_proto(payloads: Vec<types::Payload>) -> Option<Payloads> {
    (!payloads.is_empty()).then(|| payloads.into())
}

/// Payloads of an optional field: no field is no payloads.
#[must_use]
pub fn payloads_from_proto(payloads: Option<Payloads>) -> Vec<types::Payload> {
    payloads.map(Vec::from).unwrap_or_default()
}

/// Conversions of a message that is nothing but named payloads.
macro_rules! named_payloads {
    ($($message:ident . $field:ident),*) => {$(
        impl From<types::NamedPayloads> for $message {
            fn from(payloads: types::NamedPayloads) -> Self {
                let $field = payloads.into_iter().map(|(name, payload)| (name, payload.into())).collect();
                Self { $field }
            }
        }

        impl From<$message> for types::NamedPayloads {
            fn from(message: $message) -> Self {
                message.$field.into_iter().map(|(name, payload)| (name, payload.into())).collect()
            }
        }
    )*};
}

named_payloads!(Header.fields, Memo.fields, SearchAttributes.indexed_fields);

impl From<types::RetryPolicy> for RetryPolicy {
    fn from(policy: types::RetryPolicy) -> Self {
        Self {
            initial_interval: policy.initial_interval.map(duration_to_proto),
            backoff_coefficient: policy.backoff_coefficient.unwrap_or_default(),
            maximum_interval: policy.maximum_interval.map(duration_to_proto),
            maximum_attempts: i32::try_from(policy.maximum_attempts).unwrap_or(i32::MAX),
            non_retryable_error_types: policy.non_retryable_error_types,
        }
    }
}

impl From<RetryPolicy> for types::RetryPolicy {
    fn from(policy: RetryPolicy) -> Self {
        Self {
            initial_interval: policy.initial_interval.map(duration_from_proto),
            backoff_coefficient: (policy.backoff_coefficient != 0.0).then_some(policy.backoff_coefficient),
            maximum_interval: policy.maximum_interval.map(duration_from_proto),
            maximum_attempts: u32::try_from(policy.maximum_attempts).unwrap_or_default(),
            non_retryable_error_types: policy.non_retryable_error_types,
        }
    }
}

impl From<types::Priority> for Priority {
    fn from(priority: types::Priority) -> Self {
        Self {
            priority_key: i32::try_from(priority.priority_key).unwrap_or(i32::MAX),
            fairness_key: priority.fairness_key,
            fairness_weight: priority.fairness_weight,
        }
    }
}

impl From<Priority> for types::Priority {
    fn from(priority: Priority) -> Self {
        Self {
            priority_key: u32::try_from(priority.priority_key).unwrap_or_default(),
            fairness_key: priority.fairness_key,
            fairness_weight: priority.fairness_weight,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn check(metadata: &[(&str, &'static [u8])], data: &'static [u8]) {
        let payload = Payload {
            metadata: metadata
                .iter()
                .map(|(key, value)| ((*key).to_owned(), Bytes::from_static(value)))
                .collect(),
            data: Bytes::from_static(data),
            ..Payload::default()
        };
        assert_eq!(Payload::from(types::Payload::from(payload.clone())), payload);
    }

    #[test]
    fn payloads_come_back_as_they_were() {
        check(&[], b"");
        check(&[("encoding", b"binary/null")], b"");
        check(&[("encoding", b"binary/plain")], b"\0\xff");
        check(&[("encoding", b"json/plain"), ("type", b"Keyword")], b"\"a\"");
        check(&[("a", b"1"), ("encoding", b"json/protobuf"), ("messageType", b"a.B")], b"{}");
        check(&[("encoding", b"\xff")], b"not even text");
    }

    #[test]
    fn numbers_out_of_range_are_the_nearest() {
        let policy = types::RetryPolicy {
            initial_interval: Some(Duration::MAX),
            maximum_attempts: u32::MAX,
            ..types::RetryPolicy::default()
        };
        let sent = RetryPolicy::from(policy);
        assert_eq!(sent.maximum_attempts, i32::MAX);
        assert_eq!(sent.initial_interval.unwrap().seconds, 315_576_000_000);
        let received = RetryPolicy {
            initial_interval: Some(prost_types::Duration { seconds: i64::MIN, nanos: i32::MIN }),
            maximum_attempts: -1,
            ..RetryPolicy::default()
        };
        let policy = types::RetryPolicy::from(received);
        assert_eq!(policy.initial_interval, Some(Duration::ZERO));
        assert_eq!(policy.maximum_attempts, 0);
    }
}
