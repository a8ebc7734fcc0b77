//! The firing of a timer.

use host_wire::{EventAttributes, temporal::api::history::v1::TimerFiredEventAttributes};

use crate::execution::{run_transition::RunTransition, workflow_task::schedule::schedule_task};

/// The time of the timer has come.
pub(crate) fn fire(run: &mut RunTransition<'_>, timer_id: &str) {
    let Some(timer) = run.timers().get(timer_id) else { return };
    let started_event_id = timer.started_event_id;
    run.record(EventAttributes::TimerFiredEventAttributes(Box::new(TimerFiredEventAttributes {
        timer_id: timer_id.to_owned(),
        started_event_id,
    })));
    schedule_task(run);
}
