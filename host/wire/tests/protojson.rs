//! Histories as files and messages as JSON, against what other tools wrote.
#![allow(clippy::unwrap_used, reason = "tests panic on failure")]

use std::{error::Error, fs, path::PathBuf};

use bytes::Bytes;
use expect_test::{Expect, expect};
use host_wire::{
    History,
    protojson::{WriteOptions, history_to_json, message_from_json, message_to_json, read_history},
    temporal::api::{
        common::v1::{Memo, Payload, Payloads},
        enums::v1::{EventType, WorkflowExecutionStatus},
        history::v1::HistoryEvent,
        protocol::v1::Message as ProtocolMessage,
        update::v1::Acceptance,
        workflow::v1::WorkflowExecutionInfo,
    },
};
use prost_types::{Any, Duration, Timestamp};

/// Each folder holds one history in every form that we read; the forms in `cli.json` (the
/// `temporal` CLI 1.5.1) and `encoded.bin` must be there.
#[test]
fn recorded_histories_read_the_same_in_every_form_and_are_written_as_the_cli_does() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/histories");
    for folder in fs::read_dir(root).unwrap() {
        let folder = folder.unwrap().path();
        let encoded = read_history(fs::read(folder.join("encoded.bin")).unwrap().into()).unwrap();
        let expected: Vec<HistoryEvent> = encoded.events().map(Result::unwrap).collect();
        assert!(!expected.is_empty());
        for file in fs::read_dir(&folder).unwrap() {
            let file = file.unwrap().path();
            let history = read_history(fs::read(&file).unwrap().into())
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let events: Vec<HistoryEvent> = history.events().map(Result::unwrap).collect();
            assert_eq!(events, expected, "{}", file.display());
        }
        let cli = fs::read_to_string(folder.join("cli.json")).unwrap();
        assert_eq!(history_to_json(&encoded).unwrap() + "\n", cli);
    }
}

fn check_refused(contents: &[u8], expected: Expect) {
    let error = read_history(Bytes::copy_from_slice(contents)).unwrap_err();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    expected.assert_eq(&text);
}

#[test]
fn what_is_no_history_is_refused_with_the_place() {
    check_refused(b"{\"events\": [", expect!["malformed JSON: EOF while parsing a list at line 1 column 12"]);
    check_refused(
        b" {}",
        expect![[
            r#"not a history: expected an object with a list `events`, as `temporal workflow show --output json` writes it"#
        ]],
    );
    check_refused(
        br#"{"events": {}}"#,
        expect![[
            r#"not a history: expected an object with a list `events`, as `temporal workflow show --output json` writes it"#
        ]],
    );
    check_refused(
        br#"{"events": [{"eventId": "1"}, {"eventId": "two"}]}"#,
        expect!["unexpected value at `events[1].eventId`: invalid digit found in string"],
    );
    check_refused(
        br#"{"events": [3]}"#,
        expect!["unexpected value at `events[0]`: invalid type: integer `3`, expected a map"],
    );
    check_refused(
        br#"{"events": [{"activityTaskScheduledEventAttributes": {"input": {"payloads": [{"data": "?"}]}}}]}"#,
        expect!["unexpected value at `events[0].activityTaskScheduledEventAttributes.input.payloads[0].data`: invalid base64: Invalid symbol 63, offset 0."],
    );
    check_refused(
        br#"{"events": [{"eventTime": "yesterday"}]}"#,
        expect!["unexpected value at `events[0].eventTime`: invalid rfc3339 timestamp: invalid date"],
    );
    check_refused(
        b"Dear reader",
        expect![
            "not a temporal.api.history.v1.History message: failed to decode Protobuf message: unexpected end group tag"
        ],
    );
    check_refused(
        b"\x0a\x02\x08\x01\x0a\x02\x09\x01",
        expect![
            "unreadable history: event at index 1 is not a history event: failed to decode Protobuf message: HistoryEvent.event_id: invalid wire type: SixtyFourBit (expected Varint)"
        ],
    );
}

#[test]
fn an_encoded_history_that_begins_like_json_is_read() {
    let event = HistoryEvent {
        event_id: 1,
        user_metadata: None,
        principal: Some(host_wire::temporal::api::common::v1::Principal {
            name: "n".repeat(116),
            ..Default::default()
        }),
        ..HistoryEvent::default()
    };
    let encoded = prost::Message::encode_to_vec(&History::from_iter([&event]));
    assert_eq!(&encoded[..3], b"\n{\x08");
    let history = read_history(encoded.into()).unwrap();
    assert_eq!(history.events().next().unwrap().unwrap(), event);
}

#[test]
fn enum_values_of_newer_services_read_as_unspecified() {
    let history = read_history(Bytes::from_static(
        br#"{"events": [{"eventId": "1", "eventType": "EVENT_TYPE_FROM_THE_FUTURE", "workerMayIgnore": true}]}"#,
    ))
    .unwrap();
    let event = history.raw_events().next().unwrap().unwrap();
    assert_eq!(event.event_type(), Some(EventType::Unspecified));
    assert!(event.worker_may_ignore());
}

fn json_payload(data: &'static str) -> Payload {
    Payload {
        metadata: [("encoding".to_owned(), Bytes::from_static(b"json/plain"))].into(),
        data: Bytes::from_static(data.as_bytes()),
        ..Payload::default()
    }
}

fn check_written<M: prost::Message + prost::Name>(message: &M, options: WriteOptions, expected: Expect) {
    expected.assert_eq(&message_to_json(message, options).unwrap());
}

const SHORTHAND: WriteOptions = WriteOptions { one_line: true, shorthand_payloads: true };

#[test]
fn messages_are_written_as_the_cli_does() {
    let info = WorkflowExecutionInfo {
        start_time: Some(Timestamp { seconds: 1_700_000_000, nanos: 5_000_000 }),
        execution_duration: Some(Duration { seconds: -1, nanos: -500_000_000 }),
        status: WorkflowExecutionStatus::Running.into(),
        history_length: 3,
        memo: Some(Memo {
            fields: [
                ("a".to_owned(), json_payload(r#"{"k": [1, 2.50, []]}"#)),
                ("blob".to_owned(), Payload { data: Bytes::from_static(b"\xff"), ..Payload::default() }),
            ]
            .into(),
        }),
        ..WorkflowExecutionInfo::default()
    };
    check_written(
        &info,
        WriteOptions::default(),
        expect![[r#"
        {
          "startTime": "2023-11-14T22:13:20.005Z",
          "status": "WORKFLOW_EXECUTION_STATUS_RUNNING",
          "historyLength": "3",
          "memo": {
            "fields": {
              "a": {
                "metadata": {
                  "encoding": "anNvbi9wbGFpbg=="
                },
                "data": "eyJrIjogWzEsIDIuNTAsIFtdXX0="
              },
              "blob": {
                "data": "/w=="
              }
            }
          },
          "executionDuration": "-1.500s"
        }"#]],
    );
    check_written(
        &info,
        SHORTHAND,
        expect![[
            r#"{"startTime":"2023-11-14T22:13:20.005Z","status":"WORKFLOW_EXECUTION_STATUS_RUNNING","historyLength":"3","memo":{"fields":{"a":{"k":[1,2.5,[]]},"blob":{"data":"/w=="}}},"executionDuration":"-1.500s"}"#
        ]],
    );
    let list = Payloads { payloads: vec![json_payload("1"), json_payload("\"\u{1}\"")] };
    check_written(
        &list,
        SHORTHAND,
        expect![[r#"{"payloads":[1,{"metadata":{"encoding":"anNvbi9wbGFpbg=="},"data":"IgEi"}]}"#]],
    );
    let mixed = Payloads { payloads: vec![json_payload("1"), json_payload("{")] };
    check_written(
        &mixed,
        SHORTHAND,
        expect![[r#"{"payloads":[1,{"metadata":{"encoding":"anNvbi9wbGFpbg=="},"data":"ew=="}]}"#]],
    );
    check_written(&WorkflowExecutionInfo::default(), WriteOptions::default(), expect!["{}"]);
    let message = ProtocolMessage {
        body: Some(
            Any::from_msg(&Acceptance {
                accepted_request_message_id: "m".to_owned(),
                ..Acceptance::default()
            })
            .unwrap(),
        ),
        ..ProtocolMessage::default()
    };
    check_written(
        &message,
        SHORTHAND,
        expect![[
            r#"{"body":{"@type":"type.googleapis.com/temporal.api.update.v1.Acceptance","acceptedRequestMessageId":"m"}}"#
        ]],
    );
    let json = message_to_json(&message, WriteOptions::default()).unwrap();
    assert_eq!(message_from_json::<ProtocolMessage>(json.as_bytes()).unwrap(), message);
    let unknown = ProtocolMessage {
        body: Some(Any { type_url: "type.googleapis.com/a.B".to_owned(), value: vec![1] }),
        ..ProtocolMessage::default()
    };
    check_written(
        &unknown,
        SHORTHAND,
        expect![[r#"{"body":{"@type":"type.googleapis.com/a.B","value":"AQ=="}}"#]],
    );
}

#[test]
fn a_time_without_json_form_is_an_error_with_the_place() {
    let history = History::from_iter([&HistoryEvent {
        event_time: Some(Timestamp { seconds: i64::MAX, nanos: 0 }),
        ..HistoryEvent::default()
    }]);
    let error = history_to_json(&history).unwrap_err();
    expect!["value at `events[0].eventTime` has no JSON form"].assert_eq(&error.to_string());
}
