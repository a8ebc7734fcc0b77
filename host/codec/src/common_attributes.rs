//! Message and stack trace of a failure, moved into its `encoded_attributes`, which codecs encode: as
//! `encode_common_attributes` of Temporal's failure converters does.

use host_wire::temporal::api::{common::v1::Payload, failure::v1::Failure};
use serde_json::{Value, json};

use crate::encoding::{encoding_is, wrapped};

/// What stands in place of the message.
const ENCODED: &str = "Encoded failure";

/// Moves message and stack trace of a failure, and not those of its causes.
pub(crate) fn hide(failure: &mut Failure) {
    if failure.encoded_attributes.is_none() {
        let attributes = json!({ "message": failure.message, "stack_trace": failure.stack_trace });
        failure.encoded_attributes = Some(wrapped("json/plain", attributes.to_string().into_bytes()));
        ENCODED.clone_into(&mut failure.message);
        failure.stack_trace.clear();
    }
}

/// Puts message and stack trace of a failure back, once they are decoded.
pub(crate) fn restore(failure: &mut Failure) {
    if let Some((message, stack_trace)) = failure.encoded_attributes.as_ref().and_then(attributes) {
        (failure.message, failure.stack_trace) = (message, stack_trace);
        failure.encoded_attributes = None;
    }
}

fn attributes(payload: &Payload) -> Option<(String, String)> {
    let value: Value =
        encoding_is(payload, "json/plain").then(|| serde_json::from_slice(&payload.data).ok()).flatten()?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Some((text("message")?, text("stack_trace").unwrap_or_default()))
}
