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
        let first = self.open.iter().min_by_key(|(_, timer)| (timer.fire_time, timer.started_event_id));
        first.map(|(id, timer)| (timer.fire_time, Deadline::Timer(id.clone())))
    }

    pub(in crate::execution) fn started(&mut self, id: i64, time: Time, timer: &TimerStartedEventAttributes) {
        let fire_time = time.after(positive(timer.start_to_fire_timeout).unwrap_or_default());
        self.open.insert(timer.timer_id.clone(), Timer { started_event_id: id, fire_time });
    }

    /// It fired or was cancelled.
    pub(in crate::execution) fn closed(&mut self, timer_id: &str) {
        self.open.remove(timer_id);
    }
}
