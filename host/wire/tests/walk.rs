//! The walk over requests reaches every failure, string, key and duration that the descriptor knows, wherever it lies.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

#[path = "support/protocol.rs"]
mod protocol;

use std::collections::BTreeMap;

use bytes::Bytes;
use host_wire::{
    Visitor, Walk,
    temporal::api::{failure::v1::Failure, workflowservice::v1::*},
};
use prost::Message;
use prost_types::field_descriptor_proto::Type;
use protocol::{FAILURE, Protocol, nested};

/// The type of durations, as the descriptor names it.
const DURATION: &str = ".google.protobuf.Duration";
/// Seconds of a duration that is a marker.
const MARKED_SECONDS: i64 = 4_711;

/// What a walk was shown: the names of fields, with a marker of what was in them.
#[derive(Default)]
struct Seen(Vec<String>);

impl Visitor for Seen {
    fn string(&mut self, field: &'static str, value: &mut String) {
        self.0.push(format!("{field}={value}"));
    }

    fn key(&mut self, field: &'static str, value: &str) {
        self.0.push(format!("{field}={value}"));
    }

    fn bytes(&mut self, _: &'static str, _: &Bytes) {}

    fn failure(&mut self, field: &'static str, failure: &mut Failure) {
        self.0.push(format!("{field}={}", failure.message));
    }

    fn duration(&mut self, field: &'static str, duration: &mut prost_types::Duration) {
        if duration.seconds == MARKED_SECONDS {
            self.0.push(format!("{field}=marker"));
        }
    }
}

fn walk<M: Message + Default + Walk>(encoded: &[u8]) -> Vec<String> {
    let mut seen = Seen::default();
    M::decode(encoded).unwrap().walk(&mut seen);
    seen.0
}

type WalkEncoded = fn(&[u8]) -> Vec<String>;

macro_rules! requests {
    ($($name:ident),* $(,)?) => { [$((stringify!($name), walk::<$name> as WalkEncoded)),*] };
}

/// A request type that holds a failure and is missing here fails the test.
fn with_failures() -> BTreeMap<&'static str, WalkEncoded> {
    requests!(
        ExecuteMultiOperationRequest,
        RespondActivityTaskFailedByIdRequest,
        RespondActivityTaskFailedRequest,
        RespondNexusTaskCompletedRequest,
        RespondNexusTaskFailedRequest,
        RespondQueryTaskCompletedRequest,
        RespondWorkflowTaskCompletedRequest,
        RespondWorkflowTaskFailedRequest,
        SignalWithStartWorkflowExecutionRequest,
        StartWorkflowExecutionRequest,
    )
    .into()
}

impl Protocol {
    /// Encoded messages of a type with the marker in one string, key or failure, each with what a walk has to see.
    /// A type that lies in itself is followed once.
    fn marked(&self, name: &str, above: &mut Vec<String>) -> Vec<(String, Vec<u8>)> {
        let mut all = Vec::new();
        above.push(name.to_owned());
        for field in &self.messages[name].field {
            let number = field.number().cast_unsigned();
            let full_name = format!("{}.{}", name.trim_start_matches('.'), field.name());
            match (field.r#type(), field.type_name()) {
                (Type::String, _) => all.push((format!("{full_name}=marker"), nested(number, b"marker"))),
                (Type::Message, FAILURE) => {
                    let failure = Failure { message: "marker".to_owned(), ..Failure::default() };
                    all.push((format!("{full_name}=marker"), nested(number, &failure.encode_to_vec())));
                }
                (Type::Message, DURATION) => {
                    let duration = prost_types::Duration { seconds: MARKED_SECONDS, nanos: 0 };
                    all.push((format!("{full_name}=marker"), nested(number, &duration.encode_to_vec())));
                }
                (Type::Message, of) if !above.iter().any(|one| one == of) => {
                    let is_map = self.messages[of].options.as_ref().is_some_and(|it| it.map_entry());
                    for (seen, inner) in self.marked(of, above) {
                        // A walk names the map, the descriptor the key or value of its entry.
                        let named = if is_map && seen.starts_with(of.trim_start_matches('.')) {
                            format!("{full_name}=marker")
                        } else {
                            seen
                        };
                        all.push((named, nested(number, &inner)));
                    }
                }
                _ => {}
            }
        }
        above.pop();
        all
    }
}

#[test]
fn every_failure_string_and_duration_is_shown() {
    let protocol = Protocol::read();
    let with_failures = with_failures();
    let mut failures = 0;
    for (_, request) in &protocol.calls {
        let name = request.rsplit('.').next().unwrap();
        let marked = protocol.marked(request, &mut Vec::new());
        let is_failure = |seen: &str| seen.ends_with("failure=marker");
        failures += marked.iter().filter(|(seen, _)| is_failure(seen)).count();
        let Some(walk) = with_failures.get(name) else {
            let forgotten = marked.iter().find(|(seen, _)| is_failure(seen));
            assert!(forgotten.is_none(), "{name} has {forgotten:?} and is not in the list");
            continue;
        };
        for (expected, encoded) in marked {
            assert!(walk(&encoded).contains(&expected), "{name}: {expected} is not shown");
        }
    }
    assert!(failures >= 11, "only {failures} failures: the descriptor is not what it was");
}
