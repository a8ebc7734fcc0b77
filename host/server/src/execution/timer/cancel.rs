//! CancelTimer. A timer that fired while the workflow task ran counts as not fired.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::CancelTimerCommandAttributes, enums::v1::WorkflowTaskFailedCause as Cause,
        history::v1::TimerCanceledEventAttributes, sdk::v1::UserMetadata,
    },
};

use crate::execution::{
    fact::UnrecordedChange,
    plan::{Plan, Refused, bad, check_id},
    run_transition::RunTransition,
};

pub(crate) fn check(plan: &mut Plan<'_>, a: &CancelTimerCommandAttributes) -> Result<(), Refused> {
    let cause = Cause::BadCancelTimerAttributes;
    check_id(cause, "TimerId", "CancelTimerCommand", &a.timer_id)?;
    let planned = plan.timer_ids.remove(&a.timer_id);
    if planned {
        return Ok(());
    }
    if plan.run.buffer().fired_timer(&a.timer_id).is_none() {
        return Err(bad(cause, format!("timer not found: {}", a.timer_id)));
    }
    plan.buffered = plan.buffered.saturating_sub(1);
    Ok(())
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    a: CancelTimerCommandAttributes,
    metadata: Option<UserMetadata>,
    identity: &str,
) {
    let started_event_id = match run.timers().get(&a.timer_id) {
        Some(timer) => timer.started_event_id,
        None => {
            let started = run.buffer().fired_timer(&a.timer_id).unwrap_or_default();
            run.unrecorded(UnrecordedChange::BufferedTimerRemoved(a.timer_id.clone()));
            started
        }
    };
    run.record_with(
        EventAttributes::TimerCanceledEventAttributes(Box::new(TimerCanceledEventAttributes {
            timer_id: a.timer_id,
            started_event_id,
            workflow_task_completed_event_id: completed_id,
            identity: identity.to_owned(),
        })),
        metadata,
    );
}
