//! RequestCancelActivityTask.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::RequestCancelActivityTaskCommandAttributes,
        enums::v1::WorkflowTaskFailedCause as Cause,
        history::v1::{ActivityTaskCancelRequestedEventAttributes, ActivityTaskCanceledEventAttributes},
        sdk::v1::UserMetadata,
    },
};

use crate::execution::{
    activity::state::Activity,
    buffer::flush::closes,
    details,
    plan::{Plan, Refused, bad},
    run_transition::RunTransition,
    workflow_task::schedule::schedule_task,
};

/// Details of `ActivityTaskCanceled` where no worker had the activity, as Temporal's server writes them.
const NOT_STARTED: &str = "ACTIVITY_ID_NOT_STARTED";

pub(crate) fn check(
    plan: &mut Plan<'_>,
    a: &RequestCancelActivityTaskCommandAttributes,
) -> Result<(), Refused> {
    let cause = Cause::BadRequestCancelActivityAttributes;
    if a.scheduled_event_id <= 0 {
        return Err(bad(cause, "ScheduledEventId is not set on RequestCancelActivityTaskCommand."));
    }
    if let Some(activity) = plan.run.activities().get(a.scheduled_event_id) {
        if activity.started.is_none() {
            plan.activity_ids.remove(&activity.scheduled.activity_id);
        }
        return Ok(());
    }
    // The activity closed while the worker had the workflow task: the command is too late, but valid.
    if plan.run.buffer().events().iter().any(|event| closes(event) == Some(a.scheduled_event_id)) {
        return Ok(());
    }
    Err(bad(cause, format!("no activity was scheduled by event {}", a.scheduled_event_id)))
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    a: &RequestCancelActivityTaskCommandAttributes,
    metadata: Option<UserMetadata>,
    identity: &str,
) {
    let scheduled_event_id = a.scheduled_event_id;
    let already = run.activities().get(scheduled_event_id).is_some_and(Activity::cancel_requested);
    if already {
        return;
    }
    let requested_id = run.record_with(
        EventAttributes::ActivityTaskCancelRequestedEventAttributes(Box::new(
            ActivityTaskCancelRequestedEventAttributes {
                scheduled_event_id,
                workflow_task_completed_event_id: completed_id,
            },
        )),
        metadata,
    );
    let Some(activity) = run.activities().get(scheduled_event_id) else { return };
    if activity.started.is_some() {
        return;
    }
    // This event follows from the command, so it comes after the events of all commands.
    run.record_after_commands(EventAttributes::ActivityTaskCanceledEventAttributes(Box::new(
        ActivityTaskCanceledEventAttributes {
            details: Some(details::text(NOT_STARTED)),
            latest_cancel_requested_event_id: requested_id,
            scheduled_event_id,
            started_event_id: 0,
            identity: identity.to_owned(),
            worker_version: None,
        },
    )));
    schedule_task(run);
}
