//! Local activities: run by the host itself, without a task of their own. A long backoff between attempts
//! is a timer of the workflow.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use guest_sdk_types::{ActivityDefinition, Failure, IntoPayloads, NamedPayloads, RetryPolicy};

use crate::activities::{ActivityCancellationType, ActivityCloseTimeouts, ActivityHandle, State};
use crate::bindings::workflow::host::activation::ActivityResolution;
use crate::bindings::workflow::host::activities::LocalActivityOptions as Command;
use crate::bindings::workflow::host::time::TimerOptions;
use crate::bindings::workflow::host::types::Outcome;
use crate::cancellation::WorkflowCancellationToken;
use crate::context::SyncWorkflowContext;
use crate::convert::{duration, named_payloads, payloads, retry_policy, user_metadata};
use crate::convert_failure::failure;
use crate::host;
use crate::operation::{Kind, Operation, Resolution};
use crate::options::default_options;
use crate::run::Run;

/// How long all attempts of a local activity may take if nothing is said.
const DEFAULT_SCHEDULE_TO_CLOSE_TIMEOUT: Duration = Duration::from_secs(100);

default_options! {
    /// How a local activity is run.
    LocalActivityOptions, LocalActivityOptionsBuilder {
        /// The activity id. Default: a count of the run's activities, from 1.
        activity_id, with_activity_id: String;
        /// How long one attempt may take.
        start_to_close_timeout, with_start_to_close_timeout: Duration;
        /// How long all attempts together may take. Default, if start-to-close is not said: 100 s.
        schedule_to_close_timeout, with_schedule_to_close_timeout: Duration;
        /// How long the activity may wait until the host runs it.
        schedule_to_start_timeout, with_schedule_to_start_timeout: Duration;
        /// How it is retried.
        retry_policy, with_retry_policy: RetryPolicy;
        /// A backoff longer than this is a timer of the workflow. Default: 1 minute.
        timer_backoff_threshold, with_timer_backoff_threshold: Duration;
        /// What cancelling does. Default: try to cancel, and do not wait.
        cancel_type, with_cancel_type: ActivityCancellationType;
        /// What cancels the activity. Default: the run's own token.
        cancellation_token, with_cancellation_token: WorkflowCancellationToken;
        /// Whether history shows the arguments.
        include_arguments_in_marker, with_include_arguments_in_marker: bool;
        /// One line for user interfaces.
        summary, with_summary: String;
        /// Headers of the activity.
        headers, with_headers: NamedPayloads;
    }
}

impl LocalActivityOptions {
    /// Options with one limit, or both.
    pub fn close_timeouts(timeouts: ActivityCloseTimeouts) -> Self {
        Self {
            start_to_close_timeout: timeouts.start_to_close(),
            schedule_to_close_timeout: timeouts.schedule_to_close(),
            ..Self::default()
        }
    }

    fn into_command(self, activity_type: String, arguments: Vec<guest_sdk_types::Payload>) -> Command {
        let mut schedule_to_close = self.schedule_to_close_timeout;
        if self.start_to_close_timeout.is_none() {
            schedule_to_close.get_or_insert(DEFAULT_SCHEDULE_TO_CLOSE_TIMEOUT);
        }
        Command {
            activity_id: self.activity_id,
            activity_type,
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

impl<W> SyncWorkflowContext<W> {
    /// Runs a local activity: on the host that runs the workflow, within its workflow task.
    pub fn start_local_activity<A: ActivityDefinition>(
        &self,
        activity: A,
        input: impl Into<A::Input>,
        options: LocalActivityOptions,
    ) -> ActivityHandle<A::Output> {
        let arguments = match A::arguments(input.into()).into_payloads() {
            Ok(arguments) => arguments,
            Err(error) => return ActivityHandle::of(State::NotSent(Some(error))),
        };
        let token = options.cancellation_token.clone().unwrap_or_else(|| self.cancellation_token());
        let command = options.into_command(activity.name().to_owned(), arguments);
        ActivityHandle::of(State::Local(Box::new(LocalActivity::new(self.run(), command, token))))
    }

    /// The short form of [`start_local_activity`](Self::start_local_activity).
    pub fn execute_local_activity<A: ActivityDefinition>(
        &self,
        activity: A,
        input: impl Into<A::Input>,
        options: LocalActivityOptions,
    ) -> ActivityHandle<A::Output> {
        self.start_local_activity(activity, input, options)
    }
}

/// A local activity: attempts, and timers between them.
pub(crate) struct LocalActivity {
    command: Command,
    token: WorkflowCancellationToken,
    operation: Operation,
    cancelled: std::cell::Cell<bool>,
    done: bool,
}

impl LocalActivity {
    fn new(run: &Rc<Run>, command: Command, token: WorkflowCancellationToken) -> Self {
        let seq = host::activities::schedule_local(&command);
        let operation = Operation::new(run, (Kind::Activity, seq), &token);
        Self { command, token, operation, cancelled: std::cell::Cell::new(false), done: false }
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.set(true);
        self.operation.cancel(None);
    }

    pub(crate) fn is_terminated(&self) -> bool {
        self.done
    }

    /// What follows on an answer: another operation, or the outcome.
    fn next(&mut self, resolution: Resolution) -> Result<Operation, Outcome> {
        let run = self.operation.run();
        match resolution {
            Resolution::Activity(ActivityResolution::Outcome(outcome)) => Err(outcome),
            Resolution::Activity(ActivityResolution::Backoff(backoff)) => {
                if self.cancelled.get() || self.token.is_cancelled() {
                    return Err(canceled());
                }
                self.command.attempt = backoff.attempt;
                self.command.original_schedule_time = backoff.original_schedule_time;
                let options = TimerOptions { start_to_fire_timeout: backoff.backoff, user_metadata: None };
                let seq = host::time::start_timer(&options);
                Ok(Operation::new(run, (Kind::Timer, seq), &self.token))
            }
            Resolution::TimerFired => {
                let seq = host::activities::schedule_local(&self.command);
                Ok(Operation::new(run, (Kind::Activity, seq), &self.token))
            }
            _ => Err(canceled()),
        }
    }
}

impl Future for LocalActivity {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let this = &mut *self;
        loop {
            let Poll::Ready(resolution) = Pin::new(&mut this.operation).poll(context) else {
                return Poll::Pending;
            };
            match this.next(resolution) {
                Ok(operation) => this.operation = operation,
                Err(outcome) => {
                    this.done = true;
                    return Poll::Ready(outcome);
                }
            }
        }
    }
}

/// The outcome of an activity that was cancelled between two attempts.
fn canceled() -> Outcome {
    Outcome::Canceled(failure(Failure::canceled("Activity cancelled", Vec::new())))
}
