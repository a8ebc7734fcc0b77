//! Events that wait for a workflow task to close.

use host_wire::{EventAttributes, temporal::api::history::v1::HistoryEvent};

/// Events that happened while a worker had a workflow task, in the order in which they happened. They have no ids
/// yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Buffer {
    events: Vec<HistoryEvent>,
}

impl Buffer {
    pub(crate) fn events(&self) -> &[HistoryEvent] {
        &self.events
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

    pub(in crate::execution) fn push(&mut self, event: HistoryEvent) {
        self.events.push(event);
    }

    /// The firing of a timer was taken back.
    pub(in crate::execution) fn remove_fired_timer(&mut self, timer_id: &str) {
        self.events.retain(|event| {
            !matches!(&event.attributes, Some(EventAttributes::TimerFiredEventAttributes(fired))
                if fired.timer_id == timer_id)
        });
    }

    pub(in crate::execution) fn clear(&mut self) {
        self.events.clear();
    }
}
