//! Payloads as the JSON that they hold, instead of metadata and base64, as the `temporal` CLI and the HTTP API of Temporal's
//! server have them: `["World"]` for a list with one payload of `json/plain`, null for `binary/null`, and an object with
//! `_protoMessageType` for `json/protobuf`.

use base64::{
    Engine,
    alphabet::{STANDARD as ALPHABET, URL_SAFE as URL_ALPHABET},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::descend::{Descent, descend};

/// The messages that have a short form.
pub(super) const PAYLOAD: &str = "temporal.api.common.v1.Payload";
pub(super) const PAYLOADS: &str = "temporal.api.common.v1.Payloads";
/// Metadata keys and encodings that shorthand knows.
const ENCODING: &str = "encoding";
const MESSAGE_TYPE: &str = "messageType";
const NULL: &str = "binary/null";
const JSON: &str = "json/plain";
const PROTO_JSON: &str = "json/protobuf";
/// Where shorthand keeps the message type of a `json/protobuf` payload.
const SHORTHAND_MESSAGE_TYPE: &str = "_protoMessageType";
/// Base64 as protojson reads it: of both alphabets, with and without padding.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&ALPHABET, LENIENT);
const URL_BASE64: GeneralPurpose = GeneralPurpose::new(&URL_ALPHABET, LENIENT);

/// The JSON that a payload holds, if it holds nothing else.
pub(super) fn shorthand(payload: &DynamicMessage) -> Option<Value> {
    let payload: crate::temporal::api::common::v1::Payload = payload.transcode_to().ok()?;
    let encoding = std::str::from_utf8(payload.metadata.get(ENCODING)?).ok()?;
    match encoding {
        NULL => Some(Value::Null),
        JSON if payload.metadata.len() == 1 => serde_json::from_slice(&payload.data).ok(),
        PROTO_JSON if payload.metadata.len() == 2 => {
            let message_type = payload.metadata.get(MESSAGE_TYPE)?;
            let message_type = String::from_utf8(message_type.to_vec()).ok()?;
            let mut object = serde_json::from_slice(&payload.data).ok()?;
            if let Value::Object(fields) = &mut object {
                fields.insert(SHORTHAND_MESSAGE_TYPE.to_owned(), message_type.into());
            }
            object.is_object().then_some(object)
        }
        _ => None,
    }
}

/// The same for a list; all or nothing, so that a reader can tell which it is.
pub(super) fn shorthand_list(payloads: &DynamicMessage) -> Option<Vec<Value>> {
    let payloads = payloads.get_field_by_name("payloads")?;
    payloads.as_list()?.iter().map(|payload| shorthand(payload.as_message()?)).collect()
}

/// Replaces short forms by payloads with metadata and base64, all through a message in JSON.
pub(super) fn expand(descriptor: &MessageDescriptor, value: &mut Value) {
    descend(&Kind::Message(descriptor.clone()), value, &mut |kind, value| match kind {
        Kind::Message(message) if message.full_name() == PAYLOAD => {
            if !is_long_form(value) {
                *value = long_form(value.take());
            }
            Descent::Stop
        }
        Kind::Message(message) if message.full_name() == PAYLOADS && value.is_array() => {
            *value = json!({ "payloads": value.take() });
            Descent::Deeper
        }
        _ => Descent::Deeper,
    });
}

fn long_form(value: Value) -> Value {
    match value {
        Value::Null => payload(&[(ENCODING, NULL)], None),
        Value::Object(mut fields) => match fields.get(SHORTHAND_MESSAGE_TYPE) {
            Some(Value::String(message_type)) => {
                let message_type = message_type.clone();
                fields.remove(SHORTHAND_MESSAGE_TYPE);
                let metadata = [(ENCODING, PROTO_JSON), (MESSAGE_TYPE, message_type.as_str())];
                payload(&metadata, Some(&Value::Object(fields)))
            }
            _ => payload(&[(ENCODING, JSON)], Some(&Value::Object(fields))),
        },
        value => payload(&[(ENCODING, JSON)], Some(&value)),
    }
}

fn payload(metadata: &[(&str, &str)], data: Option<&Value>) -> Value {
    let metadata: Map<String, Value> =
        metadata.iter().map(|(key, value)| ((*key).to_owned(), STANDARD.encode(value).into())).collect();
    match data {
        Some(data) => json!({ "metadata": metadata, "data": STANDARD.encode(data.to_string()) }),
        None => json!({ "metadata": metadata }),
    }
}

/// Whether JSON is a payload with metadata and base64, by the rule of Temporal's server: metadata with an encoding, and data
/// unless that is `binary/null`, and nothing else. Other objects are what a payload holds.
fn is_long_form(value: &Value) -> bool {
    let Value::Object(fields) = value else { return false };
    let Some(Value::Object(metadata)) = fields.get("metadata") else { return false };
    let decoded = |value: &Value| decode(value.as_str()?);
    let Some(encoding) = metadata.get(ENCODING).and_then(decoded) else { return false };
    match fields.get("data") {
        Some(data) => {
            fields.len() == 2
                && decoded(data).is_some()
                && metadata.values().all(|value| decoded(value).is_some())
        }
        None => fields.len() == 1 && encoding == NULL.as_bytes(),
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let engine = if text.contains(['-', '_']) { &URL_BASE64 } else { &BASE64 };
    engine.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        descriptor,
        protojson::{ReadOptions, WriteOptions, dynamic_from_json, dynamic_to_json},
        temporal::api::workflowservice::v1::StartWorkflowExecutionRequest,
    };

    /// What a request in short form is in long form; written in short form again, it is what it was.
    #[track_caller]
    fn check(short: &Value, long: &Value) {
        let read = ReadOptions { shorthand_payloads: true, deny_unknown_fields: true };
        let write = |shorthand_payloads| WriteOptions { one_line: true, shorthand_payloads };
        let descriptor = descriptor::of::<StartWorkflowExecutionRequest>();
        let message = dynamic_from_json(&descriptor, short.clone(), read).unwrap();
        let json = |shorthand| -> Value {
            serde_json::from_str(&dynamic_to_json(&message, write(shorthand)).unwrap()).unwrap()
        };
        assert_eq!(&json(false), long);
        assert_eq!(&json(true), short);
        assert_eq!(dynamic_from_json(&descriptor, long.clone(), read).unwrap(), message);
    }

    #[test]
    fn payloads_in_short_form() {
        let plain =
            |data: &str| json!({"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": STANDARD.encode(data)});
        let nothing = json!({"metadata": {"encoding": "YmluYXJ5L251bGw="}});
        check(
            &json!({"input": ["World", 7, null, {"metadata": "of mine", "data": true}]}),
            &json!({"input": {"payloads": [
                plain("\"World\""), plain("7"), nothing, plain(r#"{"data":true,"metadata":"of mine"}"#)
            ]}}),
        );
        check(
            &json!({"memo": {"fields": {"a": {"b": []}, "c": null}}}),
            &json!({"memo": {"fields": {"a": plain(r#"{"b":[]}"#), "c": nothing}}}),
        );
        check(
            &json!({"input": [{"_protoMessageType": "orders.Order", "id": 7}]}),
            &json!({"input": {"payloads": [{
                "metadata": {"encoding": "anNvbi9wcm90b2J1Zg==", "messageType": "b3JkZXJzLk9yZGVy"},
                "data": STANDARD.encode(r#"{"id":7}"#)
            }]}}),
        );
    }

    #[test]
    fn payloads_that_have_no_short_form() {
        let encrypted =
            json!({"payloads": [{"metadata": {"encoding": "YmluYXJ5L2VuY3J5cHRlZA=="}, "data": "AAEC"}]});
        check(&json!({ "input": encrypted }), &json!({ "input": encrypted }));
    }

    #[test]
    fn what_is_a_payload_and_what_it_may_hold() {
        for (value, expected) in [
            (json!({"metadata": {"encoding": "anNvbi9wbGFpbg"}, "data": "-_8="}), true),
            (json!({"metadata": {"encoding": "YmluYXJ5L251bGw="}}), true),
            (json!({"metadata": {"encoding": "anNvbi9wbGFpbg=="}}), false),
            (json!({"metadata": {"encoding": "no base64!"}, "data": ""}), false),
            (json!({"metadata": {"type": "anNvbi9wbGFpbg=="}, "data": ""}), false),
            (json!({"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "", "more": 1}), false),
            (json!({"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": 7}), false),
            (json!(["metadata"]), false),
        ] {
            assert_eq!(is_long_form(&value), expected, "{value}");
        }
    }
}
