//! Activities that are not closed, and their attempts.

use host_wire::temporal::api::{
    activity::v1::ActivityOptions,
    common::v1::{Payloads, Priority},
    deployment::v1::WorkerDeploymentVersion,
    enums::v1::TimeoutType,
    failure::v1::Failure,
    history::v1::ActivityTaskScheduledEventAttributes,
    taskqueue::v1::TaskQueue,
};
use prost::Message;

use crate::{
    execution::{
        deadline::Deadline,
        fact::{
            ActivityHeartbeat, ActivityPaused, ActivityReset, ActivityStarted, ActivityUnpaused,
            AttemptFailed, ChangedActivityOptions,
        },
        open::{Item, Open},
        worker::Worker,
    },
    time::{Time, positive},
};

/// An activity that is not closed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Activity {
    /// What it was scheduled with, but for options that a client changed.
    pub(crate) scheduled: Box<ActivityTaskScheduledEventAttributes>,
    pub(crate) scheduled_event_id: i64,
    pub(crate) scheduled_time: Time,
    /// From 1.
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
    /// The version of that worker.
    pub(crate) last_deployment: Option<WorkerDeploymentVersion>,
    pub(crate) last_attempt_end: Option<Time>,
    /// 0: not requested.
    pub(crate) cancel_requested_event_id: i64,
    /// Raised by whatever makes tasks in queues stale that have the same attempt.
    pub(crate) stamp: i32,
    pub(crate) paused: Option<Pause>,
    /// Whether it was reset while a worker had it. `activity_reset` of a heartbeat's answer.
    pub(crate) was_reset: bool,
    /// Whether the next attempt begins without the details of heartbeats, for the same reason.
    pub(crate) forgets_heartbeat: bool,
}

/// Who paused an activity, when and why.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pause {
    pub(crate) time: Time,
    pub(crate) identity: String,
    pub(crate) reason: String,
}

/// The worker that has an attempt, and since when.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AttemptStart {
    pub(crate) time: Time,
    pub(crate) worker: Worker,
    pub(crate) request_id: String,
    /// The attempt as the worker knows it. A reset changes that of the activity.
    pub(crate) attempt: i32,
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
            last_deployment: None,
            last_attempt_end: None,
            cancel_requested_event_id: 0,
            stamp: 0,
            paused: None,
            was_reset: false,
            forgets_heartbeat: false,
        }
    }

    /// Whether the workflow asked for its cancellation.
    pub(crate) fn cancel_requested(&self) -> bool {
        self.cancel_requested_event_id != 0
    }

    fn forget_heartbeat(&mut self) {
        self.heartbeat_details = None;
        self.heartbeat_time = None;
    }

    /// The current attempt may start at a time, which Temporal's server treats as a retry without a failure.
    fn schedule_again(&mut self, time: Time) {
        self.stamp += 1;
        self.attempt_time = time;
        self.backing_off = true;
        self.last_failure = None;
        if self.forgets_heartbeat {
            self.forget_heartbeat();
        }
        self.was_reset = false;
        self.forgets_heartbeat = false;
    }

    /// Whether the current attempt waits for a worker.
    pub(crate) fn waits_for_worker(&self) -> bool {
        self.started.is_none() && !self.backing_off && self.paused.is_none()
    }

    /// The options that clients may change.
    pub(crate) fn options(&self) -> ActivityOptions {
        let queue = self.scheduled.task_queue.clone().unwrap_or_default();
        ActivityOptions {
            task_queue: Some(TaskQueue { normal_name: queue.name.clone(), name: queue.name, kind: 0 }),
            schedule_to_close_timeout: self.scheduled.schedule_to_close_timeout,
            schedule_to_start_timeout: self.scheduled.schedule_to_start_timeout,
            start_to_close_timeout: self.scheduled.start_to_close_timeout,
            heartbeat_timeout: self.scheduled.heartbeat_timeout,
            retry_policy: self.scheduled.retry_policy.clone(),
            priority: self.scheduled.priority.clone(),
            ..ActivityOptions::default()
        }
    }

    /// The end of the schedule-to-close timeout, after which no attempt may run.
    pub(crate) fn expires(&self) -> Option<Time> {
        positive(self.scheduled.schedule_to_close_timeout).map(|timeout| self.scheduled_time.after(timeout))
    }

    /// The next timeout, with its kind.
    fn timeout(&self) -> Option<(Time, TimeoutType)> {
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

impl Item for Activity {
    /// None while it is paused, as on Temporal's server: not even that of an attempt which a worker has.
    fn next_deadline(&self) -> Option<(Time, Deadline)> {
        if self.paused.is_some() {
            return None;
        }
        let id = self.scheduled_event_id;
        let retry = self.backing_off.then_some((self.attempt_time, Deadline::ActivityRetry(id)));
        let timeout = self.timeout().map(|(time, kind)| (time, Deadline::ActivityTimeout(id, kind)));
        retry.into_iter().chain(timeout).min_by_key(|(time, _)| *time)
    }

    /// Bytes of the last heartbeat and the last failure.
    fn kept_bytes(&self) -> usize {
        self.heartbeat_details.as_ref().map_or(0, Message::encoded_len)
            + self.last_failure.as_ref().map_or(0, Message::encoded_len)
            + self.paused.as_ref().map_or(0, |pause| pause.identity.len() + pause.reason.len())
    }
}

/// The open activities of a run, by the id of their scheduled event.
pub(crate) type Activities = Open<Activity>;

impl Activities {
    /// The activity with the id that its workflow gave it.
    pub(crate) fn by_id(&self, activity_id: &str) -> Option<&Activity> {
        self.iter().find(|activity| activity.scheduled.activity_id == activity_id)
    }

    pub(in crate::execution) fn scheduled(
        &mut self,
        id: i64,
        time: Time,
        scheduled: &ActivityTaskScheduledEventAttributes,
    ) {
        self.insert(id, Activity::new(id, time, scheduled));
    }

    pub(in crate::execution) fn cancel_requested(&mut self, event_id: i64, scheduled_event_id: i64) {
        self.change(scheduled_event_id, |activity| activity.cancel_requested_event_id = event_id);
    }

    pub(in crate::execution) fn attempt_started(&mut self, started: &ActivityStarted) {
        self.change(started.scheduled_event_id, |activity| {
            activity.last_worker_identity.clone_from(&started.identity);
            activity.last_deployment.clone_from(&started.deployment);
            activity.started = Some(AttemptStart {
                time: started.time.map(Time::from).unwrap_or_default(),
                worker: Worker {
                    identity: started.identity.clone(),
                    version: started.version.clone(),
                    deployment: started.deployment.clone(),
                    in_process: started.in_process,
                },
                request_id: started.request_id.clone(),
                attempt: activity.attempt,
            });
        });
    }

    pub(in crate::execution) fn heartbeat(&mut self, heartbeat: &ActivityHeartbeat) {
        self.change(heartbeat.scheduled_event_id, |activity| {
            activity.heartbeat_time = heartbeat.time.map(Time::from);
            activity.heartbeat_details.clone_from(&heartbeat.details);
        });
    }

    /// An attempt failed and the next one is arranged.
    pub(in crate::execution) fn retry(&mut self, retry: &AttemptFailed) {
        self.change(retry.scheduled_event_id, |activity| {
            activity.attempt += 1;
            activity.attempt_time = retry.next_time.map(Time::from).unwrap_or_default();
            activity.backing_off = true;
            activity.started = None;
            activity.last_attempt_end = retry.time.map(Time::from);
            activity.last_failure.clone_from(&retry.failure);
            if activity.forgets_heartbeat {
                activity.forget_heartbeat();
            }
            activity.was_reset = false;
            activity.forgets_heartbeat = false;
        });
    }

    pub(in crate::execution) fn paused(&mut self, paused: &ActivityPaused) {
        self.change(paused.scheduled_event_id, |activity| {
            activity.stamp += 1;
            activity.paused = Some(Pause {
                time: paused.time.map(Time::from).unwrap_or_default(),
                identity: paused.identity.clone(),
                reason: paused.reason.clone(),
            });
        });
    }

    pub(in crate::execution) fn unpaused(&mut self, unpaused: &ActivityUnpaused) {
        self.change(unpaused.scheduled_event_id, |activity| {
            activity.paused = None;
            activity.stamp += 1;
            if unpaused.resets_attempts {
                activity.attempt = 1;
            }
            if unpaused.resets_heartbeat {
                activity.forget_heartbeat();
            }
            if let Some(time) = unpaused.next_time {
                activity.schedule_again(time.into());
            }
        });
    }

    /// Back to the first attempt.
    pub(in crate::execution) fn reset_attempts(&mut self, reset: &ActivityReset) {
        self.change(reset.scheduled_event_id, |activity| {
            activity.attempt = 1;
            activity.was_reset = true;
            activity.forgets_heartbeat |= reset.resets_heartbeat;
            if let Some(time) = reset.next_time {
                activity.paused = None;
                activity.schedule_again(time.into());
            }
        });
    }

    pub(in crate::execution) fn options_changed(&mut self, changed: &ChangedActivityOptions) {
        let Some(options) = &changed.options else { return };
        self.change(changed.scheduled_event_id, |activity| {
            let scheduled = &mut activity.scheduled;
            if let (Some(queue), Some(given)) = (&mut scheduled.task_queue, &options.task_queue) {
                queue.name.clone_from(&given.name);
            }
            scheduled.schedule_to_close_timeout = options.schedule_to_close_timeout;
            scheduled.schedule_to_start_timeout = options.schedule_to_start_timeout;
            scheduled.start_to_close_timeout = options.start_to_close_timeout;
            scheduled.heartbeat_timeout = options.heartbeat_timeout;
            scheduled.retry_policy.clone_from(&options.retry_policy);
            if let Some(priority) = &options.priority {
                scheduled.priority = (*priority != Priority::default()).then(|| priority.clone());
            }
            activity.stamp += 1;
            if let Some(time) = changed.next_time {
                activity.schedule_again(time.into());
            }
        });
    }

    /// A reset made the run: all activities are scheduled anew.
    pub(in crate::execution) fn reset(&mut self, time: Time) {
        self.change_all(|activity| {
            activity.scheduled_time = time;
            activity.attempt_time = time;
        });
    }

    /// The backoff is over.
    pub(in crate::execution) fn ready(&mut self, scheduled_event_id: i64) {
        self.change(scheduled_event_id, |activity| activity.backing_off = false);
    }
}
