//! Foreign bytes never panic, and readers of the same bytes agree.
#![allow(clippy::unwrap_used, reason = "tests panic on failure")]

use bytes::Bytes;
use guest_sdk_types as types;
use host_wire::{
    History, RawEvent,
    protojson::{history_to_json, read_history},
    temporal::api::{failure::v1::Failure, history::v1::HistoryEvent},
};
use prost::Message;

#[test]
fn history_json() {
    fuzz::check!("history_json", check_round_trip);
}

/// The protocol's encoding. As a file, as `host replay` reads it, and as events.
#[test]
fn history_binary() {
    fuzz::check!("history_binary", |bytes| {
        if let Ok(history) = History::decode(bytes) {
            history.encoded().iter().for_each(check_raw_event);
        }
        check_round_trip(bytes);
        check_raw_event(&Bytes::copy_from_slice(bytes));
    });
}

/// A failure is converted without loss, but for causes that lie too deep.
#[test]
fn failure() {
    fuzz::check!("failure", |bytes| {
        let Ok(failure) = Failure::decode(bytes) else { return };
        let converted = types::Failure::from(failure);
        assert!(depth(&converted) <= types::MAX_FAILURE_DEPTH);
        let again = types::Failure::from(Failure::from(converted.clone()));
        assert_eq!(format!("{again:?}"), format!("{converted:?}"));
    });
}

fn depth(failure: &types::Failure) -> usize {
    std::iter::successors(Some(failure), |failure| failure.cause.as_deref()).count()
}

/// A history that can be read is written as JSON, and what comes of that is written the same. (Events may differ: JSON
/// has one form of a time, and the encoding many.)
fn check_round_trip(contents: &[u8]) {
    let Ok(history) = read_history(Bytes::copy_from_slice(contents)) else { return };
    if let Ok(json) = history_to_json(&history) {
        let again = read_history(json.clone().into()).unwrap();
        assert_eq!(again.len(), history.len());
        assert_eq!(history_to_json(&again).unwrap(), json);
    }
}

/// The reader of single fields agrees with the one of whole events.
fn check_raw_event(encoded: &Bytes) {
    let Ok(event) = HistoryEvent::decode(encoded.clone()) else {
        if let Ok(raw) = RawEvent::new(encoded.clone()) {
            let _ = raw.attributes();
        }
        return;
    };
    let raw = RawEvent::new(encoded.clone()).unwrap();
    assert_eq!(raw.event_id(), event.event_id);
    assert_eq!(raw.event_time(), event.event_time);
    assert_eq!(raw.event_type_number(), event.event_type);
    assert_eq!(raw.worker_may_ignore(), event.worker_may_ignore);
    let attributes = raw.attributes().unwrap();
    assert_eq!(format!("{attributes:?}"), format!("{:?}", event.attributes));
}
