//! Events that wait for a workflow task to close.

use host_wire::{EventAttributes, temporal::api::history::v1::HistoryEvent};
use prost::Message;

use crate::{execution::fact::Recorded, limits};

/// Events that happened while a worker had a workflow task, in the order in which they happened. They have no ids
/// yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Buffer {
    events: Vec<HistoryEvent>,
    /// Of the events as they were encoded when they were buffered.
    bytes: usize,
}

impl Buffer {
    pub(crate) fn events(&self) -> &[HistoryEvent] {
        &self.events
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there is more than may wait for the workflow task.
    pub(crate) fn is_over_limit(&self) -> bool {
        self.events.len() > limits::BUFFERED_EVENTS || self.bytes > limits::BUFFERED_BYTES
    }

    /// The started event of a timer that fired, if that is buffered.
    pub(crate) fn fired_timer(&self, timer_id: &str) -> Option<i64> {
        self.events.iter().find_map(|event| match &event.attributes {
            Some(EventAttributes::TimerFiredEventAttributes(fired)) if fired.timer_id == timer_id => {
                Some(fired.started_event_id)
            }
            _ => None,
        })
    }

    pub(in crate::execution) fn push(&mut self, recorded: &Recorded) {
        self.bytes += recorded.encoded.len();
        self.events.push(recorded.event.clone());
    }

    /// The firing of a timer was taken back.
    pub(in crate::execution) fn remove_fired_timer(&mut self, timer_id: &str) {
        self.events.retain(|event| {
            let removed = matches!(&event.attributes, Some(EventAttributes::TimerFiredEventAttributes(fired))
                if fired.timer_id == timer_id);
            self.bytes = self.bytes.saturating_sub(if removed { event.encoded_len() } else { 0 });
            !removed
        });
    }

    pub(in crate::execution) fn clear(&mut self) {
        *self = Self::default();
    }
}
