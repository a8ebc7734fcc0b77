//! `temporal.api.history.v1.History` as the host keeps it: encoded events, decoded when they are read.
//!
//! A replay reads every event once, front to back, and needs the attributes of about half of them. So a
//! [`History`] holds one `Bytes` per event (a slice of the buffer it was received in), [`RawEvent`] finds
//! id, time, type and the place of the attributes in one pass, and decodes the attributes when asked,
//! borrowing payloads from the same buffer. `glimpse` reads single fields of them. The field numbers of
//! events are known here and nowhere else; what events mean to a run is `host-core`'s.

use std::fmt;

use bytes::{Buf, BufMut, Bytes};
use prost::{
    DecodeError, Message, Name,
    encoding::{self, DecodeContext, WireType},
};

use crate::temporal::api::history::v1::HistoryEvent;

mod event_types;
mod fields;
mod glimpse;
mod raw_event;

pub use event_types::{AttributesMessage, EventAttributes, event_type, event_type_name};
pub use glimpse::{
    ScheduledActivity, TaskCompletion, TaskStart, accepted_after, activity_result, marker_name,
};
pub use raw_event::RawEvent;

/// Field of `History` that holds the events.
const EVENTS_TAG: u32 = 1;
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

    /// The events as far as that with this id, which is the place of an event, from 1.
    #[must_use]
    pub fn up_to(mut self, event_id: i64) -> Self {
        self.events.truncate(usize::try_from(event_id).unwrap_or_default());
        self
    }

    /// How many events there are.
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

    /// Encodes an event, and appends it.
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
    pub fn events(
        &self,
    ) -> impl ExactSizeIterator<Item = Result<HistoryEvent, HistoryError>> + DoubleEndedIterator {
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

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::*;
    use crate::temporal::api::{
        common::v1::{Payload, Payloads},
        enums::v1::EventType,
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
    fn attributes_are_boxed_and_payloads_shared() {
        assert!(size_of::<HistoryEvent>() <= 400);
        assert!(size_of::<RawEvent>() <= 112);
    }
}
