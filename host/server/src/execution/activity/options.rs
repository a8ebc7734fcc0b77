//! UpdateActivityOptions: other timeouts, queues and retry policies for open activities. Histories do not say so.

use std::time::Duration;

use heck::ToLowerCamelCase as _;
use host_wire::{
    EventAttributes, Retry,
    temporal::api::{activity::v1::ActivityOptions, common::v1::RetryPolicy, failure::v1::Failure},
};
use prost_types::FieldMask;

use crate::{
    error::Error,
    execution::{
        activity::{
            attempt::ready_if_due,
            schedule::{Timeouts, normalised_timeouts},
            state::Activity,
        },
        fact::{ChangedActivityOptions, UnrecordedChange},
        priority,
        request::check_length,
        retry,
        run::Run,
        run_transition::RunTransition,
    },
    time::{Time, positive},
};

/// The options of an activity with those that a request changes.
///
/// # Errors
///
/// When the result is not valid, or the mask names something that the request does not give.
pub(crate) fn merged(
    activity: &Activity,
    given: &ActivityOptions,
    mask: &FieldMask,
) -> Result<ActivityOptions, Error> {
    let mut options = activity.options();
    for path in &mask.paths {
        let path: Vec<String> = path.split('.').map(|part| part.to_lower_camel_case()).collect();
        merge(&mut options, given, &path.join("."))?;
    }
    let queue = options.task_queue.as_ref().map_or("", |queue| &queue.name);
    if queue.is_empty() {
        return Err(Error::invalid("TaskQueue is not set on request."));
    }
    check_length("TaskQueue", queue)?;
    if let Some(wrong) = options.retry_policy.as_ref().and_then(retry::invalid) {
        return Err(Error::invalid(wrong));
    }
    priority::check(options.priority.as_ref())?;
    let timeouts = Timeouts {
        schedule_to_close: options.schedule_to_close_timeout,
        schedule_to_start: options.schedule_to_start_timeout,
        start_to_close: options.start_to_close_timeout,
        heartbeat: options.heartbeat_timeout,
    };
    if positive(timeouts.schedule_to_close).is_none() && positive(timeouts.start_to_close).is_none() {
        return Err(Error::invalid("A valid StartToClose or ScheduleToCloseTimeout is not set on request."));
    }
    let timeouts = normalised_timeouts(None, timeouts);
    options.schedule_to_close_timeout = timeouts.schedule_to_close;
    options.schedule_to_start_timeout = timeouts.schedule_to_start;
    options.start_to_close_timeout = timeouts.start_to_close;
    options.heartbeat_timeout = timeouts.heartbeat;
    Ok(options)
}

/// Changes what one path of a mask names, in the spelling of JSON.
fn merge(options: &mut ActivityOptions, given: &ActivityOptions, path: &str) -> Result<(), Error> {
    match path {
        "taskQueue.name" => {
            let queue =
                given.task_queue.as_ref().ok_or_else(|| Error::invalid("TaskQueue is not provided"))?;
            options.task_queue.get_or_insert_default().name.clone_from(&queue.name);
        }
        "scheduleToCloseTimeout" => options.schedule_to_close_timeout = given.schedule_to_close_timeout,
        "scheduleToStartTimeout" => options.schedule_to_start_timeout = given.schedule_to_start_timeout,
        "startToCloseTimeout" => options.start_to_close_timeout = given.start_to_close_timeout,
        "heartbeatTimeout" => options.heartbeat_timeout = given.heartbeat_timeout,
        "retryPolicy.initialInterval" => {
            policy(options).initial_interval = given_policy(given)?.initial_interval;
        }
        "retryPolicy.backoffCoefficient" => {
            policy(options).backoff_coefficient = given_policy(given)?.backoff_coefficient;
        }
        "retryPolicy.maximumInterval" => {
            policy(options).maximum_interval = given_policy(given)?.maximum_interval;
        }
        "retryPolicy.maximumAttempts" => {
            policy(options).maximum_attempts = given_policy(given)?.maximum_attempts;
        }
        // Temporal's server ignores others as well.
        _ => priority::merge(&mut options.priority, given.priority.as_ref(), path),
    }
    Ok(())
}

fn policy(options: &mut ActivityOptions) -> &mut RetryPolicy {
    options.retry_policy.get_or_insert_default()
}

fn given_policy(given: &ActivityOptions) -> Result<&RetryPolicy, Error> {
    given.retry_policy.as_ref().ok_or_else(|| Error::invalid("RetryPolicy is not provided"))
}

/// Gives an activity these options. One that waits may start at another time then.
pub(crate) fn change(run: &mut RunTransition<'_>, id: i64, mut options: ActivityOptions) {
    let Some(activity) = run.activities().get(id) else { return };
    let next_time =
        activity.started.is_none().then(|| next_time(activity, options.retry_policy.as_ref()).into());
    // A fact without a priority, of an earlier version, leaves it as it is.
    options.priority.get_or_insert_default();
    run.unrecorded(UnrecordedChange::ActivityOptions(Box::new(ChangedActivityOptions {
        scheduled_event_id: id,
        options: Some(options),
        next_time,
    })));
    ready_if_due(run, id);
}

/// The options with which an activity was scheduled.
///
/// # Errors
///
/// When the history does not have them.
pub(crate) fn original(run: &Run, activity: &Activity) -> Result<ActivityOptions, Error> {
    let event = run.history().event(activity.scheduled_event_id);
    match event.and_then(|event| event.attributes) {
        Some(EventAttributes::ActivityTaskScheduledEventAttributes(scheduled)) => {
            Ok(Activity { scheduled, ..activity.clone() }.options())
        }
        _ => Err(Error::no_such_activity()),
    }
}

/// When the current attempt may start by a policy: that long after the end of the last one.
fn next_time(activity: &Activity, policy: Option<&RetryPolicy>) -> Time {
    let last_end = activity.last_attempt_end.filter(|_| activity.attempt > 1);
    let backoff = policy.map(|policy| {
        let unlimited = RetryPolicy { maximum_attempts: 0, ..policy.clone() };
        match unlimited.next_attempt(activity.attempt - 1, &Failure::default()) {
            Retry::After(backoff) => backoff,
            Retry::No(_) => Duration::ZERO,
        }
    });
    match (last_end, backoff) {
        (Some(end), Some(backoff)) => end.after(backoff),
        _ => activity.attempt_time,
    }
}
