//! All payloads of a message, encoded or decoded at once: a remote codec is called once for each message.

use bytes::Bytes;
use host_wire::{
    History, Part, Parts,
    temporal::api::{
        common::v1::Payload, failure::v1::Failure, history::v1::HistoryEvent, update::v1 as update,
    },
};
use prost::Message;
use prost_types::Any;

use crate::{
    Chain, common_attributes,
    error::{CodecError, Failed},
};

/// Encodes the payloads of a message.
pub(crate) async fn encode<M: Parts + Send>(chain: &Chain, message: &mut M) -> Result<(), Failed> {
    let done = "encoded";
    let Collected { mut payloads, places } = Collected::of(message, chain.encodes_common_attributes)
        .map_err(|source| failed(done, None, source))?;
    let result = if payloads.is_empty() { Ok(()) } else { chain.encode(&mut payloads).await };
    result.map_err(|(place, source)| failed(done, places.get(place), source))?;
    put_back(message, payloads, false).map_err(|source| failed(done, None, source))
}

/// Decodes the payloads of a message.
pub(crate) async fn decode<M: Parts + Send>(chain: &Chain, message: &mut M) -> Result<(), Failed> {
    let done = "decoded";
    let Collected { mut payloads, places } =
        Collected::of(message, false).map_err(|source| failed(done, None, source))?;
    if payloads.is_empty() {
        return Ok(());
    }
    let result = chain.decode(&mut payloads).await;
    result.map_err(|(place, source)| failed(done, places.get(place), source))?;
    put_back(message, payloads, true).map_err(|source| failed(done, None, source))
}

fn failed(done: &'static str, place: Option<&String>, source: CodecError) -> Failed {
    Failed { done, place: place.cloned().unwrap_or_else(|| "one of the message".to_owned()), source }
}

/// What a walk over a message is for.
trait Visit {
    fn payload(&mut self, place: Place<'_>, payload: &mut Payload);
    /// Before the payloads of the failure.
    fn enter(&mut self, _failure: &mut Failure) {}
    /// After the payloads of the failure.
    fn leave(&mut self, _failure: &mut Failure) {}
}

/// Copies of the payloads, which share their data.
struct Collected {
    payloads: Vec<Payload>,
    places: Vec<String>,
}

impl Collected {
    fn of<M: Parts>(message: &mut M, hides: bool) -> Result<Self, CodecError> {
        let mut collect = Collect { collected: Self { payloads: Vec::new(), places: Vec::new() }, hides };
        in_parts(message, None, &mut collect)?;
        Ok(collect.collected)
    }
}

struct Collect {
    collected: Collected,
    hides: bool,
}

impl Visit for Collect {
    fn payload(&mut self, place: Place<'_>, payload: &mut Payload) {
        self.collected.places.push(place.to_string());
        self.collected.payloads.push(payload.clone());
    }

    fn enter(&mut self, failure: &mut Failure) {
        if self.hides {
            common_attributes::hide(failure);
        }
    }
}

struct PutBack {
    payloads: std::vec::IntoIter<Payload>,
    restores: bool,
}

impl Visit for PutBack {
    fn payload(&mut self, _: Place<'_>, payload: &mut Payload) {
        if let Some(next) = self.payloads.next() {
            *payload = next;
        }
    }

    fn leave(&mut self, failure: &mut Failure) {
        if self.restores {
            common_attributes::restore(failure);
        }
    }
}

fn put_back<M: Parts>(message: &mut M, payloads: Vec<Payload>, restores: bool) -> Result<(), CodecError> {
    in_parts(message, None, &mut PutBack { payloads: payloads.into_iter(), restores }).map(drop)
}

/// Where a payload lies.
#[derive(Clone, Copy)]
struct Place<'a> {
    event_id: Option<i64>,
    field: &'a str,
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.field)?;
        self.event_id.map_or(Ok(()), |event_id| write!(f, " of event {event_id}"))
    }
}

/// Returns whether there was a payload.
fn in_parts<M: Parts>(
    message: &mut M,
    event_id: Option<i64>,
    visit: &mut dyn Visit,
) -> Result<bool, CodecError> {
    let mut parts = Vec::new();
    message.parts(&mut parts);
    let mut any = false;
    for (field, part) in parts {
        any |= match part {
            Part::Payload(payload) => {
                visit.payload(Place { event_id, field }, payload);
                true
            }
            Part::Failure(failure) => {
                visit.enter(failure);
                let has_payload = in_parts(failure, event_id, visit)?;
                visit.leave(failure);
                has_payload
            }
            Part::History(history) => in_history(history, visit)?,
            Part::Any(message) => in_any(message, event_id, visit)?,
        };
    }
    Ok(any)
}

/// Events without a payload stay as they are, byte for byte.
fn in_history(history: &mut History, visit: &mut dyn Visit) -> Result<bool, CodecError> {
    let mut events = std::mem::take(history).into_encoded();
    let mut any = false;
    for encoded in &mut events {
        let mut event = HistoryEvent::decode(encoded.clone()).map_err(malformed)?;
        let event_id = Some(event.event_id);
        if in_parts(&mut event, event_id, visit)? {
            *encoded = Bytes::from(event.encode_to_vec());
            any = true;
        }
    }
    *history = History::from_encoded(events);
    Ok(any)
}

/// Messages of updates are the only ones with payloads.
fn in_any(any: &mut Any, event_id: Option<i64>, visit: &mut dyn Visit) -> Result<bool, CodecError> {
    match any.type_url.rsplit('/').next().unwrap_or_default() {
        "temporal.api.update.v1.Request" => in_body::<update::Request>(any, event_id, visit),
        "temporal.api.update.v1.Response" => in_body::<update::Response>(any, event_id, visit),
        "temporal.api.update.v1.Acceptance" => in_body::<update::Acceptance>(any, event_id, visit),
        "temporal.api.update.v1.Rejection" => in_body::<update::Rejection>(any, event_id, visit),
        _ => Ok(false),
    }
}

fn in_body<M: Message + Default + Parts>(
    any: &mut Any,
    event_id: Option<i64>,
    visit: &mut dyn Visit,
) -> Result<bool, CodecError> {
    let mut body = M::decode(any.value.as_slice()).map_err(malformed)?;
    let has_payload = in_parts(&mut body, event_id, visit)?;
    if has_payload {
        any.value = body.encode_to_vec();
    }
    Ok(has_payload)
}

fn malformed(error: prost::DecodeError) -> CodecError {
    CodecError::Malformed(error.to_string())
}

#[cfg(test)]
mod tests;
