//! Activities, from the side of the workflow: options, scheduling, and the handle.
//!
//! What their implementations need, [`ActivityContext`] and [`ActivityError`], is here too. Only the host
//! has it: in the sandbox both are names without values.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::FusedFuture;
use guest_sdk_types::{
    ActivityDefinition, IntoPayloads, NamedPayloads, PayloadError, Priority, RetryPolicy, Returned,
};
#[cfg(not(target_family = "wasm"))]
pub use host_activities::{ActivityContext, ActivityError, ActivityInfo, HeartbeatError};

use crate::bindings::workflow::host::activation::ActivityResolution;
use crate::bindings::workflow::host::activities as wit;
pub use crate::bindings::workflow::host::activities::CancellationType as ActivityCancellationType;
use crate::bindings::workflow::host::types::{Outcome, VersioningIntent};
use crate::cancellation::WorkflowCancellationToken;
use crate::context::SyncWorkflowContext;
use crate::convert::{
    duration, from_payload, named_payloads, payloads, priority, retry_policy, user_metadata,
};
use crate::convert_failure::from_failure;
use crate::error::ActivityExecutionError;
use crate::host;
use crate::local_activities::LocalActivity;
use crate::operation::{CancellableFuture, Kind, Operation, Resolution};
use crate::options::{opaque_debug, options};

/// The context of an activity. It exists on the host only.
#[cfg(target_family = "wasm")]
#[derive(Debug)]
pub enum ActivityContext {}

/// Why an activity gives no result. It exists on the host only.
#[cfg(target_family = "wasm")]
#[derive(Debug)]
pub enum ActivityError {}

/// How long an activity may take. One of both must be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityCloseTimeouts {
    /// One attempt.
    StartToClose(Duration),
    /// All attempts together, from when the activity was scheduled.
    ScheduleToClose(Duration),
    /// Both.
    ScheduleAndStartToClose {
        /// One attempt.
        start_to_close: Duration,
        /// All attempts together.
        schedule_to_close: Duration,
    },
}

impl ActivityCloseTimeouts {
    /// How long one attempt may take.
    #[must_use]
    pub fn start_to_close(self) -> Option<Duration> {
        match self {
            Self::StartToClose(start_to_close) | Self::ScheduleAndStartToClose { start_to_close, .. } => {
                Some(start_to_close)
            }
            Self::ScheduleToClose(_) => None,
        }
    }

    /// How long all attempts together may take.
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
    /// How an activity is scheduled.
    ///
    /// ```
    /// # use guest_sdk::{ActivityOptions, RetryPolicy};
    /// # use std::time::Duration;
    /// let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10))
    ///     .with_retry_policy(RetryPolicy::default().with_maximum_attempts(3))
    ///     .with_summary("charge the card");
    /// ```
    ///
    /// There is no default: start-to-close or schedule-to-close must be said.
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
        /// The activity id. Default: a count of the run's activities, from 1.
        activity_id, with_activity_id: String;
        /// The task queue. Default: the workflow's own.
        task_queue, with_task_queue: String;
        /// How long the activity may wait for a worker. Not retried when it runs out.
        schedule_to_start_timeout, with_schedule_to_start_timeout: Duration;
        /// How long the activity may be silent. Cancellation reaches an activity by its heartbeats.
        heartbeat_timeout, with_heartbeat_timeout: Duration;
        /// What cancelling does. Default: try to cancel, and do not wait.
        cancellation_type, with_cancellation_type: ActivityCancellationType;
        /// What cancels the activity. Default: the run's own token.
        cancellation_token, with_cancellation_token: WorkflowCancellationToken;
        /// How it is retried. Default: without end, after 1 s, 2 s, 4 s, … up to 100 s.
        retry_policy, with_retry_policy: RetryPolicy;
        /// One line for user interfaces.
        summary, with_summary: String;
        /// Which tasks of the queue are served first.
        priority, with_priority: Priority;
        /// Headers of the activity task.
        headers, with_headers: NamedPayloads;
        /// Whether the worker must not get the task with the answer to its workflow task.
        do_not_eagerly_execute, with_do_not_eagerly_execute: bool;
    }
}

impl ActivityOptions {
    /// Options with a limit for one attempt.
    pub fn start_to_close_timeout(timeout: Duration) -> Self {
        Self::close_timeouts(ActivityCloseTimeouts::StartToClose(timeout))
    }

    /// Options with a limit for all attempts together.
    pub fn schedule_to_close_timeout(timeout: Duration) -> Self {
        Self::close_timeouts(ActivityCloseTimeouts::ScheduleToClose(timeout))
    }

    /// Options with one limit, or both.
    pub fn close_timeouts(timeouts: ActivityCloseTimeouts) -> Self {
        Self::of(timeouts)
    }

    /// A builder with a limit for one attempt.
    pub fn with_start_to_close_timeout(timeout: Duration) -> ActivityOptionsBuilder {
        ActivityOptionsBuilder(Self::start_to_close_timeout(timeout))
    }

    /// A builder with a limit for all attempts together.
    pub fn with_schedule_to_close_timeout(timeout: Duration) -> ActivityOptionsBuilder {
        ActivityOptionsBuilder(Self::schedule_to_close_timeout(timeout))
    }

    /// A builder with one limit, or both.
    pub fn with_close_timeouts(timeouts: ActivityCloseTimeouts) -> ActivityOptionsBuilder {
        ActivityOptionsBuilder(Self::close_timeouts(timeouts))
    }

    fn into_command(
        self,
        activity_type: String,
        arguments: Vec<guest_sdk_types::Payload>,
    ) -> wit::ActivityOptions {
        wit::ActivityOptions {
            activity_id: self.activity_id,
            activity_type,
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

impl<W> SyncWorkflowContext<W> {
    /// Schedules an activity. The handle is a future that gives the result; it can be kept, passed around
    /// and cancelled.
    pub fn start_activity<A: ActivityDefinition>(
        &self,
        activity: A,
        input: impl Into<A::Input>,
        options: ActivityOptions,
    ) -> ActivityHandle<A::Output> {
        let arguments = match A::arguments(input.into()).into_payloads() {
            Ok(arguments) => arguments,
            Err(error) => return ActivityHandle::of(State::NotSent(Some(error))),
        };
        let token = options.cancellation_token.clone().unwrap_or_else(|| self.cancellation_token());
        let command = options.into_command(activity.name().to_owned(), arguments);
        let seq = host::activities::schedule(&command);
        ActivityHandle::of(State::Remote(Operation::new(self.run(), (Kind::Activity, seq), &token)))
    }

    /// Schedules an activity, to wait for its result: the short form of
    /// [`start_activity`](Self::start_activity).
    ///
    /// The activity is scheduled by the call, not by the `await`.
    pub fn execute_activity<A: ActivityDefinition>(
        &self,
        activity: A,
        input: impl Into<A::Input>,
        options: ActivityOptions,
    ) -> ActivityHandle<A::Output> {
        self.start_activity(activity, input, options)
    }
}

/// An activity that was scheduled, and the future of its result.
#[must_use = "an activity that nobody waits for is not cancelled with the run"]
pub struct ActivityHandle<T> {
    state: State,
    result: PhantomData<fn() -> T>,
}

/// Where an activity is.
pub(crate) enum State {
    /// Its arguments could not be encoded.
    NotSent(Option<PayloadError>),
    Remote(Operation),
    Local(Box<LocalActivity>),
}

impl<T> ActivityHandle<T> {
    pub(crate) fn of(state: State) -> Self {
        Self { state, result: PhantomData }
    }

    /// Asks to cancel the activity. The future then resolves as the cancellation type says.
    pub fn cancel(&self) {
        match &self.state {
            State::NotSent(_) => {}
            State::Remote(operation) => operation.cancel(None),
            State::Local(activity) => activity.cancel(),
        }
    }
}

impl<T: Returned> Future for ActivityHandle<T> {
    type Output = Result<T, ActivityExecutionError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = match &mut self.state {
            State::NotSent(error) => match error.take() {
                Some(error) => return Poll::Ready(Err(error.into())),
                // Awaited again after its end.
                None => return Poll::Pending,
            },
            State::Remote(operation) => Pin::new(operation).poll(context).map(outcome_of),
            State::Local(activity) => Pin::new(activity).poll(context),
        };
        outcome.map(|outcome| match outcome {
            Outcome::Completed(result) => Ok(T::from_payload(result.map(from_payload))?),
            Outcome::Failed(failure) | Outcome::Canceled(failure) => {
                Err(ActivityExecutionError::of(from_failure(failure)))
            }
        })
    }
}

/// What an activity came to. The host answers with the kind of resolution that was asked for.
fn outcome_of(resolution: Resolution) -> Outcome {
    match resolution {
        Resolution::Activity(ActivityResolution::Outcome(outcome)) => outcome,
        _ => Outcome::Failed(Vec::new()),
    }
}

impl<T: Returned> FusedFuture for ActivityHandle<T> {
    fn is_terminated(&self) -> bool {
        match &self.state {
            State::NotSent(error) => error.is_none(),
            State::Remote(operation) => operation.is_terminated(),
            State::Local(activity) => activity.is_terminated(),
        }
    }
}

impl<T: Returned> CancellableFuture for ActivityHandle<T> {
    fn cancel(&self) {
        self.cancel();
    }
}

opaque_debug! { ActivityHandle<T> }
