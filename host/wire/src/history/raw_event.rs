//! One encoded `HistoryEvent`: its envelope read in one pass, its attributes decoded on demand.

use std::fmt;

use bytes::Bytes;
use prost::{DecodeError, Message, encoding::WireType};
use prost_types::Timestamp;

use super::{
    event_types::{self, AttributesMessage, EventAttributes, FIRST_ATTRIBUTES_TAG, LAST_ATTRIBUTES_TAG},
    fields::{self, Fields, Value},
};
use crate::temporal::api::{enums::v1::EventType, history::v1::HistoryEvent};

/// Fields of `HistoryEvent`.
const EVENT_ID_TAG: u32 = 1;
const EVENT_TIME_TAG: u32 = 2;
const EVENT_TYPE_TAG: u32 = 3;
const WORKER_MAY_IGNORE_TAG: u32 = 300;
/// Fields of `google.protobuf.Timestamp`.
const SECONDS_TAG: u32 = 1;
const NANOS_TAG: u32 = 2;

/// One encoded `HistoryEvent`, of which only the envelope has been read: id, time, type, and where the
/// attributes are.
#[derive(Clone)]
pub struct RawEvent {
    bytes: Bytes,
    event_id: i64,
    event_time: Option<Timestamp>,
    event_type: i32,
    worker_may_ignore: bool,
    /// Several fields of the oneof, which no known encoder writes: the last one counts, and merging those
    /// of one field is left to prost.
    is_scattered: bool,
    /// The last field of the oneof `attributes`: the type it belongs to, and its place in the encoded event.
    /// Unspecified where there is none.
    attributes_type: EventType,
    attributes_start: usize,
    attributes_end: usize,
}

impl RawEvent {
    /// Reads the envelope of an encoded `HistoryEvent`.
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
            is_scattered: false,
            attributes_type: EventType::Unspecified,
            attributes_start: 0,
            attributes_end: 0,
            bytes: Bytes::new(),
        };
        for field in Fields::new(&bytes) {
            event.read_field(&bytes, field?)?;
        }
        event.bytes = bytes;
        Ok(event)
    }

    #[inline]
    fn read_field(&mut self, encoded: &[u8], field: (u32, Value<'_>)) -> Result<(), DecodeError> {
        match field {
            (EVENT_ID_TAG, Value::Number(id)) => self.event_id = id.cast_signed(),
            (EVENT_TIME_TAG, Value::Bytes(time)) => {
                read_time(self.event_time.get_or_insert_default(), time)?;
            }
            (EVENT_TYPE_TAG, Value::Number(kind)) => self.event_type = int32(kind),
            (WORKER_MAY_IGNORE_TAG, Value::Number(flag)) => self.worker_may_ignore = flag != 0,
            (tag @ FIRST_ATTRIBUTES_TAG..=LAST_ATTRIBUTES_TAG, Value::Bytes(attributes)) => {
                self.is_scattered = self.attributes_end != 0;
                self.attributes_type = event_types::of_tag(tag).unwrap_or_default();
                self.attributes_start = attributes.as_ptr().addr() - encoded.as_ptr().addr();
                self.attributes_end = self.attributes_start + attributes.len();
            }
            (EVENT_ID_TAG | EVENT_TYPE_TAG | WORKER_MAY_IGNORE_TAG, value) => {
                value.check(WireType::Varint)?;
            }
            (EVENT_TIME_TAG | FIRST_ATTRIBUTES_TAG..=LAST_ATTRIBUTES_TAG, value) => {
                value.check(WireType::LengthDelimited)?;
            }
            _ => {}
        }
        Ok(())
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

    /// The event type whose attributes these are: the same as [`Self::event_type`] in every history that a
    /// service writes. Nothing when the event has no attributes, or has some that are newer than the
    /// protocol this was built with.
    #[must_use]
    pub fn attributes_type(&self) -> Option<EventType> {
        (self.attributes_type != EventType::Unspecified).then_some(self.attributes_type)
    }

    /// The attributes as they are encoded; empty when there are none.
    #[must_use]
    pub fn encoded_attributes(&self) -> &[u8] {
        self.bytes.get(self.attributes_start..self.attributes_end).unwrap_or_default()
    }

    /// The event that began what this event goes on with: `scheduled_event_id` of activities, Nexus
    /// operations and workflow tasks, `started_event_id` of timers, `initiated_event_id` of child workflows
    /// and of requests to other workflows. Nothing for events that go on with nothing.
    ///
    /// # Errors
    ///
    /// When the attributes are no encoded message.
    pub fn initiating_event_id(&self) -> Result<Option<i64>, DecodeError> {
        match event_types::initiating_event_id_tag(self.attributes_type) {
            Some(tag) => fields::number(self.encoded_attributes(), tag).map(Some),
            None => Ok(None),
        }
    }

    /// Decodes the attributes; payloads in them are slices of the event's buffer. Nothing when the
    /// event has none, or has some that are newer than the protocol this was built with.
    ///
    /// # Errors
    ///
    /// When the attributes are not what the event's field says they are.
    pub fn attributes(&self) -> Result<Option<EventAttributes>, DecodeError> {
        if self.is_scattered {
            return Ok(self.decode()?.attributes);
        }
        event_types::decode(self.attributes_type, self.shared(self.encoded_attributes()))
    }

    /// Decodes the attributes as those of one type; nothing when they are those of another one. Payloads
    /// in them are slices of the event's buffer.
    ///
    /// # Errors
    ///
    /// When the attributes are not what the event's field says they are.
    pub fn attributes_of<M: AttributesMessage>(&self) -> Result<Option<M>, DecodeError> {
        if self.attributes_type != M::EVENT_TYPE {
            return Ok(None);
        }
        M::decode(self.shared(self.encoded_attributes())).map(Some)
    }

    /// Decodes the whole event.
    ///
    /// # Errors
    ///
    /// When any part of it is not what its field says it is.
    pub fn decode(&self) -> Result<HistoryEvent, DecodeError> {
        HistoryEvent::decode(self.bytes.clone())
    }

    /// The event as it was encoded.
    #[must_use]
    pub fn encoded(&self) -> &Bytes {
        &self.bytes
    }

    /// A part of the encoded event, without a copy.
    pub(super) fn shared(&self, part: &[u8]) -> Bytes {
        self.bytes.slice_ref(part)
    }
}

/// An `int32` as protobuf reads it: the lower half of what was encoded.
#[expect(clippy::cast_possible_truncation, reason = "protobuf drops the upper half")]
fn int32(value: u64) -> i32 {
    value as i32
}

fn read_time(time: &mut Timestamp, encoded: &[u8]) -> Result<(), DecodeError> {
    for field in Fields::new(encoded) {
        match field? {
            (SECONDS_TAG, Value::Number(seconds)) => time.seconds = seconds.cast_signed(),
            (NANOS_TAG, Value::Number(nanos)) => time.nanos = int32(nanos),
            (SECONDS_TAG | NANOS_TAG, value) => value.check(WireType::Varint)?,
            _ => {}
        }
    }
    Ok(())
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
