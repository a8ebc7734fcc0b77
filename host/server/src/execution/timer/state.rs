//! Timers that have neither fired nor been cancelled.

use std::collections::BTreeMap;

use host_wire::temporal::api::history::v1::TimerStartedEventAttributes;

use crate::{
    execution::deadline::Deadline,
    time::{Time, positive},
};

/// A timer that has not fired.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Timer {
    pub(crate) started_event_id: i64,
    pub(crate) fire_time: Time,
}

/// The open timers of a run, by timer id.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Timers {
    open: BTreeMap<String, Timer>,
    /// The same by the time at which they fire and the event that started them.
    by_time: BTreeMap<(Time, i64), String>,
}

impl Timers {
    pub(crate) fn get(&self, timer_id: &str) -> Option<&Timer> {
        self.open.get(timer_id)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &String> {
        self.open.keys()
    }

    /// The timer that fires first; of those at one time, the one that was started first.
    pub(crate) fn next_deadline(&self) -> Option<(Time, Deadline)> {
        let ((time, _), id) = self.by_time.first_key_value()?;
        Some((*time, Deadline::Timer(id.clone())))
    }

    pub(in crate::execution) fn started(&mut self, id: i64, time: Time, timer: &TimerStartedEventAttributes) {
        let fire_time = time.after(positive(timer.start_to_fire_timeout).unwrap_or_default());
        self.closed(&timer.timer_id);
        self.open.insert(timer.timer_id.clone(), Timer { started_event_id: id, fire_time });
        self.by_time.insert((fire_time, id), timer.timer_id.clone());
    }

    /// It fired or was cancelled.
    pub(in crate::execution) fn closed(&mut self, timer_id: &str) {
        if let Some(timer) = self.open.remove(timer_id) {
            self.by_time.remove(&(timer.fire_time, timer.started_event_id));
        }
    }
}
