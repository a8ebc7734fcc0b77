//! Options of activities and local activities.

use std::time::Duration;

use guest_sdk_types::{NamedPayloads, Payload, Priority, RetryPolicy};

use crate::bindings::workflow::host::activities as wit;
pub use crate::bindings::workflow::host::activities::CancellationType as ActivityCancellationType;
use crate::bindings::workflow::host::types::VersioningIntent;
use crate::cancellation::WorkflowCancellationToken;
use crate::convert::{duration, named_payloads, payloads, priority, retry_policy, user_metadata};
use crate::options::{default_options, options};

/// Schedule-to-close timeout of a local activity that has neither timeout.
const DEFAULT_LOCAL_SCHEDULE_TO_CLOSE_TIMEOUT: Duration = Duration::from_secs(100);

/// The timeouts that end an activity. At least one of the two is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityCloseTimeouts {
    /// From the start of an attempt to its end.
    StartToClose(Duration),
    /// From scheduling to the end of the last attempt.
    ScheduleToClose(Duration),
    /// Both timeouts.
    ScheduleAndStartToClose {
        /// From the start of an attempt to its end.
        start_to_close: Duration,
        /// From scheduling to the end of the last attempt.
        schedule_to_close: Duration,
    },
}

impl ActivityCloseTimeouts {
    /// From the start of an attempt to its end, if that is limited.
    #[must_use]
    pub fn start_to_close(self) -> Option<Duration> {
        match self {
            Self::StartToClose(start_to_close) | Self::ScheduleAndStartToClose { start_to_close, .. } => {
                Some(start_to_close)
            }
            Self::ScheduleToClose(_) => None,
        }
    }

    /// From scheduling to the end of the last attempt, if that is limited.
    #[must_use]
    pub fn schedule_to_close(self) -> Option<Duration> {
        match self {
            Self::ScheduleToClose(schedule_to_close)
            | Self::ScheduleAndStartToClose { schedule_to_close, .. } => Some(schedule_to_close),
            Self::StartToClose(_) => None,
        }
    }
}

options! {
    /// Options of an activity.
    ///
    /// ```
    /// # use guest_sdk::{ActivityOptions, RetryPolicy};
    /// # use std::time::Duration;
    /// let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10))
    ///     .with_retry_policy(RetryPolicy::default().with_maximum_attempts(3))
    ///     .with_summary("charge the card");
    /// ```
    ///
    /// There is no default, because start-to-close or schedule-to-close is required.
    ///
    /// ```compile_fail
    /// # use guest_sdk::ActivityOptions;
    /// let options = ActivityOptions::default();
    /// ```
    ///
    /// ```compile_fail
    /// # use guest_sdk::ActivityOptions;
    /// let options = ActivityOptions { task_queue: None };
    /// ```
    ActivityOptions, ActivityOptionsBuilder { close_timeouts: ActivityCloseTimeouts } {
        /// The activity id, unique among the open activities of the run. Default: the number of the
        /// activity within its run, from 1.
        activity_id, with_activity_id: String;
        /// The task queue. Default: the task queue of the workflow.
        task_queue, with_task_queue: String;
        /// From scheduling to the start of an attempt. The service does not retry an activity that runs
        /// into it. Default: no limit.
        schedule_to_start_timeout, with_schedule_to_start_timeout: Duration;
        /// From one heartbeat to the next. A request to cancel reaches an activity as the answer to a
        /// heartbeat. Default: no limit.
        heartbeat_timeout, with_heartbeat_timeout: Duration;
        /// When the handle of a cancelled activity resolves. Default: `TryCancel`, at once.
        cancellation_type, with_cancellation_type: ActivityCancellationType;
        /// The token that cancels the activity. Default: the token of the run.
        cancellation_token, with_cancellation_token: WorkflowCancellationToken;
        /// The retry policy. Default: unlimited attempts, after 1 s, 2 s, 4 s, … up to 100 s.
        retry_policy, with_retry_policy: RetryPolicy;
        /// One line that user interfaces show.
        summary, with_summary: String;
        /// The priority of the activity task. Default: the priority of the workflow.
        priority, with_priority: Priority;
        /// Headers of the activity task.
        headers, with_headers: NamedPayloads;
        /// Whether the service must not return the activity task to this worker with the response to the
        /// workflow task. Default: false.
        do_not_eagerly_execute, with_do_not_eagerly_execute: bool;
    }
}

impl ActivityOptions {
    /// Options with a start-to-close timeout: it limits each attempt.
    pub fn start_to_close_timeout(timeout: Duration) -> Self {
        Self::close_timeouts(ActivityCloseTimeouts::StartToClose(timeout))
    }

    /// Options with a schedule-to-close timeout: it limits all attempts together.
    pub fn schedule_to_close_timeout(timeout: Duration) -> Self {
        Self::close_timeouts(ActivityCloseTimeouts::ScheduleToClose(timeout))
    }

    /// Options with either timeout or both.
    pub fn close_timeouts(timeouts: ActivityCloseTimeouts) -> Self {
        Self::of(timeouts)
    }

    /// A builder with a start-to-close timeout: it limits each attempt.
    pub fn with_start_to_close_timeout(timeout: Duration) -> ActivityOptionsBuilder {
        ActivityOptionsBuilder(Self::start_to_close_timeout(timeout))
    }

    /// A builder with a schedule-to-close timeout: it limits all attempts together.
    pub fn with_schedule_to_close_timeout(timeout: Duration) -> ActivityOptionsBuilder {
        ActivityOptionsBuilder(Self::schedule_to_close_timeout(timeout))
    }

    /// A builder with either timeout or both.
    pub fn with_close_timeouts(timeouts: ActivityCloseTimeouts) -> ActivityOptionsBuilder {
        ActivityOptionsBuilder(Self::close_timeouts(timeouts))
    }

    pub(super) fn into_command(self, activity_type: &str, arguments: Vec<Payload>) -> wit::ActivityOptions {
        wit::ActivityOptions {
            activity_id: self.activity_id,
            activity_type: activity_type.to_owned(),
            task_queue: self.task_queue,
            headers: self.headers.map(named_payloads).unwrap_or_default(),
            arguments: payloads(arguments),
            schedule_to_close_timeout: self.close_timeouts.schedule_to_close().map(duration),
            schedule_to_start_timeout: self.schedule_to_start_timeout.map(duration),
            start_to_close_timeout: self.close_timeouts.start_to_close().map(duration),
            heartbeat_timeout: self.heartbeat_timeout.map(duration),
            retry_policy: self.retry_policy.map(retry_policy),
            cancellation_type: self.cancellation_type.unwrap_or(ActivityCancellationType::TryCancel),
            do_not_eagerly_execute: self.do_not_eagerly_execute.unwrap_or_default(),
            versioning_intent: VersioningIntent::Unspecified,
            priority: self.priority.map(priority),
            user_metadata: user_metadata(self.summary, None),
        }
    }
}

default_options! {
    /// Options of a local activity.
    LocalActivityOptions, LocalActivityOptionsBuilder {
        /// The activity id, unique among the open activities of the run. Default: the number of the
        /// activity within its run, from 1.
        activity_id, with_activity_id: String;
        /// From the start of an attempt to its end. Default: no limit.
        start_to_close_timeout, with_start_to_close_timeout: Duration;
        /// From scheduling to the end of the last attempt. Default: 100 s if there is no start-to-close
        /// timeout, else no limit.
        schedule_to_close_timeout, with_schedule_to_close_timeout: Duration;
        /// From scheduling to the start of an attempt. Default: no limit.
        schedule_to_start_timeout, with_schedule_to_start_timeout: Duration;
        /// The retry policy. Default: unlimited attempts, after 1 s, 2 s, 4 s, … up to 100 s.
        retry_policy, with_retry_policy: RetryPolicy;
        /// The host waits for a backoff up to this within the workflow task; a longer one becomes a timer
        /// of the workflow. Default: 1 minute.
        timer_backoff_threshold, with_timer_backoff_threshold: Duration;
        /// When the handle of a cancelled activity resolves. Default: `TryCancel`, at once.
        cancel_type, with_cancel_type: ActivityCancellationType;
        /// The token that cancels the activity. Default: the token of the run.
        cancellation_token, with_cancellation_token: WorkflowCancellationToken;
        /// Whether the marker in the history contains the arguments. Default: false.
        include_arguments_in_marker, with_include_arguments_in_marker: bool;
        /// One line that user interfaces show.
        summary, with_summary: String;
        /// Headers of the activity.
        headers, with_headers: NamedPayloads;
    }
}

impl LocalActivityOptions {
    /// Options with either timeout or both.
    pub fn close_timeouts(timeouts: ActivityCloseTimeouts) -> Self {
        Self {
            start_to_close_timeout: timeouts.start_to_close(),
            schedule_to_close_timeout: timeouts.schedule_to_close(),
            ..Self::default()
        }
    }

    pub(super) fn into_command(
        self,
        activity_type: &str,
        arguments: Vec<Payload>,
    ) -> wit::LocalActivityOptions {
        let mut schedule_to_close = self.schedule_to_close_timeout;
        if self.start_to_close_timeout.is_none() {
            schedule_to_close.get_or_insert(DEFAULT_LOCAL_SCHEDULE_TO_CLOSE_TIMEOUT);
        }
        wit::LocalActivityOptions {
            activity_id: self.activity_id,
            activity_type: activity_type.to_owned(),
            headers: self.headers.map(named_payloads).unwrap_or_default(),
            arguments: payloads(arguments),
            attempt: 1,
            original_schedule_time: None,
            schedule_to_close_timeout: schedule_to_close.map(duration),
            schedule_to_start_timeout: self.schedule_to_start_timeout.map(duration),
            start_to_close_timeout: self.start_to_close_timeout.map(duration),
            retry_policy: self.retry_policy.map(retry_policy),
            local_retry_threshold: self.timer_backoff_threshold.map(duration),
            cancellation_type: self.cancel_type.unwrap_or(ActivityCancellationType::TryCancel),
            include_arguments_in_marker: self.include_arguments_in_marker.unwrap_or_default(),
            user_metadata: user_metadata(self.summary, None),
        }
    }
}
