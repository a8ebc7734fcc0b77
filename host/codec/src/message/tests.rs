//! Every payload that the protocol can carry is encoded on its way out and decoded on its way in.

#[path = "../../../wire/tests/support/protocol.rs"]
#[expect(dead_code, reason = "the tests of `host-wire` look at more of it")]
mod protocol;

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use host_wire::{
    EventAttributes, History,
    temporal::api::{
        common::v1::{Payload, Payloads},
        enums::v1::EventType,
        failure::v1::Failure,
        history::v1::{
            HistoryEvent, WorkflowExecutionFailedEventAttributes, WorkflowExecutionSignaledEventAttributes,
        },
        protocol::v1::Message as ProtocolMessage,
        update::v1 as update,
        workflowservice::v1::*,
    },
};
use prost::{Message, Name as _};
use prost_types::{Any, field_descriptor_proto::Type};
use protocol::{Protocol, nested};

use super::{decode, encode};
use crate::{AesGcm, Chain, Codec, Key};

const PAYLOAD: &str = ".temporal.api.common.v1.Payload";
/// Read by others than the author of the payloads.
const PLAIN: [&str; 2] = [".temporal.api.common.v1.SearchAttributes", ".temporal.api.common.v1.Header"];
/// Keys of the details of markers, of which only some are the author's.
const KEYS: [&str; 2] = ["result", "data"];

fn chain() -> Chain {
    let key = Key::new("test", &[7; 32]).unwrap();
    Chain::new(vec![Codec::AesGcm(AesGcm::new(&[key]).unwrap())])
}

fn marker() -> Payload {
    Payload { data: "marker".into(), ..Payload::default() }
}

/// A message encoded, and that decoded again.
fn there_and_back<M: Message + Default + super::Parts + Send>(encoded: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut message = M::decode(encoded).unwrap();
    // A chain without a codec server does not wait.
    encode(&chain(), &mut message).now_or_never().unwrap().unwrap();
    let there = message.encode_to_vec();
    decode(&chain(), &mut message).now_or_never().unwrap().unwrap();
    (there, message.encode_to_vec())
}

type ThereAndBack = fn(&[u8]) -> (Vec<u8>, Vec<u8>);

macro_rules! table {
    (
        calls { $($call:ident($call_request:ident) -> $call_response:ident;)* }
        waits { $($wait:ident($wait_request:ident) -> $wait_response:ident;)* }
        polls { $($poll:ident($poll_request:ident) -> $poll_response:ident;)* }
    ) => {
        fn messages() -> BTreeMap<&'static str, ThereAndBack> {
            [
                $((stringify!($call_request), there_and_back::<$call_request> as ThereAndBack),
                  (stringify!($call_response), there_and_back::<$call_response>),)*
                $((stringify!($wait_request), there_and_back::<$wait_request> as ThereAndBack),
                  (stringify!($wait_response), there_and_back::<$wait_response>),)*
                $((stringify!($poll_request), there_and_back::<$poll_request> as ThereAndBack),
                  (stringify!($poll_response), there_and_back::<$poll_response>),)*
            ]
            .into()
        }
    };
}

host_service::calls!(table);

/// A message with one payload in it: the path to the payload, and whether a codec has to leave it alone.
struct Marked {
    path: String,
    plain: bool,
    encoded: Vec<u8>,
}

/// A type that lies in itself is followed once.
fn marked(protocol: &Protocol, name: &str, above: &mut Vec<String>) -> Vec<Marked> {
    let mut all = Vec::new();
    above.push(name.to_owned());
    for field in &protocol.messages[name].field {
        let (number, of) = (field.number().cast_unsigned(), field.type_name());
        if field.r#type() != Type::Message {
            continue;
        }
        let path = format!("{name}.{}", field.name());
        if of == PAYLOAD {
            let encoded = nested(number, &marker().encode_to_vec());
            all.push(Marked { path, plain: false, encoded });
            continue;
        }
        if above.iter().any(|one| one == of) {
            continue;
        }
        let is_map = protocol.messages[of].options.as_ref().is_some_and(|it| it.map_entry());
        for inner in marked(protocol, of, above) {
            let keys: &[&str] = if is_map { &KEYS } else { &[""] };
            for key in keys {
                let is_detail = path.contains("Marker") && path.ends_with(".details");
                let plain = inner.plain || PLAIN.contains(&of) || is_detail && *key == "data";
                let key = if is_map { nested(1, key.as_bytes()) } else { Vec::new() };
                let encoded = nested(number, &[key, inner.encoded.clone()].concat());
                all.push(Marked { path: format!("{path} > {}", inner.path), plain, encoded });
            }
        }
    }
    above.pop();
    all
}

#[test]
fn every_payload_is_encoded_and_decoded() {
    let protocol = Protocol::read();
    let (mut encoded_ones, mut plain_ones) = (0, 0);
    for (name, there_and_back) in messages() {
        let full_name = format!(".temporal.api.workflowservice.v1.{name}");
        for Marked { path, plain, encoded } in marked(&protocol, &full_name, &mut Vec::new()) {
            let (there, back) = there_and_back(&encoded);
            let readable = there.windows(6).any(|window| window == b"marker");
            assert_eq!(readable, plain, "{path}");
            assert!(back.windows(6).any(|window| window == b"marker"), "{path}");
            *(if plain { &mut plain_ones } else { &mut encoded_ones }) += 1;
        }
    }
    assert!(encoded_ones > 200 && plain_ones > 20, "{encoded_ones} {plain_ones}: is the descriptor whole?");
}

fn event(event_id: i64, attributes: EventAttributes, event_type: EventType) -> HistoryEvent {
    HistoryEvent {
        event_id,
        event_type: event_type.into(),
        attributes: Some(attributes),
        ..HistoryEvent::default()
    }
}

fn signaled(event_id: i64, payloads: Vec<Payload>) -> HistoryEvent {
    let input = (!payloads.is_empty()).then_some(Payloads { payloads });
    let attributes = WorkflowExecutionSignaledEventAttributes {
        input,
        ..WorkflowExecutionSignaledEventAttributes::default()
    };
    let attributes = EventAttributes::WorkflowExecutionSignaledEventAttributes(Box::new(attributes));
    event(event_id, attributes, EventType::WorkflowExecutionSignaled)
}

#[test]
fn payloads_of_histories_and_updates_are_decoded_and_named() {
    let request = update::Request {
        input: Some(update::Input {
            args: Some(Payloads { payloads: vec![marker()] }),
            ..update::Input::default()
        }),
        ..update::Request::default()
    };
    let any = Any { type_url: update::Request::type_url(), value: request.encode_to_vec() };
    let original = PollWorkflowTaskQueueResponse {
        history: Some(History::from_iter([signaled(1, vec![]), signaled(2, vec![marker()])])),
        messages: vec![ProtocolMessage { body: Some(any), ..ProtocolMessage::default() }],
        ..PollWorkflowTaskQueueResponse::default()
    };
    let mut task = original.clone();
    encode(&chain(), &mut task).now_or_never().unwrap().unwrap();
    assert!(!task.encode_to_vec().windows(6).any(|window| window == b"marker"));
    let events = |task: &PollWorkflowTaskQueueResponse| task.history.clone().unwrap().into_encoded();
    assert_eq!(events(&task)[0], events(&original)[0], "an event without a payload stays as it is");

    let other = Key::new("other", &[8; 32]).unwrap();
    let other = Chain::new(vec![Codec::AesGcm(AesGcm::new(&[other]).unwrap())]);
    let failed = decode(&other, &mut task.clone()).now_or_never().unwrap().unwrap_err();
    assert_eq!(
        failed.to_string(),
        "a payload was not decoded: temporal.api.common.v1.Payloads.payloads of event 2: no key with id `test` is \
         known here; known are: other"
    );
    decode(&chain(), &mut task).now_or_never().unwrap().unwrap();
    assert_eq!(task, original);
}

#[test]
fn messages_of_failures_are_encoded_where_that_is_wanted() {
    let cause = Failure { message: "a cause".to_owned(), ..Failure::default() };
    let failure = Failure {
        message: "a message".to_owned(),
        stack_trace: "a stack".to_owned(),
        cause: Some(Box::new(cause)),
        ..Failure::default()
    };
    let attributes = WorkflowExecutionFailedEventAttributes {
        failure: Some(failure),
        ..WorkflowExecutionFailedEventAttributes::default()
    };
    let attributes = EventAttributes::WorkflowExecutionFailedEventAttributes(Box::new(attributes));
    let failed = event(1, attributes, EventType::WorkflowExecutionFailed);
    let original = GetWorkflowExecutionHistoryResponse {
        history: Some(History::from_iter([failed])),
        ..GetWorkflowExecutionHistoryResponse::default()
    };
    for (encodes, expected) in [(false, original.clone()), (true, original.clone())] {
        let chain = chain().encoding_common_attributes(encodes);
        let mut message = original.clone();
        encode(&chain, &mut message).now_or_never().unwrap().unwrap();
        let readable =
            message.encode_to_vec().windows(7).any(|window| window == b"a cause" || window == b"a stack");
        assert_eq!(readable, !encodes);
        decode(&chain, &mut message).now_or_never().unwrap().unwrap();
        assert_eq!(message, expected);
    }
}
