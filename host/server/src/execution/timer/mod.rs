//! Timers of a run.

pub(crate) mod cancel;
pub(crate) mod start;

use host_wire::{EventAttributes, temporal::api::history::v1::TimerFiredEventAttributes};

use crate::{execution::run_transition::RunTransition, time::Time};

/// A timer that has not fired.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Timer {
    pub(crate) started_event_id: i64,
    pub(crate) fire_time: Time,
}

impl RunTransition<'_> {
    /// The time of the timer has come.
    pub(crate) fn fire_timer(&mut self, timer_id: &str) {
        let Some(timer) = self.state.timers.get(timer_id) else { return };
        let started_event_id = timer.started_event_id;
        self.record(EventAttributes::TimerFiredEventAttributes(Box::new(TimerFiredEventAttributes {
            timer_id: timer_id.to_owned(),
            started_event_id,
        })));
        self.schedule_task();
    }
}
