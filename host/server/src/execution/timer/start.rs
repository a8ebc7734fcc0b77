//! StartTimer.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::StartTimerCommandAttributes, enums::v1::WorkflowTaskFailedCause as Cause,
        history::v1::TimerStartedEventAttributes, sdk::v1::UserMetadata,
    },
};

use crate::execution::{
    plan::{Plan, Refused, bad, check_id},
    run_transition::RunTransition,
};

pub(crate) fn check(plan: &mut Plan<'_>, a: &StartTimerCommandAttributes) -> Result<(), Refused> {
    let cause = Cause::BadStartTimerAttributes;
    check_id(cause, "TimerId", "StartTimerCommand", &a.timer_id)?;
    if !plan.timer_ids.insert(a.timer_id.clone()) {
        return Err(bad(Cause::StartTimerDuplicateId, format!("timer already exists: {}", a.timer_id)));
    }
    Ok(())
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    a: StartTimerCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    run.record_with(
        EventAttributes::TimerStartedEventAttributes(Box::new(TimerStartedEventAttributes {
            timer_id: a.timer_id,
            start_to_fire_timeout: a.start_to_fire_timeout,
            workflow_task_completed_event_id: completed_id,
        })),
        metadata,
    );
}
