//! One activity task, from the poll to its outcome: between the service's messages and
//! `host-activities`.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use guest_sdk_types::{Failure, Payload, Priority};
use host_activities::{ActivityInfo, ActivityTask, CancelReason, Executors, HeartbeatAnswer, Outcome, Slot};
use host_service::MAX_REQUEST_BYTES;
use host_telemetry as telemetry;
use host_wire::{
    duration_from_proto, payloads_from_proto, payloads_to_proto,
    temporal::api::workflowservice::v1::{
        PollActivityTaskQueueResponse, RecordActivityTaskHeartbeatRequest,
        RecordActivityTaskHeartbeatResponse, RespondActivityTaskCanceledRequest,
        RespondActivityTaskCompletedRequest, RespondActivityTaskFailedRequest,
    },
    timestamp_from_proto,
};
use prost::Message;
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::{connection::Connection, rpc};

/// How long an outcome is sent again for activities that have no timeout left to end it.
const REPORT_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs the activities of one worker.
#[derive(Clone, Debug)]
pub(crate) struct ActivityTasks {
    connection: Arc<Connection>,
    executors: Executors,
    task_queue: String,
}

/// An activity task and the slot in which it runs.
#[derive(Debug)]
pub(crate) struct PolledActivity {
    pub(crate) task: Box<PollActivityTaskQueueResponse>,
    pub(crate) slot: Slot,
    /// When it came. Its timeouts run since then.
    pub(crate) received: Instant,
}

impl ActivityTasks {
    pub(crate) fn new(connection: Arc<Connection>, executors: Executors, task_queue: String) -> Self {
        Self { connection, executors, task_queue }
    }

    pub(crate) fn executors(&self) -> &Executors {
        &self.executors
    }

    /// Runs the activity and reports its outcome.
    pub(crate) async fn process(self, polled: PolledActivity) {
        let PolledActivity { task, mut slot, received } = polled;
        let task_token = task.task_token.clone();
        let task = to_activity_task(*task, &self.task_queue);
        let activity_type = task.info.activity_type.clone();
        let workflow_id = task.info.workflow_id.clone().unwrap_or_default();
        let deadline = report_deadline(&task.info);
        tracing::debug!(activity_type, workflow_id, attempt = task.info.attempt, "activity starts");
        let measured = Measured::begin(&task.info);
        let heartbeats =
            Heartbeats { connection: Arc::clone(&self.connection), task_token: task_token.clone() };
        let send = move |details| heartbeats.clone().send(details);
        let outcome = self.executors.run(&mut slot, task, received, send).await;
        if let Some(measured) = measured {
            measured.end(&outcome, received);
        }
        if let Outcome::Failed { failure, .. } = &outcome {
            tracing::warn!(activity_type, workflow_id, error = failure.message, "activity failed");
        }
        match self.report(&activity_type, task_token, outcome, deadline).await {
            Ok(()) => {}
            Err(status) if status.code() == Code::NotFound => {
                tracing::debug!(activity_type, workflow_id, "the service no longer waits for the activity");
            }
            Err(status) => tracing::warn!(
                activity_type,
                workflow_id,
                code = ?status.code(),
                error = status.message(),
                "failed to report the activity; it is left to time out"
            ),
        }
    }

    async fn report(
        &self,
        activity_type: &str,
        task_token: Bytes,
        outcome: Outcome,
        deadline: Instant,
    ) -> Result<(), Status> {
        let service = &self.connection.service;
        match self.to_request(activity_type, task_token, outcome) {
            OutcomeRequest::Completed(message) => {
                let call = |request| service.respond_activity_task_completed(request);
                rpc::retried(deadline, message, call).await.map(drop)
            }
            OutcomeRequest::Failed(message) => {
                let call = |request| service.respond_activity_task_failed(request);
                rpc::retried(deadline, *message, call).await.map(drop)
            }
            OutcomeRequest::Canceled(message) => {
                let call = |request| service.respond_activity_task_canceled(request);
                rpc::retried(deadline, message, call).await.map(drop)
            }
            OutcomeRequest::Nothing => Ok(()),
        }
    }

    /// The request for an outcome. One that the service would not take because of its size becomes
    /// a failure that says so.
    fn to_request(&self, activity_type: &str, task_token: Bytes, outcome: Outcome) -> OutcomeRequest {
        let report = self.encode(task_token.clone(), outcome);
        let bytes = report.encoded_len();
        if bytes <= MAX_REQUEST_BYTES {
            return report;
        }
        let message = format!(
            "what activity `{activity_type}` reports has {bytes} bytes, more than the \
             {MAX_REQUEST_BYTES} of a message; store the data elsewhere and pass a path or key"
        );
        let failure = Failure::application("TooLarge", message).build();
        self.encode(task_token, Outcome::failed(failure))
    }

    fn encode(&self, task_token: Bytes, outcome: Outcome) -> OutcomeRequest {
        let identity = self.connection.identity.clone();
        let namespace = self.connection.namespace.clone();
        let deployment_options = self.connection.deployment_options();
        match outcome {
            Outcome::Completed(result) => OutcomeRequest::Completed(RespondActivityTaskCompletedRequest {
                task_token,
                result: payloads_to_proto(vec![result]),
                identity,
                namespace,
                deployment_options,
                ..Default::default()
            }),
            Outcome::Failed { failure, last_heartbeat_details } => {
                OutcomeRequest::Failed(Box::new(RespondActivityTaskFailedRequest {
                    task_token,
                    failure: Some((*failure).into()),
                    identity,
                    namespace,
                    last_heartbeat_details: payloads_to_proto(last_heartbeat_details),
                    deployment_options,
                    ..Default::default()
                }))
            }
            Outcome::Cancelled { details } => OutcomeRequest::Canceled(RespondActivityTaskCanceledRequest {
                task_token,
                details: payloads_to_proto(details),
                identity,
                namespace,
                deployment_options,
                ..Default::default()
            }),
            Outcome::WillCompleteAsync | Outcome::Lost(_) => OutcomeRequest::Nothing,
        }
    }
}

/// An attempt that is under way, for metrics.
struct Measured {
    namespace: String,
    task_queue: String,
    activity_type: String,
    scheduled: Option<SystemTime>,
}

impl Measured {
    /// Counts an attempt that came. Nothing when metrics are not exported.
    fn begin(info: &ActivityInfo) -> Option<Self> {
        if !telemetry::is_enabled() {
            return None;
        }
        let activity_type = telemetry::other_beyond("activity_type", &info.activity_type).to_owned();
        let begun = Self {
            namespace: info.namespace.clone(),
            task_queue: info.task_queue.clone(),
            activity_type,
            scheduled: info.scheduled_time,
        };
        telemetry::ACTIVITY_TASK_RECEIVED.count(begun.labels());
        let times = info.current_attempt_scheduled_time.zip(info.started_time);
        if let Some(waited) = times.and_then(|(from, to)| to.duration_since(from).ok()) {
            telemetry::ACTIVITY_SCHEDULE_TO_START.took(begun.labels(), waited);
        }
        Some(begun)
    }

    fn labels(&self) -> [&str; 3] {
        [&self.namespace, &self.task_queue, &self.activity_type]
    }

    fn end(&self, outcome: &Outcome, received: Instant) {
        telemetry::ACTIVITY_EXECUTION.took(self.labels(), received.elapsed());
        match outcome {
            Outcome::Completed(_) => {
                let since = self.scheduled.and_then(|from| SystemTime::now().duration_since(from).ok());
                if let Some(took) = since {
                    telemetry::ACTIVITY_SUCCEED.took(self.labels(), took);
                }
            }
            Outcome::Failed { .. } => telemetry::ACTIVITY_FAILED.count(self.labels()),
            Outcome::Cancelled { .. } | Outcome::WillCompleteAsync | Outcome::Lost(_) => {}
        }
    }
}

/// What is sent when an attempt has ended.
#[derive(Debug)]
enum OutcomeRequest {
    Completed(RespondActivityTaskCompletedRequest),
    Failed(Box<RespondActivityTaskFailedRequest>),
    Canceled(RespondActivityTaskCanceledRequest),
    Nothing,
}

impl OutcomeRequest {
    fn encoded_len(&self) -> usize {
        match self {
            Self::Completed(message) => message.encoded_len(),
            Self::Failed(message) => message.encoded_len(),
            Self::Canceled(message) => message.encoded_len(),
            Self::Nothing => 0,
        }
    }
}

/// Sends the heartbeats of one attempt, when `host-activities` says so.
#[derive(Clone, Debug)]
struct Heartbeats {
    connection: Arc<Connection>,
    task_token: Bytes,
}

impl Heartbeats {
    async fn send(self, details: Vec<Payload>) -> HeartbeatAnswer {
        let message = RecordActivityTaskHeartbeatRequest {
            task_token: self.task_token,
            details: payloads_to_proto(details),
            identity: self.connection.identity.clone(),
            namespace: self.connection.namespace.clone(),
            ..Default::default()
        };
        // Sent once: the next one is newer than a repetition of this one.
        let answer = rpc::once(rpc::CALL_TIMEOUT, message, |request| {
            self.connection.service.record_activity_task_heartbeat(request)
        });
        heartbeat_answer(answer.await)
    }
}

fn heartbeat_answer(answer: Result<RecordActivityTaskHeartbeatResponse, Status>) -> HeartbeatAnswer {
    match answer {
        Ok(answer) if answer.cancel_requested => HeartbeatAnswer::Stop(CancelReason::Requested),
        Ok(answer) if answer.activity_reset => HeartbeatAnswer::Stop(CancelReason::Reset),
        Ok(answer) if answer.activity_paused => HeartbeatAnswer::Stop(CancelReason::Paused),
        Ok(_) => HeartbeatAnswer::Recorded,
        Err(status) if status.code() == Code::NotFound => HeartbeatAnswer::Stop(CancelReason::NotFound),
        Err(status) => HeartbeatAnswer::Failed(status.message().to_owned()),
    }
}

/// Until when it makes sense to report: as long as the service waits for this attempt.
fn report_deadline(info: &ActivityInfo) -> Instant {
    let left = info.deadline().and_then(|end| end.duration_since(SystemTime::now()).ok());
    Instant::now() + left.unwrap_or_default().max(REPORT_TIMEOUT)
}

fn to_activity_task(task: PollActivityTaskQueueResponse, task_queue: &str) -> ActivityTask {
    let timeout = |timeout: Option<prost_types::Duration>| {
        timeout.map(duration_from_proto).filter(|timeout| !timeout.is_zero())
    };
    let execution = task.workflow_execution.filter(|execution| !execution.workflow_id.is_empty());
    let (workflow_id, workflow_run_id) =
        execution.map(|execution| (execution.workflow_id, execution.run_id)).unzip();
    ActivityTask {
        info: ActivityInfo {
            task_token: task.task_token.to_vec(),
            activity_id: task.activity_id,
            activity_type: task.activity_type.unwrap_or_default().name,
            namespace: task.workflow_namespace,
            workflow_id,
            workflow_run_id,
            workflow_type: task.workflow_type.map(|kind| kind.name).filter(|name| !name.is_empty()),
            task_queue: task_queue.to_owned(),
            attempt: u32::try_from(task.attempt).unwrap_or(1).max(1),
            scheduled_time: task.scheduled_time.map(timestamp_from_proto),
            current_attempt_scheduled_time: task.current_attempt_scheduled_time.map(timestamp_from_proto),
            started_time: task.started_time.map(timestamp_from_proto),
            schedule_to_close_timeout: timeout(task.schedule_to_close_timeout),
            start_to_close_timeout: timeout(task.start_to_close_timeout),
            heartbeat_timeout: timeout(task.heartbeat_timeout),
            retry_policy: task.retry_policy.map(Into::into),
            priority: task.priority.map(Priority::from).unwrap_or_default(),
            is_local: false,
        },
        headers: task.header.map(Into::into).unwrap_or_default(),
        arguments: payloads_from_proto(task.input),
        heartbeat_details: payloads_from_proto(task.heartbeat_details),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_service_answers_to_a_heartbeat() {
        let check = |answer: Result<(bool, bool, bool), Status>, expected: HeartbeatAnswer| {
            let answer = answer.map(|(cancel_requested, activity_paused, activity_reset)| {
                RecordActivityTaskHeartbeatResponse { cancel_requested, activity_paused, activity_reset }
            });
            assert_eq!(heartbeat_answer(answer), expected);
        };
        check(Ok((false, false, false)), HeartbeatAnswer::Recorded);
        check(Ok((true, false, false)), HeartbeatAnswer::Stop(CancelReason::Requested));
        check(Ok((true, true, true)), HeartbeatAnswer::Stop(CancelReason::Requested));
        check(Ok((false, true, false)), HeartbeatAnswer::Stop(CancelReason::Paused));
        check(Ok((false, true, true)), HeartbeatAnswer::Stop(CancelReason::Reset));
        check(Err(Status::not_found("gone")), HeartbeatAnswer::Stop(CancelReason::NotFound));
        check(Err(Status::unavailable("down")), HeartbeatAnswer::Failed("down".to_owned()));
    }

    #[test]
    fn zero_is_no_timeout_and_an_empty_workflow_id_is_no_workflow() {
        let task = PollActivityTaskQueueResponse {
            workflow_execution: Some(Default::default()),
            heartbeat_timeout: Some(prost_types::Duration { seconds: 0, nanos: 0 }),
            start_to_close_timeout: Some(prost_types::Duration { seconds: 3, nanos: 0 }),
            ..Default::default()
        };
        let info = to_activity_task(task, "q").info;
        assert_eq!(info.heartbeat_timeout, None);
        assert_eq!(info.start_to_close_timeout, Some(Duration::from_secs(3)));
        assert_eq!(info.workflow_id, None);
        assert_eq!(info.attempt, 1);
    }
}
