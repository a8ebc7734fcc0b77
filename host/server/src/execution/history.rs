//! The history of a run: its events, encoded.

use bytes::Bytes;
use host_wire::temporal::api::history::v1::HistoryEvent;
use prost::Message;

use crate::execution::fact::Recorded;

/// Events of a run, from 1 without a gap.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct History {
    /// The event with id n is at n - 1.
    events: Vec<Bytes>,
    bytes: usize,
}

impl History {
    /// The id that the next event gets.
    pub(crate) fn next_event_id(&self) -> i64 {
        i64::try_from(self.events.len()).unwrap_or(i64::MAX - 1) + 1
    }

    /// The encoded events, in order.
    pub(crate) fn events(&self) -> &[Bytes] {
        &self.events
    }

    /// Bytes of all encoded events, `history_size_bytes` of the protocol.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The event with this id.
    pub(crate) fn event(&self, id: i64) -> Option<HistoryEvent> {
        let index = usize::try_from(id).ok()?.checked_sub(1)?;
        HistoryEvent::decode(self.events.get(index)?.clone()).ok()
    }

    /// The last event.
    pub(crate) fn last(&self) -> Option<HistoryEvent> {
        HistoryEvent::decode(self.events.last()?.clone()).ok()
    }

    pub(in crate::execution) fn append(&mut self, recorded: &Recorded) {
        self.bytes += recorded.encoded.len();
        self.events.push(recorded.encoded.clone());
    }
}
