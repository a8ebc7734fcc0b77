//! Activities of a run: attempts, retries, timeouts, heartbeats, cancellation.
//!
//! `ActivityTaskStarted` is recorded together with the closing event: only the last attempt is in
//! the history.

pub(crate) mod request_cancel;
pub(crate) mod respond;
pub(crate) mod schedule;
#[cfg(test)]
mod tests;

use std::time::Duration;

use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::Payloads,
        enums::v1::{RetryState, TimeoutType},
        failure::v1::{Failure, TimeoutFailureInfo, failure::FailureInfo},
        history::v1::{
            ActivityTaskCanceledEventAttributes, ActivityTaskCompletedEventAttributes,
            ActivityTaskFailedEventAttributes, ActivityTaskScheduledEventAttributes,
            ActivityTaskStartedEventAttributes, ActivityTaskTimedOutEventAttributes,
        },
    },
};

use crate::{
    execution::{
        fact::{ActivityHeartbeat, ActivityRetry, ActivityStarted, UnrecordedChange},
        retry::{Retry, activity_retry},
        run::Run,
        run_transition::{Effect, RunTransition},
        worker::Worker,
    },
    time::{Time, positive},
};

/// An activity that is not closed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Activity {
    pub(crate) scheduled: Box<ActivityTaskScheduledEventAttributes>,
    pub(crate) scheduled_event_id: i64,
    pub(crate) scheduled_time: Time,
    pub(crate) attempt: i32,
    /// When the current attempt could start.
    pub(crate) attempt_time: Time,
    /// Whether that is still to come.
    pub(crate) backing_off: bool,
    pub(crate) started: Option<AttemptStart>,
    pub(crate) heartbeat_time: Option<Time>,
    pub(crate) heartbeat_details: Option<Payloads>,
    pub(crate) last_failure: Option<Failure>,
    pub(crate) last_worker_identity: String,
    pub(crate) last_attempt_end: Option<Time>,
    /// 0: not requested.
    pub(crate) cancel_requested_event_id: i64,
}

/// Who works on an attempt, since when.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AttemptStart {
    pub(crate) time: Time,
    pub(crate) worker: Worker,
    pub(crate) request_id: String,
}

/// How an attempt ended, as its worker says.
#[derive(Debug)]
pub(crate) enum AttemptEnd {
    Completed(Option<Payloads>),
    Failed { failure: Box<Failure>, heartbeat_details: Option<Payloads> },
    Canceled(Option<Payloads>),
}

impl Activity {
    /// When no attempt may run any more.
    pub(crate) fn expires(&self) -> Option<Time> {
        positive(self.scheduled.schedule_to_close_timeout).map(|timeout| self.scheduled_time.after(timeout))
    }

    /// The next timeout, with its kind.
    pub(crate) fn timeout(&self) -> Option<(Time, TimeoutType)> {
        let total = self.expires().map(|time| (time, TimeoutType::ScheduleToClose));
        // What is due at the same time comes in this order.
        let all = match &self.started {
            None if self.backing_off => [total, None, None],
            None => [
                positive(self.scheduled.schedule_to_start_timeout)
                    .map(|timeout| (self.attempt_time.after(timeout), TimeoutType::ScheduleToStart)),
                total,
                None,
            ],
            Some(started) => [
                total,
                positive(self.scheduled.start_to_close_timeout)
                    .map(|timeout| (started.time.after(timeout), TimeoutType::StartToClose)),
                positive(self.scheduled.heartbeat_timeout).map(|timeout| {
                    let alive = self.heartbeat_time.map_or(started.time, |time| time.max(started.time));
                    (alive.after(timeout), TimeoutType::Heartbeat)
                }),
            ],
        };
        all.into_iter().flatten().min_by_key(|(time, _)| *time)
    }
}

impl Run {
    pub(crate) fn absorb_activity(&mut self, id: i64, time: Time, attributes: &EventAttributes) -> bool {
        let closed = match attributes {
            EventAttributes::ActivityTaskScheduledEventAttributes(scheduled) => {
                self.activities.insert(id, Activity::new(id, time, scheduled));
                return true;
            }
            EventAttributes::ActivityTaskCancelRequestedEventAttributes(requested) => {
                if let Some(activity) = self.activities.get_mut(&requested.scheduled_event_id) {
                    activity.cancel_requested_event_id = id;
                }
                return true;
            }
            EventAttributes::ActivityTaskStartedEventAttributes(_) => return true,
            EventAttributes::ActivityTaskCompletedEventAttributes(closed) => closed.scheduled_event_id,
            EventAttributes::ActivityTaskFailedEventAttributes(closed) => closed.scheduled_event_id,
            EventAttributes::ActivityTaskTimedOutEventAttributes(closed) => closed.scheduled_event_id,
            EventAttributes::ActivityTaskCanceledEventAttributes(closed) => closed.scheduled_event_id,
            _ => return false,
        };
        self.activities.remove(&closed);
        true
    }

    pub(crate) fn note_activity(&mut self, note: &UnrecordedChange) {
        match note {
            UnrecordedChange::ActivityStarted(started) => {
                if let Some(activity) = self.activities.get_mut(&started.scheduled_event_id) {
                    activity.last_worker_identity.clone_from(&started.identity);
                    activity.started = Some(AttemptStart {
                        time: started.time.map(Time::from).unwrap_or_default(),
                        worker: Worker {
                            identity: started.identity.clone(),
                            version: started.version.clone(),
                            in_process: started.in_process,
                        },
                        request_id: started.request_id.clone(),
                    });
                }
            }
            UnrecordedChange::ActivityHeartbeat(heartbeat) => {
                if let Some(activity) = self.activities.get_mut(&heartbeat.scheduled_event_id) {
                    activity.heartbeat_time = heartbeat.time.map(Time::from);
                    activity.heartbeat_details.clone_from(&heartbeat.details);
                }
            }
            UnrecordedChange::ActivityRetry(retry) => {
                if let Some(activity) = self.activities.get_mut(&retry.scheduled_event_id) {
                    activity.attempt += 1;
                    activity.attempt_time = retry.next_time.map(Time::from).unwrap_or_default();
                    activity.backing_off = true;
                    activity.started = None;
                    activity.last_attempt_end = retry.time.map(Time::from);
                    activity.last_failure.clone_from(&retry.failure);
                }
            }
            UnrecordedChange::ActivityReady(scheduled_event_id) => {
                if let Some(activity) = self.activities.get_mut(scheduled_event_id) {
                    activity.backing_off = false;
                }
            }
            _ => {}
        }
    }
}

impl Activity {
    fn new(id: i64, time: Time, scheduled: &ActivityTaskScheduledEventAttributes) -> Self {
        Self {
            scheduled: Box::new(scheduled.clone()),
            scheduled_event_id: id,
            scheduled_time: time,
            attempt: 1,
            attempt_time: time,
            backing_off: false,
            started: None,
            heartbeat_time: None,
            heartbeat_details: None,
            last_failure: None,
            last_worker_identity: String::new(),
            last_attempt_end: None,
            cancel_requested_event_id: 0,
        }
    }
}

impl RunTransition<'_> {
    /// Hands the current attempt to a worker; false when there is none to hand out.
    pub(crate) fn start_activity(&mut self, id: i64, attempt: i32, worker: &Worker) -> bool {
        let Some(activity) = self.state.activities.get(&id) else { return false };
        if activity.attempt != attempt || activity.started.is_some() || activity.backing_off {
            return false;
        }
        let request_id = self.new_id();
        self.note(UnrecordedChange::ActivityStarted(ActivityStarted {
            scheduled_event_id: id,
            time: Some(self.now.into()),
            identity: worker.identity.clone(),
            request_id,
            version: worker.version.clone(),
            in_process: worker.in_process,
        }));
        true
    }

    /// Keeps the details of a heartbeat; an activity that is not there is the caller's to refuse.
    pub(crate) fn activity_heartbeat(&mut self, id: i64, details: Option<Payloads>) {
        self.note(UnrecordedChange::ActivityHeartbeat(ActivityHeartbeat {
            scheduled_event_id: id,
            time: Some(self.now.into()),
            details,
        }));
    }

    /// What a worker says about the attempt that it was given.
    pub(crate) fn end_attempt(&mut self, id: i64, end: AttemptEnd, worker: &Worker) {
        let Some(activity) = self.state.activities.get(&id) else { return };
        let canceled_by = activity.cancel_requested_event_id;
        match end {
            AttemptEnd::Completed(result) => {
                let started_event_id = self.record_activity_started(id, worker);
                self.record(EventAttributes::ActivityTaskCompletedEventAttributes(Box::new(
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
                let started_event_id = self.record_activity_started(id, &Worker::default());
                self.record(EventAttributes::ActivityTaskCanceledEventAttributes(Box::new(
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
                    self.activity_heartbeat(id, heartbeat_details);
                }
                let retry_state = match self.retry_activity(id, &failure) {
                    RetryState::InProgress => return,
                    state => state,
                };
                let started_event_id = self.record_activity_started(id, worker);
                self.record(EventAttributes::ActivityTaskFailedEventAttributes(Box::new(
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
        self.schedule_task();
    }

    /// A timeout of the current attempt, or of all of them.
    pub(crate) fn time_out_activity(&mut self, id: i64, kind: TimeoutType) {
        let Some(activity) = self.state.activities.get(&id) else { return };
        let mut failure = timeout_failure(kind, activity.heartbeat_details.clone());
        let retry_state = match kind {
            TimeoutType::StartToClose | TimeoutType::Heartbeat => self.retry_activity(id, &failure),
            _ => RetryState::NonRetryableFailure,
        };
        if retry_state == RetryState::InProgress {
            return;
        }
        let Some(activity) = self.state.activities.get(&id) else { return };
        if retry_state == RetryState::Timeout {
            failure = timeout_failure(TimeoutType::ScheduleToClose, activity.heartbeat_details.clone());
        }
        failure.cause = activity.last_failure.clone().map(Box::new);
        let started_event_id = self.record_activity_started(id, &Worker::default());
        self.record(EventAttributes::ActivityTaskTimedOutEventAttributes(Box::new(
            ActivityTaskTimedOutEventAttributes {
                failure: Some(failure),
                scheduled_event_id: id,
                started_event_id,
                retry_state: retry_state.into(),
            },
        )));
        self.schedule_task();
    }

    /// The backoff of an attempt is over.
    pub(crate) fn activity_ready(&mut self, id: i64) {
        self.note(UnrecordedChange::ActivityReady(id));
        self.effect(Effect::Activity(id));
    }

    /// Arranges another attempt if there is to be one.
    fn retry_activity(&mut self, id: i64, failure: &Failure) -> RetryState {
        let Some(activity) = self.state.activities.get(&id) else { return RetryState::Timeout };
        if activity.cancel_requested_event_id != 0 {
            return RetryState::CancelRequested;
        }
        match activity_retry(activity, failure, self.now) {
            Retry::No(state) => state,
            Retry::After(backoff) => {
                self.note(UnrecordedChange::ActivityRetry(Box::new(ActivityRetry {
                    scheduled_event_id: id,
                    time: Some(self.now.into()),
                    next_time: Some(self.now.after(backoff).into()),
                    failure: Some(failure.clone()),
                })));
                if backoff == Duration::ZERO {
                    self.activity_ready(id);
                }
                RetryState::InProgress
            }
        }
    }

    /// The started event of the attempt that is about to close; 0 when it never started. As Temporal's it has
    /// the build of the worker that completes or fails it, and else none.
    fn record_activity_started(&mut self, id: i64, closing: &Worker) -> i64 {
        let Some(activity) = self.state.activities.get(&id) else { return 0 };
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
        self.record_at(time, EventAttributes::ActivityTaskStartedEventAttributes(Box::new(attributes)))
    }
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
