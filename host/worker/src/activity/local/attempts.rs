//! One local activity: its slots, attempts, pauses and timeouts. The service knows nothing of it, so the host enforces
//! all of them, by the rules of Temporal's SDKs.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use guest_sdk_types::{Payload, Priority};
use host_activities::{ActivityInfo, ActivityTask, CancelReason, Executors, Outcome, failure_type};
use host_core::{LocalActivity, LocalActivityResult, Outcome as Resolution};
use host_wire::{
    Retry, payloads_from_proto, payloads_to_proto, positive_duration_from_proto,
    temporal::api::{
        common::v1::{Payloads, RetryPolicy},
        enums::v1::TimeoutType,
        failure::v1::{CanceledFailureInfo, Failure, TimeoutFailureInfo, failure::FailureInfo},
    },
    timestamp_from_proto, timestamp_to_proto,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::LocalRun;
use crate::deadline::at;

/// Default of `local_retry_threshold`, as in Temporal's SDKs: a longer pause is a timer of the workflow.
const DEFAULT_RETRY_THRESHOLD: Duration = Duration::from_secs(60);

/// What a run asks of a local activity that it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It goes on.
    No,
    /// To cancel it; its end is reported.
    Cancel,
}

/// One local activity, from its request to its result.
pub(super) struct LocalAttempts {
    seq: u32,
    activity: LocalActivity,
    run: Arc<LocalRun>,
    stop: watch::Receiver<Stop>,
    policy: RetryPolicy,
    /// When it was asked for, in this task or, after a timer, in an earlier one.
    scheduled: SystemTime,
    begun: Instant,
    /// The end of schedule-to-close.
    expires: Option<Instant>,
}

/// The end of an attempt.
enum Attempted {
    /// There is no other one, whatever the retry policy says.
    Closed(Resolution),
    /// The retry policy decides.
    Failed(Box<Failure>),
    /// The run does not want the result, or the host stops.
    Dropped,
}

/// The end of a wait between two attempts, or for a slot.
enum Waited<T> {
    Done(T),
    Expired,
    Cancelled,
    Dropped,
}

impl LocalAttempts {
    pub(super) fn new(
        seq: u32,
        activity: LocalActivity,
        run: Arc<LocalRun>,
        stop: watch::Receiver<Stop>,
    ) -> Self {
        let (now, begun) = (SystemTime::now(), Instant::now());
        let scheduled = activity.original_schedule_time.map_or(now, timestamp_from_proto);
        let waited = now.duration_since(scheduled).unwrap_or_default();
        let expires = positive_duration_from_proto(activity.schedule_to_close_timeout)
            .and_then(|timeout| begun.checked_add(timeout.saturating_sub(waited)));
        let policy = activity.retry_policy.clone().unwrap_or_default().filled();
        Self { seq, activity, run, stop, policy, scheduled, begun, expires }
    }

    /// Runs it until it closes. Nothing if the result is not wanted.
    pub(super) async fn run(mut self) -> Option<LocalActivityResult> {
        let mut attempt = self.activity.attempt.max(1);
        loop {
            let failure = match self.attempt(attempt).await {
                Attempted::Closed(resolution) => return Some(self.result(attempt, resolution, None)),
                Attempted::Failed(failure) => failure,
                Attempted::Dropped => return None,
            };
            let (seq, activity_type) = (self.seq, &self.activity.activity_type);
            let workflow_id = &self.run.workflow_id;
            let pause = self.pause(attempt, &failure);
            let message = &failure.message;
            tracing::warn!(
                workflow_id,
                activity_type,
                seq,
                attempt,
                ?pause,
                error = message,
                "local activity failed"
            );
            let failed = Resolution::Failed(failure);
            let Some(pause) = pause else { return Some(self.result(attempt, failed, None)) };
            let threshold = positive_duration_from_proto(self.activity.local_retry_threshold);
            if pause > threshold.unwrap_or(DEFAULT_RETRY_THRESHOLD) {
                return Some(self.result(attempt, failed, Some(pause)));
            }
            match self.wait(sleep(pause)).await {
                Waited::Done(()) => attempt = attempt.saturating_add(1),
                Waited::Expired => {
                    let expired = timed_out(TimeoutType::ScheduleToClose);
                    return Some(self.result(attempt, Resolution::Failed(expired), None));
                }
                Waited::Cancelled => return Some(self.result(attempt, cancelled(Vec::new()), None)),
                Waited::Dropped => return None,
            }
        }
    }

    /// The pause until the next attempt. Nothing if there is none, also because the time for all attempts would end
    /// before: then the failure says more than a timeout.
    fn pause(&self, attempt: u32, failure: &Failure) -> Option<Duration> {
        match self.policy.next_attempt(i32::try_from(attempt).unwrap_or(i32::MAX), failure) {
            Retry::No(_) => None,
            Retry::After(pause) => {
                let next = Instant::now().checked_add(pause);
                let is_late = self.expires.is_some_and(|expires| next.is_none_or(|next| next >= expires));
                (!is_late).then_some(pause)
            }
        }
    }

    async fn attempt(&mut self, attempt: u32) -> Attempted {
        let kind = match &self.run.executors {
            None => Err("this host has no activities".to_owned()),
            Some(executors) => executors
                .registry()
                .find(&self.activity.activity_type)
                .map(|definition| (executors.clone(), definition.kind()))
                .map_err(|error| error.to_string()),
        };
        let (executors, kind) = match kind {
            Ok(found) => found,
            Err(error) => return Attempted::Closed(self.no_function(&error)),
        };
        let to_start = positive_duration_from_proto(self.activity.schedule_to_start_timeout);
        let reserved = async {
            let slot = executors.reserve_local(kind);
            match to_start {
                Some(to_start) => timeout(to_start, slot).await.map_err(|_| TimeoutType::ScheduleToStart),
                None => Ok(slot.await),
            }
        };
        let failed = |timeout| Attempted::Failed(timed_out(timeout));
        match self.wait(reserved).await {
            Waited::Done(Ok(Some(slot))) => self.execute(executors.clone(), slot, attempt).await,
            Waited::Done(Err(timeout)) => failed(timeout),
            Waited::Expired => failed(TimeoutType::ScheduleToClose),
            Waited::Cancelled => Attempted::Closed(cancelled(Vec::new())),
            Waited::Done(Ok(None)) | Waited::Dropped => Attempted::Dropped,
        }
    }

    /// Runs an attempt. One that does not end in time goes on in its slot until it does; its end counts for nothing.
    async fn execute(
        &mut self,
        executors: Executors,
        mut slot: host_activities::Slot,
        attempt: u32,
    ) -> Attempted {
        let task = self.task(attempt);
        let to_close =
            task.info.start_to_close_timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let (stop, stopped) = watch::channel(None);
        let stopping = executors.clone();
        let mut running = tokio::spawn(async move { executors.run_local(&mut slot, task, stopped).await });
        loop {
            tokio::select! {
                biased;
                // The next host that works on the run executes it again.
                () = stopping.stopping() => return Attempted::Dropped,
                outcome = &mut running => {
                    return match outcome {
                        Ok(outcome) => self.ended(outcome),
                        Err(error) => Attempted::Failed(application(failure_type::PANIC, error.to_string())),
                    };
                }
                () = at(self.expires) => {
                    stop.send_replace(Some(CancelReason::TimedOut));
                    return Attempted::Failed(timed_out(TimeoutType::ScheduleToClose));
                }
                () = at(to_close) => {
                    stop.send_replace(Some(CancelReason::TimedOut));
                    return Attempted::Failed(timed_out(TimeoutType::StartToClose));
                }
                request = next_request(&mut self.stop) => match request {
                    Some(()) => drop(stop.send_replace(Some(CancelReason::Requested))),
                    None => {
                        stop.send_replace(Some(CancelReason::NotFound));
                        return Attempted::Dropped;
                    }
                },
            }
        }
    }

    fn ended(&self, outcome: Outcome) -> Attempted {
        match outcome {
            Outcome::Completed(result) => {
                let result = payloads_to_proto(vec![result]).and_then(|mut all| all.payloads.pop());
                Attempted::Closed(Resolution::Completed(result))
            }
            Outcome::Cancelled { details } => Attempted::Closed(cancelled(details)),
            Outcome::Failed { failure, .. } => Attempted::Failed(Box::new((*failure).into())),
            Outcome::Lost(_) => Attempted::Failed(timed_out(TimeoutType::StartToClose)),
            Outcome::WillCompleteAsync => {
                let message = format!(
                    "local activity `{}` cannot be completed from outside: call it as an activity",
                    self.activity.activity_type
                );
                Attempted::Failed(application(failure_type::COMPLETES_ASYNC, message))
            }
        }
    }

    /// Waits for `what`, unless the local activity ends before.
    async fn wait<T>(&mut self, what: impl Future<Output = T>) -> Waited<T> {
        tokio::select! {
            biased;
            done = what => Waited::Done(done),
            request = next_request(&mut self.stop) => match request {
                Some(()) => Waited::Cancelled,
                None => Waited::Dropped,
            },
            () = at(self.expires) => Waited::Expired,
        }
    }

    fn no_function(&self, error: &str) -> Resolution {
        let message = format!(
            "local activity `{}` cannot run: {error}; local activities run in the host of their workflow, so start a \
             host that registers it",
            self.activity.activity_type
        );
        Resolution::Failed(application(failure_type::NOT_FOUND, message))
    }

    fn task(&self, attempt: u32) -> ActivityTask {
        let LocalActivity { activity_id, activity_type, header, arguments, .. } = &self.activity;
        let now = SystemTime::now();
        let schedule_to_close = positive_duration_from_proto(self.activity.schedule_to_close_timeout);
        let start_to_close = positive_duration_from_proto(self.activity.start_to_close_timeout);
        ActivityTask {
            info: ActivityInfo {
                task_token: Vec::new(),
                activity_id: activity_id.clone(),
                activity_type: activity_type.clone(),
                namespace: self.run.namespace.clone(),
                workflow_id: Some(self.run.workflow_id.clone()),
                workflow_run_id: Some(self.run.run_id.clone()),
                workflow_type: Some(self.run.workflow_type.clone()),
                task_queue: self.run.task_queue.clone(),
                attempt,
                scheduled_time: Some(self.scheduled),
                current_attempt_scheduled_time: Some(now),
                started_time: Some(now),
                schedule_to_close_timeout: schedule_to_close,
                start_to_close_timeout: start_to_close.or(schedule_to_close),
                heartbeat_timeout: None,
                retry_policy: Some(self.policy.clone().into()),
                priority: Priority::default(),
                is_local: true,
            },
            headers: header.clone().map(Into::into).unwrap_or_default(),
            arguments: payloads_from_proto(Some(Payloads { payloads: arguments.clone() })),
            heartbeat_details: Vec::new(),
        }
    }

    /// `pause`: the run waits for it with a timer, and then asks for the next attempt.
    fn result(&self, attempt: u32, outcome: Resolution, pause: Option<Duration>) -> LocalActivityResult {
        let scheduled = pause.map(|_| timestamp_to_proto(self.scheduled));
        LocalActivityResult {
            seq: self.seq,
            outcome,
            attempt,
            runtime: self.begun.elapsed(),
            backoff: pause,
            original_schedule_time: self.activity.original_schedule_time.or(scheduled),
        }
    }
}

/// A request to cancel; nothing once the run has dropped the activity.
async fn next_request(stop: &mut watch::Receiver<Stop>) -> Option<()> {
    loop {
        stop.changed().await.ok()?;
        if *stop.borrow_and_update() == Stop::Cancel {
            return Some(());
        }
    }
}

fn timed_out(timeout: TimeoutType) -> Box<Failure> {
    let info = TimeoutFailureInfo { timeout_type: timeout.into(), ..TimeoutFailureInfo::default() };
    failure("Activity timed out".to_owned(), FailureInfo::TimeoutFailureInfo(info))
}

fn cancelled(details: Vec<Payload>) -> Resolution {
    let info = CanceledFailureInfo { details: payloads_to_proto(details), ..CanceledFailureInfo::default() };
    let failure = failure("Activity cancelled".to_owned(), FailureInfo::CanceledFailureInfo(info));
    Resolution::Canceled(failure)
}

fn application(error_type: &str, message: String) -> Box<Failure> {
    Box::new(guest_sdk_types::Failure::application(error_type, message).non_retryable().build().into())
}

fn failure(message: String, info: FailureInfo) -> Box<Failure> {
    Box::new(Failure { message, failure_info: Some(info), ..Failure::default() })
}

#[cfg(test)]
mod tests;
