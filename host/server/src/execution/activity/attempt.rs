//! Attempts of activities: started, ended, timed out, tried again.
//!
//! `ActivityTaskStarted` is recorded together with the closing event: only the last attempt is in the history.

use std::time::Duration;

use host_wire::{
    EventAttributes, Retry,
    temporal::api::{
        common::v1::{Payloads, RetryPolicy},
        deployment::v1::WorkerDeploymentVersion,
        enums::v1::{RetryState, TimeoutType, VersioningBehavior},
        failure::v1::{Failure, TimeoutFailureInfo, failure::FailureInfo},
        history::v1::{
            ActivityTaskCanceledEventAttributes, ActivityTaskCompletedEventAttributes,
            ActivityTaskFailedEventAttributes, ActivityTaskStartedEventAttributes,
            ActivityTaskTimedOutEventAttributes,
        },
    },
};

use crate::{
    execution::{
        activity::state::Activity,
        fact::{ActivityHeartbeat, ActivityStarted, AttemptFailed, UnrecordedChange},
        failure::within,
        record::RunNumber,
        retry::{DelayBound, next_attempt},
        run_transition::{Effect, RunTransition},
        transition::Transition,
        versioning::transition::begin,
        worker::Worker,
        workflow_task::schedule::schedule_task,
    },
    limits,
    matching::routing::version_for,
    time::Time,
};

/// The end of an attempt, as its worker reported it.
#[derive(Debug)]
pub(crate) enum AttemptEnd {
    Completed(Option<Payloads>),
    Failed { failure: Box<Failure>, heartbeat_details: Option<Payloads> },
    Canceled(Option<Payloads>),
}

/// Whether an activity of a run may start at a worker of a version. Not while the run is on its way to another version.
/// Where the worker is of the version that the run should be on, the run is on its way there from now on.
pub(crate) fn may_start(
    transition: &mut Transition<'_>,
    number: RunNumber,
    version: Option<&WorkerDeploymentVersion>,
) -> bool {
    let run = transition.run(number);
    if run.versioning().transition().is_some() {
        return false;
    }
    if run.effective_version() == version || run.versioning_behavior() == VersioningBehavior::Pinned {
        return true;
    }
    let target = version_for(transition.executions(), run, run.start().queue_name(), false);
    if target.as_ref() != version {
        // The activity has versions of its own.
        return true;
    }
    transition.change(number, |run| {
        begin(run, version);
        schedule_task(run);
    });
    false
}

/// Starts an attempt for a worker; false when this attempt is not waiting for a worker any more.
/// `attempt` is its number, and the stamp of the activity when it began to wait.
pub(crate) fn start(run: &mut RunTransition<'_>, id: i64, attempt: (i32, i32), worker: &Worker) -> bool {
    let Some(activity) = run.activities().get(id) else { return false };
    if (activity.attempt, activity.stamp) != attempt || !activity.waits_for_worker() {
        return false;
    }
    let request_id = run.new_id();
    run.unrecorded(UnrecordedChange::ActivityStarted(ActivityStarted {
        scheduled_event_id: id,
        time: Some(run.now().into()),
        identity: worker.identity.clone(),
        request_id,
        version: worker.version.clone(),
        in_process: worker.in_process,
        deployment: worker.deployment.clone(),
    }));
    true
}

/// Keeps the details of a heartbeat. The caller has checked that the activity is open.
pub(crate) fn heartbeat(run: &mut RunTransition<'_>, id: i64, details: Option<Payloads>) {
    run.unrecorded(UnrecordedChange::ActivityHeartbeat(ActivityHeartbeat {
        scheduled_event_id: id,
        time: Some(run.now().into()),
        details,
    }));
}

/// Ends the current attempt: the activity closes, or is tried again.
pub(crate) fn end(run: &mut RunTransition<'_>, id: i64, end: AttemptEnd, worker: &Worker) {
    let Some(activity) = run.activities().get(id) else { return };
    let canceled_by = activity.cancel_requested_event_id;
    match end {
        AttemptEnd::Completed(result) => {
            let started_event_id = record_started(run, id, worker);
            run.record(EventAttributes::ActivityTaskCompletedEventAttributes(Box::new(
                ActivityTaskCompletedEventAttributes {
                    result,
                    scheduled_event_id: id,
                    started_event_id,
                    identity: worker.identity.clone(),
                    worker_version: None,
                },
            )));
        }
        AttemptEnd::Canceled(details) => {
            let started_event_id = record_started(run, id, &Worker::default());
            run.record(EventAttributes::ActivityTaskCanceledEventAttributes(Box::new(
                ActivityTaskCanceledEventAttributes {
                    details,
                    latest_cancel_requested_event_id: canceled_by,
                    scheduled_event_id: id,
                    started_event_id,
                    identity: worker.identity.clone(),
                    worker_version: None,
                },
            )));
        }
        AttemptEnd::Failed { failure, heartbeat_details } => {
            if heartbeat_details.is_some() {
                heartbeat(run, id, heartbeat_details);
            }
            let retry_state = match retry(run, id, &failure) {
                RetryState::InProgress => return,
                state => state,
            };
            let started_event_id = record_started(run, id, worker);
            run.record(EventAttributes::ActivityTaskFailedEventAttributes(Box::new(
                ActivityTaskFailedEventAttributes {
                    failure: Some(*failure),
                    scheduled_event_id: id,
                    started_event_id,
                    identity: worker.identity.clone(),
                    retry_state: retry_state.into(),
                    ..Default::default()
                },
            )));
        }
    }
    schedule_task(run);
}

/// Times out the current attempt (start-to-close, heartbeat), which may be tried again, or the activity.
pub(crate) fn time_out(run: &mut RunTransition<'_>, id: i64, kind: TimeoutType) {
    let Some(activity) = run.activities().get(id) else { return };
    let mut failure = timeout_failure(kind, activity.heartbeat_details.clone());
    let retry_state = match kind {
        TimeoutType::StartToClose | TimeoutType::Heartbeat => retry(run, id, &failure),
        _ => RetryState::NonRetryableFailure,
    };
    if retry_state == RetryState::InProgress {
        return;
    }
    let Some(activity) = run.activities().get(id) else { return };
    if retry_state == RetryState::Timeout {
        failure = timeout_failure(TimeoutType::ScheduleToClose, activity.heartbeat_details.clone());
    }
    failure.cause = activity.last_failure.clone().map(Box::new);
    let started_event_id = record_started(run, id, &Worker::default());
    run.record(EventAttributes::ActivityTaskTimedOutEventAttributes(Box::new(
        ActivityTaskTimedOutEventAttributes {
            failure: Some(failure),
            scheduled_event_id: id,
            started_event_id,
            retry_state: retry_state.into(),
        },
    )));
    schedule_task(run);
}

/// Ends the backoff: the attempt waits for a worker.
pub(crate) fn ready(run: &mut RunTransition<'_>, id: i64) {
    run.unrecorded(UnrecordedChange::ActivityReady(id));
    run.effect(Effect::Activity(id));
}

/// As [`ready`], if the time of the attempt has come and the activity is not paused.
pub(crate) fn ready_if_due(run: &mut RunTransition<'_>, id: i64) {
    let now = run.now();
    let is_due = run.activities().get(id).is_some_and(|activity| {
        activity.backing_off && activity.paused.is_none() && activity.attempt_time <= now
    });
    if is_due {
        ready(run, id);
    }
}

/// Arranges the next attempt if the retry policy allows one; answers `InProgress` then.
fn retry(run: &mut RunTransition<'_>, id: i64, failure: &Failure) -> RetryState {
    let Some(activity) = run.activities().get(id) else { return RetryState::Timeout };
    if activity.cancel_requested_event_id != 0 {
        return RetryState::CancelRequested;
    }
    let now = run.now();
    let retry = if activity.paused.is_some() {
        retry_of_paused(activity, failure)
    } else {
        next_retry(activity, failure, now)
    };
    match retry {
        Retry::No(state) => state,
        Retry::After(backoff) => {
            run.unrecorded(UnrecordedChange::ActivityRetry(Box::new(AttemptFailed {
                scheduled_event_id: id,
                time: Some(run.now().into()),
                next_time: Some(run.now().after(backoff).into()),
                failure: Some(within(failure, limits::ACTIVITY_FAILURE_BYTES)),
            })));
            ready_if_due(run, id);
            RetryState::InProgress
        }
    }
}

/// A paused activity waits with its next attempt until it is unpaused, whatever the number of attempts.
fn retry_of_paused(activity: &Activity, failure: &Failure) -> Retry {
    let unlimited =
        activity.scheduled.retry_policy.clone().map(|policy| RetryPolicy { maximum_attempts: 0, ..policy });
    match unlimited.map(|policy| policy.next_attempt(1, failure)) {
        None => Retry::No(RetryState::RetryPolicyNotSet),
        Some(Retry::No(state)) => Retry::No(state),
        Some(Retry::After(_)) => Retry::After(Duration::ZERO),
    }
}

fn next_retry(activity: &Activity, failure: &Failure, now: Time) -> Retry {
    let policy = activity.scheduled.retry_policy.as_ref();
    next_attempt(policy, activity.attempt, failure, DelayBound::Unbounded, activity.expires(), now)
}

/// Records `ActivityTaskStarted` of the attempt that closes the activity; answers its event id, or 0 when the attempt
/// never started. Like that of Temporal's server, the event names the build of the worker that completes or fails the
/// attempt, and no build after a timeout or a cancellation.
fn record_started(run: &mut RunTransition<'_>, id: i64, closing: &Worker) -> i64 {
    let Some(activity) = run.activities().get(id) else { return 0 };
    let Some(started) = &activity.started else { return 0 };
    let attributes = ActivityTaskStartedEventAttributes {
        scheduled_event_id: id,
        identity: started.worker.identity.clone(),
        worker_version: closing.version.clone(),
        request_id: started.request_id.clone(),
        attempt: activity.attempt,
        last_failure: activity.last_failure.clone(),
        ..Default::default()
    };
    let time = started.time;
    run.record_at(time, EventAttributes::ActivityTaskStartedEventAttributes(Box::new(attributes)))
}

fn timeout_failure(kind: TimeoutType, last_heartbeat_details: Option<Payloads>) -> Failure {
    let name = match kind {
        TimeoutType::StartToClose => "StartToClose",
        TimeoutType::ScheduleToStart => "ScheduleToStart",
        TimeoutType::ScheduleToClose => "ScheduleToClose",
        TimeoutType::Heartbeat => "Heartbeat",
        TimeoutType::Unspecified => "Unspecified",
    };
    Failure {
        message: format!("activity {name} timeout"),
        source: "Server".to_owned(),
        failure_info: Some(FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
            timeout_type: kind.into(),
            last_heartbeat_details,
        })),
        ..Failure::default()
    }
}
