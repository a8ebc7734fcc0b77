//! Faults of other readers and writers of histories, told to these; `tests/field-reports.md` names the reports.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use bytes::Bytes;
use expect_test::{Expect, expect};
use host_wire::{
    protojson::{WriteOptions, message_to_json, read_history},
    temporal::api::common::v1::Payload,
};

fn check_refused(history: &'static str, expected: Expect) {
    let error = read_history(Bytes::from_static(history.as_bytes())).unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    expected.assert_eq(&text);
}

/// What the web interface saves with "decode event history", and what `JSON.stringify` makes of a history in
/// TypeScript: not the JSON of the protocol. The error says where it is not.
#[test]
fn histories_in_a_json_of_their_own_are_refused_with_the_place() {
    check_refused(
        r#"{"events": [{"eventId": "1", "workflowExecutionStartedEventAttributes": {"input": {"payloads": [{"metadata": {"encoding": "json/plain"}, "data": {"name": "Ada"}}]}}}]}"#,
        expect![
            "unexpected value at `events[0].workflowExecutionStartedEventAttributes.input.payloads[0].data`: invalid type: map, expected a base64-encoded string"
        ],
    );
    check_refused(
        r#"{"events": [{"eventId": "1", "workflowExecutionStartedEventAttributes": {"input": [{"name": "Ada"}]}}]}"#,
        expect![
            "unexpected value at `events[0].workflowExecutionStartedEventAttributes.input`: invalid type: sequence, expected a map"
        ],
    );
    check_refused(
        r#"{"events": [{"eventId": {"low": 1, "high": 0, "unsigned": false}, "eventTime": {"seconds": 1700000000}}]}"#,
        expect![
            "unexpected value at `events[0].eventId`: invalid type: map, expected a 64-bit signed integer or decimal string"
        ],
    );
    check_refused(
        r#"{"events": [{"eventId": "1", "eventTime": {"seconds": 1700000000}}]}"#,
        expect![
            "unexpected value at `events[0].eventTime`: invalid type: map, expected a rfc3339 timestamp string"
        ],
    );
}

/// Event types as the CLI writes them, and as the CLI and the web interface wrote them earlier.
#[test]
fn event_types_read_the_same_in_both_spellings() {
    let first = |event_type: &str| {
        let history = format!(r#"{{"events": [{{"eventId": "1", "eventType": "{event_type}"}}]}}"#);
        read_history(history.into_bytes().into()).unwrap().events().next().unwrap().unwrap()
    };
    let today = first("EVENT_TYPE_WORKFLOW_EXECUTION_STARTED");
    assert_eq!(first("WorkflowExecutionStarted"), today);
    assert_eq!(today.event_type, 1);
}

/// Identifiers of 64 bits are not rounded to what a floating-point number holds.
#[test]
fn integers_of_64_bits_are_written_as_they_are() {
    let numbers = "[3544790567247868102,18446744073709551615,-9223372036854775808,0.1]";
    let payload = Payload {
        metadata: [("encoding".to_owned(), Bytes::from_static(b"json/plain"))].into(),
        data: Bytes::from_static(numbers.as_bytes()),
        ..Payload::default()
    };
    let options = WriteOptions { one_line: true, shorthand_payloads: true };
    let written = message_to_json(&payload, options).unwrap();
    assert_eq!(written, numbers);
}
