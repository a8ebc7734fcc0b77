//! The task of an activity, and its part that the activity can read.

use std::time::{Duration, SystemTime};

use guest_sdk_types::{NamedPayloads, Payload, Priority, RetryPolicy};
use serde::{Deserialize, Serialize};

/// One attempt of an activity, as the worker received it: `PollActivityTaskQueueResponse`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ActivityTask {
    /// The ids, timeouts and other fields.
    pub info: ActivityInfo,
    /// The headers, by name.
    pub headers: NamedPayloads,
    /// The arguments.
    pub arguments: Vec<Payload>,
    /// The details of the last heartbeat of earlier attempts; empty if there is none.
    pub heartbeat_details: Vec<Payload>,
}

/// The fields of an activity task that the activity can read.
///
/// A timeout that is not set is `None`; the worker converts the zero of the protocol.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ActivityInfo {
    /// Identifies this attempt to the service; completes the activity from outside.
    pub task_token: Vec<u8>,
    /// The activity id, unique among the open activities of the run.
    pub activity_id: String,
    /// The activity type.
    pub activity_type: String,
    /// The namespace of the workflow.
    pub namespace: String,
    /// The workflow that scheduled the activity; `None` for an activity without a workflow.
    pub workflow_id: Option<String>,
    /// The run that scheduled the activity.
    pub workflow_run_id: Option<String>,
    /// The workflow type of that workflow.
    pub workflow_type: Option<String>,
    /// The task queue that the task was polled from.
    pub task_queue: String,
    /// The attempt, from 1.
    pub attempt: u32,
    /// When the first attempt was scheduled.
    pub scheduled_time: Option<SystemTime>,
    /// When this attempt was scheduled.
    pub current_attempt_scheduled_time: Option<SystemTime>,
    /// When this attempt started.
    pub started_time: Option<SystemTime>,
    /// From scheduling to the end of the last attempt.
    pub schedule_to_close_timeout: Option<Duration>,
    /// From the start of this attempt to its end.
    pub start_to_close_timeout: Option<Duration>,
    /// From one heartbeat to the next.
    pub heartbeat_timeout: Option<Duration>,
    /// The retry policy.
    pub retry_policy: Option<RetryPolicy>,
    /// The priority of the task.
    pub priority: Priority,
    /// Whether it is a local activity, which the host of the workflow runs without an activity task.
    pub is_local: bool,
}

impl ActivityInfo {
    /// When this attempt times out: the earlier end of start-to-close and schedule-to-close.
    pub fn deadline(&self) -> Option<SystemTime> {
        let end = |from: Option<SystemTime>, timeout: Option<Duration>| from?.checked_add(timeout?);
        let ends = [
            end(self.started_time, self.start_to_close_timeout),
            end(self.scheduled_time, self.schedule_to_close_timeout),
        ];
        ends.into_iter().flatten().min()
    }

    /// How long this attempt may take from its start: start-to-close, or less if schedule-to-close leaves less.
    /// It compares times of the service's clock with each other only.
    pub(crate) fn attempt_timeout(&self) -> Option<Duration> {
        let left = || {
            let waited = self.started_time?.duration_since(self.scheduled_time?).unwrap_or_default();
            Some(self.schedule_to_close_timeout?.saturating_sub(waited))
        };
        [self.start_to_close_timeout, left()].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_timeout_is_the_deadline() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let check = |schedule_to_close: Option<u64>, start_to_close: Option<u64>, expected: Option<u64>| {
            let info = ActivityInfo {
                scheduled_time: Some(at(10)),
                started_time: Some(at(15)),
                schedule_to_close_timeout: schedule_to_close.map(Duration::from_secs),
                start_to_close_timeout: start_to_close.map(Duration::from_secs),
                ..ActivityInfo::default()
            };
            assert_eq!(info.deadline(), expected.map(at));
        };
        check(None, None, None);
        check(Some(20), None, Some(30));
        check(None, Some(20), Some(35));
        check(Some(20), Some(20), Some(30));
        check(Some(20), Some(3), Some(18));
    }
}
