//! Foreign bytes never panic, and the lazy reader agrees with the eager one.
#![allow(clippy::unwrap_used, reason = "tests panic on failure")]

use bytes::Bytes;
use host_wire::{
    History, RawEvent,
    protojson::{history_to_json, read_history},
    temporal::api::history::v1::HistoryEvent,
};
use proptest::prelude::*;
use prost::Message;

const ENCODED: &[u8] = include_bytes!("histories/sample/encoded.bin");
const JSON: &[u8] = include_bytes!("histories/sample/pascal_case_enums.json");

/// Replaces, inserts or removes single bytes.
fn mutated(original: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), any::<u8>(), 0..3_u8);
    prop::collection::vec(edit, 1..8).prop_map(move |edits| {
        let mut bytes = original.to_vec();
        for (index, byte, kind) in edits {
            let index = index.index(bytes.len());
            match kind {
                0 => bytes[index] = byte,
                1 => bytes.insert(index, byte),
                _ => drop(bytes.remove(index)),
            }
        }
        bytes
    })
}

/// A history that can be read is written and read again with the same result.
fn check_round_trip(contents: Vec<u8>) {
    let Ok(history) = read_history(contents.into()) else {
        return;
    };
    if let Ok(json) = history_to_json(&history) {
        let again = read_history(json.into()).unwrap();
        let known =
            |history: &History| -> Vec<HistoryEvent> { history.events().map(Result::unwrap).collect() };
        assert_eq!(known(&again), known(&history));
    }
}

fn check_raw_event(encoded: Bytes) {
    let Ok(event) = HistoryEvent::decode(encoded.clone()) else {
        if let Ok(raw) = RawEvent::new(encoded) {
            let _ = raw.attributes();
        }
        return;
    };
    let raw = RawEvent::new(encoded).unwrap();
    assert_eq!(raw.event_id(), event.event_id);
    assert_eq!(raw.event_time(), event.event_time);
    assert_eq!(raw.event_type_number(), event.event_type);
    assert_eq!(raw.worker_may_ignore(), event.worker_may_ignore);
    assert_eq!(raw.attributes().unwrap(), event.attributes);
}

proptest! {
    #[test]
    fn mutated_encoded_histories(contents in mutated(ENCODED)) {
        if let Ok(history) = History::decode(contents.as_slice()) {
            for event in history.encoded() {
                check_raw_event(event.clone());
            }
        }
        check_round_trip(contents);
    }

    #[test]
    fn mutated_events((index, seed) in (any::<prop::sample::Index>(), any::<u64>()), cut in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let history = History::decode(ENCODED).unwrap();
        let event = index.get(history.encoded());
        let mut bytes = event.to_vec();
        let at = cut.index(bytes.len());
        bytes[at] = byte;
        if seed % 2 == 0 {
            // Two sets of attributes in one event.
            bytes.extend_from_slice(event);
        }
        check_raw_event(bytes.into());
    }

    #[test]
    fn mutated_json(contents in mutated(JSON)) {
        check_round_trip(contents);
    }
}
