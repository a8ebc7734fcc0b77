//! What an activity is told: its task, and what it may read of it.

use std::time::{Duration, SystemTime};

use guest_sdk_types::{NamedPayloads, Payload, Priority, RetryPolicy};
use serde::{Deserialize, Serialize};

/// One attempt of one activity, as a worker received it: `PollActivityTaskQueueResponse`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ActivityTask {
    /// Which activity, and under which conditions.
    pub info: ActivityInfo,
    /// Headers, by name.
    pub headers: NamedPayloads,
    /// Arguments.
    pub arguments: Vec<Payload>,
    /// What the attempt before recorded last.
    pub heartbeat_details: Vec<Payload>,
}

/// What an activity may know of itself.
///
/// A timeout that is not set is `None`; a worker turns the zero of the protocol into it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ActivityInfo {
    /// Names this attempt to the service; completes it from outside.
    pub task_token: Vec<u8>,
    /// Unique among the open activities of the run.
    pub activity_id: String,
    /// Its type.
    pub activity_type: String,
    /// The namespace of the workflow.
    pub namespace: String,
    /// The workflow that called it; `None` if it was started without one.
    pub workflow_id: Option<String>,
    /// The run that called it.
    pub workflow_run_id: Option<String>,
    /// The type of that workflow.
    pub workflow_type: Option<String>,
    /// Where the task came from.
    pub task_queue: String,
    /// From 1.
    pub attempt: u32,
    /// When the first attempt was scheduled.
    pub scheduled_time: Option<SystemTime>,
    /// When this attempt was scheduled.
    pub current_attempt_scheduled_time: Option<SystemTime>,
    /// When this attempt started.
    pub started_time: Option<SystemTime>,
    /// For all attempts together.
    pub schedule_to_close_timeout: Option<Duration>,
    /// For this attempt.
    pub start_to_close_timeout: Option<Duration>,
    /// From one heartbeat to the next.
    pub heartbeat_timeout: Option<Duration>,
    /// How it is tried again.
    pub retry_policy: Option<RetryPolicy>,
    /// Which tasks of the queue are served first.
    pub priority: Priority,
    /// Run by the host of the workflow itself, without a task of its own.
    pub is_local: bool,
}

impl ActivityInfo {
    /// When the service gives this attempt up: the earlier end of start-to-close and schedule-to-close.
    pub fn deadline(&self) -> Option<SystemTime> {
        let end = |from: Option<SystemTime>, timeout: Option<Duration>| from?.checked_add(timeout?);
        let ends = [
            end(self.started_time, self.start_to_close_timeout),
            end(self.scheduled_time, self.schedule_to_close_timeout),
        ];
        ends.into_iter().flatten().min()
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
