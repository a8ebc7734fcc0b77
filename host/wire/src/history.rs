//! `temporal.api.history.v1.History` as the host keeps it: encoded events, decoded when somebody
//! looks.
//!
//! Replay reads every event once, front to back, and needs the attributes of about half of them.
//! So a [`History`] holds one `Bytes` per event (a slice of the buffer it was received in),
//! [`RawEvent`] finds id, time and type without touching the attributes, and
//! [`RawEvent::attributes`] decodes those, borrowing payloads from the same buffer. What events
//! mean is none of this module's business.

use std::fmt;

use bytes::{Buf, BufMut, Bytes};
use prost::{
    DecodeError, Message, Name,
    encoding::{self, DecodeContext, WireType},
};
use prost_types::Timestamp;

use crate::temporal::api::{
    enums::v1::EventType,
    history::v1::{HistoryEvent, history_event},
};

/// The attributes of an event, one variant per event type.
pub type EventAttributes = history_event::Attributes;

/// Field of `History` that holds the events.
const EVENTS_TAG: u32 = 1;
/// Fields of `HistoryEvent` that a [`RawEvent`] reads.
const EVENT_ID_TAG: u32 = 1;
const EVENT_TIME_TAG: u32 = 2;
const EVENT_TYPE_TAG: u32 = 3;
const WORKER_MAY_IGNORE_TAG: u32 = 300;
/// The fields of the oneof `attributes` of `HistoryEvent`; a test compares them with the descriptor.
const FIRST_ATTRIBUTES_TAG: u32 = 6;
const LAST_ATTRIBUTES_TAG: u32 = 65;

/// A part of a run's history, in event order: the message `temporal.api.history.v1.History`.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct History {
    events: Vec<Bytes>,
}

/// Why an event of a history cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event at index {index} is not a history event")]
pub struct HistoryError {
    /// Position in the [`History`], from 0.
    pub index: usize,
    /// What the decoder found wrong.
    pub source: DecodeError,
}

impl History {
    /// A history of events that are already encoded `HistoryEvent` messages. They are not looked at
    /// before they are read.
    #[must_use]
    pub fn from_encoded(events: Vec<Bytes>) -> Self {
        Self { events }
    }

    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The events as encoded `HistoryEvent` messages.
    #[must_use]
    pub fn encoded(&self) -> &[Bytes] {
        &self.events
    }

    /// The events as encoded `HistoryEvent` messages.
    #[must_use]
    pub fn into_encoded(self) -> Vec<Bytes> {
        self.events
    }

    /// Appends an event.
    pub fn push(&mut self, event: &HistoryEvent) {
        self.events.push(event.encode_to_vec().into());
    }

    /// The events one after another, attributes left encoded.
    pub fn raw_events(&self) -> impl ExactSizeIterator<Item = Result<RawEvent, HistoryError>> {
        self.events.iter().enumerate().map(|(index, event)| {
            RawEvent::new(event.clone()).map_err(|source| HistoryError { index, source })
        })
    }

    /// The events one after another, decoded.
    pub fn events(&self) -> impl ExactSizeIterator<Item = Result<HistoryEvent, HistoryError>> {
        self.events.iter().enumerate().map(|(index, event)| {
            HistoryEvent::decode(event.clone()).map_err(|source| HistoryError { index, source })
        })
    }
}

impl<'a> FromIterator<&'a HistoryEvent> for History {
    fn from_iter<I: IntoIterator<Item = &'a HistoryEvent>>(events: I) -> Self {
        let mut history = Self::default();
        for event in events {
            history.push(event);
        }
        history
    }
}

impl FromIterator<HistoryEvent> for History {
    fn from_iter<I: IntoIterator<Item = HistoryEvent>>(events: I) -> Self {
        let mut history = Self::default();
        for event in events {
            history.push(&event);
        }
        history
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.events()).finish()
    }
}

impl Message for History {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        encoding::bytes::encode_repeated(EVENTS_TAG, &self.events, buf);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        match tag {
            EVENTS_TAG => {
                let mut event = Bytes::new();
                encoding::bytes::merge(wire_type, &mut event, buf, ctx)?;
                self.events.push(event);
                Ok(())
            }
            _ => encoding::skip_field(wire_type, tag, buf, ctx),
        }
    }

    fn encoded_len(&self) -> usize {
        encoding::bytes::encoded_len_repeated(EVENTS_TAG, &self.events)
    }

    fn clear(&mut self) {
        self.events.clear();
    }
}

impl Name for History {
    const NAME: &'static str = "History";
    const PACKAGE: &'static str = "temporal.api.history.v1";

    fn type_url() -> String {
        format!("type.googleapis.com/{}", Self::full_name())
    }
}

/// One encoded `HistoryEvent`, of which only the outside has been read.
#[derive(Clone)]
pub struct RawEvent {
    bytes: Bytes,
    event_id: i64,
    event_time: Option<Timestamp>,
    event_type: i32,
    worker_may_ignore: bool,
    attributes: AttributesAt,
}

/// Where the attributes are inside the encoded event.
#[derive(Clone, Copy)]
enum AttributesAt {
    Nowhere,
    Field {
        tag: u32,
        start: usize,
        end: usize,
    },
    /// Several fields of the oneof, which no known encoder writes: merging them is left to prost.
    Scattered,
}

impl RawEvent {
    /// Reads the outside of an encoded `HistoryEvent`.
    ///
    /// # Errors
    ///
    /// When the bytes are not a protobuf message with the fields of `HistoryEvent`. The inside of
    /// the attributes is not checked.
    pub fn new(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut event = Self {
            event_id: 0,
            event_time: None,
            event_type: 0,
            worker_may_ignore: false,
            attributes: AttributesAt::Nowhere,
            bytes: Bytes::new(),
        };
        let mut rest: &[u8] = &bytes;
        while rest.has_remaining() {
            event.read_field(&mut rest, bytes.len())?;
        }
        event.bytes = bytes;
        Ok(event)
    }

    fn read_field(&mut self, rest: &mut &[u8], event_len: usize) -> Result<(), DecodeError> {
        let ctx = DecodeContext::default();
        let (tag, wire_type) = encoding::decode_key(rest)?;
        match tag {
            EVENT_ID_TAG => encoding::int64::merge(wire_type, &mut self.event_id, rest, ctx),
            EVENT_TIME_TAG => {
                let time = self.event_time.get_or_insert_default();
                encoding::message::merge(wire_type, time, rest, ctx)
            }
            EVENT_TYPE_TAG => encoding::int32::merge(wire_type, &mut self.event_type, rest, ctx),
            WORKER_MAY_IGNORE_TAG => encoding::bool::merge(wire_type, &mut self.worker_may_ignore, rest, ctx),
            FIRST_ATTRIBUTES_TAG..=LAST_ATTRIBUTES_TAG => {
                encoding::check_wire_type(WireType::LengthDelimited, wire_type)?;
                let start = event_len - rest.len();
                encoding::skip_field(wire_type, tag, rest, ctx)?;
                let end = event_len - rest.len();
                self.attributes = match self.attributes {
                    AttributesAt::Nowhere => AttributesAt::Field { tag, start, end },
                    _ => AttributesAt::Scattered,
                };
                Ok(())
            }
            _ => encoding::skip_field(wire_type, tag, rest, ctx),
        }
    }

    /// Position in the run's history, from 1.
    #[must_use]
    pub fn event_id(&self) -> i64 {
        self.event_id
    }

    /// When the service recorded the event.
    #[must_use]
    pub fn event_time(&self) -> Option<Timestamp> {
        self.event_time
    }

    /// The type, or nothing when it is newer than the protocol this was built with.
    #[must_use]
    pub fn event_type(&self) -> Option<EventType> {
        EventType::try_from(self.event_type).ok()
    }

    /// The type as it came, for messages about types that are not known.
    #[must_use]
    pub fn event_type_number(&self) -> i32 {
        self.event_type
    }

    /// Whether a worker that does not know the type may go on without it.
    #[must_use]
    pub fn worker_may_ignore(&self) -> bool {
        self.worker_may_ignore
    }

    /// Decodes the attributes; payloads in them are slices of the event's buffer. Nothing when the
    /// event has none, or has some that are newer than the protocol this was built with.
    ///
    /// # Errors
    ///
    /// When the attributes are not what the event's field says they are.
    pub fn attributes(&self) -> Result<Option<EventAttributes>, DecodeError> {
        match self.attributes {
            AttributesAt::Nowhere => Ok(None),
            AttributesAt::Field { tag, start, end } => {
                let mut attributes = None;
                let mut field = self.bytes.slice(start..end);
                EventAttributes::merge(
                    &mut attributes,
                    tag,
                    WireType::LengthDelimited,
                    &mut field,
                    DecodeContext::default(),
                )?;
                Ok(attributes)
            }
            AttributesAt::Scattered => Ok(self.decode()?.attributes),
        }
    }

    /// Decodes the whole event.
    ///
    /// # Errors
    ///
    /// When any part of it is not what its field says it is.
    pub fn decode(&self) -> Result<HistoryEvent, DecodeError> {
        HistoryEvent::decode(self.bytes.clone())
    }

    /// The encoded event.
    #[must_use]
    pub fn encoded(&self) -> &Bytes {
        &self.bytes
    }
}

impl fmt::Debug for RawEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawEvent")
            .field("event_id", &self.event_id)
            .field("event_type", &self.event_type())
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporal::api::{
        common::v1::{Payload, Payloads},
        history::v1::ActivityTaskCompletedEventAttributes,
        workflowservice::v1::GetWorkflowExecutionHistoryResponse,
    };

    fn activity_completed(event_id: i64, data: &'static [u8]) -> HistoryEvent {
        HistoryEvent {
            event_id,
            event_time: Some(Timestamp { seconds: 1_700_000_000, nanos: 5 }),
            event_type: EventType::ActivityTaskCompleted.into(),
            worker_may_ignore: true,
            attributes: Some(EventAttributes::ActivityTaskCompletedEventAttributes(Box::new(
                ActivityTaskCompletedEventAttributes {
                    result: Some(Payloads {
                        payloads: vec![Payload { data: Bytes::from_static(data), ..Payload::default() }],
                    }),
                    scheduled_event_id: 5,
                    ..ActivityTaskCompletedEventAttributes::default()
                },
            ))),
            ..HistoryEvent::default()
        }
    }

    #[test]
    fn events_come_back_from_a_response_without_being_copied() {
        let events = [activity_completed(1, b"one"), activity_completed(2, b"two")];
        let response = GetWorkflowExecutionHistoryResponse {
            history: Some(History::from_iter(&events)),
            ..GetWorkflowExecutionHistoryResponse::default()
        };
        let received = Bytes::from(response.encode_to_vec());
        let history = GetWorkflowExecutionHistoryResponse::decode(received.clone()).unwrap().history.unwrap();

        let decoded: Vec<HistoryEvent> = history.events().map(Result::unwrap).collect();
        assert_eq!(decoded, events);
        for (raw, event) in history.raw_events().map(Result::unwrap).zip(&events) {
            assert_eq!(raw.event_id(), event.event_id);
            assert_eq!(raw.event_time(), event.event_time);
            assert_eq!(raw.event_type(), Some(EventType::ActivityTaskCompleted));
            assert!(raw.worker_may_ignore());
            let attributes = raw.attributes().unwrap();
            assert_eq!(attributes, event.attributes);
            let Some(EventAttributes::ActivityTaskCompletedEventAttributes(completed)) = attributes else {
                panic!("other attributes: {attributes:?}");
            };
            let data = &completed.result.unwrap().payloads[0].data;
            assert!(received.as_ptr_range().contains(&data.as_ptr()));
        }
    }

    #[test]
    fn attributes_are_the_fields_between_the_first_and_the_last() {
        for field in crate::descriptor::of::<HistoryEvent>().fields() {
            assert_eq!(
                field.containing_oneof().is_some_and(|oneof| oneof.name() == "attributes"),
                (FIRST_ATTRIBUTES_TAG..=LAST_ATTRIBUTES_TAG).contains(&field.number()),
                "{}",
                field.name()
            );
        }
    }

    #[test]
    fn attributes_are_boxed_and_payloads_shared() {
        assert!(size_of::<HistoryEvent>() <= 400);
        assert!(size_of::<RawEvent>() <= 112);
    }
}
