//! ScheduleActivityTask.

use std::time::Duration;

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::ScheduleActivityTaskCommandAttributes,
        enums::v1::{TaskQueueKind, WorkflowTaskFailedCause as Cause},
        history::v1::ActivityTaskScheduledEventAttributes,
        sdk::v1::UserMetadata,
        taskqueue::v1::TaskQueue,
    },
};

use crate::{
    execution::{
        plan::{Plan, Refused, bad, check_id, check_input},
        priority, retry,
        run::Run,
        run_transition::{Effect, RunTransition},
    },
    limits,
    time::{positive, stored},
};

const COMMAND: &str = "ScheduleActivityTaskCommand";

pub(crate) fn check(plan: &mut Plan<'_>, a: &ScheduleActivityTaskCommandAttributes) -> Result<(), Refused> {
    let cause = Cause::BadScheduleActivityAttributes;
    check_id(cause, "ActivityId", COMMAND, &a.activity_id)?;
    check_id(cause, "ActivityType", COMMAND, a.activity_type.as_ref().map_or("", |of| &of.name))?;
    if a.task_queue.as_ref().is_some_and(|queue| queue.name.len() > limits::ID_BYTES) {
        return Err(bad(cause, format!("TaskQueue on {COMMAND} exceeds length limit.")));
    }
    if positive(a.schedule_to_close_timeout).is_none() && positive(a.start_to_close_timeout).is_none() {
        return Err(bad(
            cause,
            "A valid StartToClose or ScheduleToCloseTimeout is not set on command. ActivityId=".to_owned()
                + &a.activity_id,
        ));
    }
    if let Some(wrong) = a.retry_policy.as_ref().and_then(retry::invalid) {
        return Err(bad(cause, wrong));
    }
    if let Some(wrong) = a.priority.as_ref().and_then(priority::invalid) {
        return Err(bad(cause, wrong));
    }
    check_input(cause, "ScheduleActivityTaskCommandAttributes.Input", a.input.as_ref(), a.header.as_ref())?;
    if plan.activities >= limits::PENDING {
        return Err(bad(
            Cause::PendingActivitiesLimitExceeded,
            format!("the number of pending activities, {}, has reached the limit", plan.activities),
        ));
    }
    if !plan.activity_ids.insert(a.activity_id.clone()) {
        return Err(bad(
            Cause::ScheduleActivityDuplicateId,
            format!("activity ID already exists: {}", a.activity_id),
        ));
    }
    plan.activities += 1;
    Ok(())
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    a: ScheduleActivityTaskCommandAttributes,
    metadata: Option<UserMetadata>,
    eager: &mut Vec<i64>,
) {
    let wants_eager = a.request_eager_execution;
    let scheduled = normalised(run, completed_id, a);
    let own_queue = scheduled.task_queue.as_ref().is_some_and(|queue| queue.name == run.start().queue_name());
    let id =
        run.record_with(EventAttributes::ActivityTaskScheduledEventAttributes(Box::new(scheduled)), metadata);
    if wants_eager && own_queue {
        eager.push(id);
    } else {
        run.effect(Effect::Activity(id));
    }
}

/// The timeouts of an activity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) schedule_to_close: Option<prost_types::Duration>,
    pub(crate) schedule_to_start: Option<prost_types::Duration>,
    pub(crate) start_to_close: Option<prost_types::Duration>,
    pub(crate) heartbeat: Option<prost_types::Duration>,
}

/// Normalises the timeouts as Temporal's server does: each is at most the run timeout, schedule-to-close bounds the
/// others and fills those that are not set.
pub(crate) fn normalised_timeouts(run_timeout: Option<Duration>, timeouts: Timeouts) -> Timeouts {
    let cut = |timeout: Duration| run_timeout.map_or(timeout, |run| timeout.min(run));
    let start_to_close = positive(timeouts.start_to_close).map(cut);
    let total = positive(timeouts.schedule_to_close).map(cut);
    let schedule_to_start = positive(timeouts.schedule_to_start).map(cut);
    let within = |timeout: Option<Duration>| match (timeout, total) {
        (Some(timeout), Some(total)) => Some(timeout.min(total)),
        (Some(timeout), None) => Some(timeout),
        (None, total) => total,
    };
    // Without schedule-to-close timeout, the run timeout bounds the activity.
    let (schedule_to_close, schedule_to_start, start_to_close) = match total {
        Some(total) => (Some(total), within(schedule_to_start), within(start_to_close)),
        None => (run_timeout, schedule_to_start.or(run_timeout), start_to_close),
    };
    let heartbeat = positive(timeouts.heartbeat).map(|timeout| {
        let timeout = cut(timeout);
        start_to_close.map_or(timeout, |bound| timeout.min(bound))
    });
    Timeouts {
        schedule_to_close: stored(schedule_to_close),
        schedule_to_start: stored(schedule_to_start),
        start_to_close: stored(start_to_close),
        heartbeat: stored(heartbeat),
    }
}

/// Normalises timeouts, and fills the retry policy and what else the command leaves out.
fn normalised(
    run: &Run,
    completed_id: i64,
    a: ScheduleActivityTaskCommandAttributes,
) -> ActivityTaskScheduledEventAttributes {
    let given = Timeouts {
        schedule_to_close: a.schedule_to_close_timeout,
        schedule_to_start: a.schedule_to_start_timeout,
        start_to_close: a.start_to_close_timeout,
        heartbeat: a.heartbeat_timeout,
    };
    let timeouts = normalised_timeouts(positive(run.start().attributes().workflow_run_timeout), given);
    let queue = a.task_queue.map(|queue| queue.name).filter(|name| !name.is_empty());
    ActivityTaskScheduledEventAttributes {
        activity_id: a.activity_id,
        activity_type: a.activity_type,
        task_queue: Some(TaskQueue {
            name: queue.unwrap_or_else(|| run.start().queue_name().to_owned()),
            kind: TaskQueueKind::Normal.into(),
            normal_name: String::new(),
        }),
        header: a.header,
        input: a.input,
        schedule_to_close_timeout: timeouts.schedule_to_close,
        schedule_to_start_timeout: timeouts.schedule_to_start,
        start_to_close_timeout: timeouts.start_to_close,
        heartbeat_timeout: timeouts.heartbeat,
        workflow_task_completed_event_id: completed_id,
        retry_policy: Some(a.retry_policy.unwrap_or_default().filled()),
        use_workflow_build_id: a.use_workflow_build_id,
        priority: a.priority,
    }
}
