//! Timers.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::FusedFuture;

use crate::bindings::workflow::host::time as wit;
use crate::cancellation::WorkflowCancellationToken;
use crate::context::SyncWorkflowContext;
use crate::convert::{duration, user_metadata};
use crate::host;
use crate::operation::{CancellableFuture, Kind, Operation, Resolution};
use crate::options::{opaque_debug, options};

options! {
    /// How a timer is started. A [`Duration`] is enough for most.
    TimerOptions, TimerOptionsBuilder { duration: Duration } {
        /// What cancels the timer. Default: the run's own token.
        cancellation_token, with_cancellation_token: WorkflowCancellationToken;
        /// One line for user interfaces.
        summary, with_summary: String;
    }
}

impl TimerOptions {
    /// A timer of this length.
    pub fn new(duration: Duration) -> Self {
        Self::of(duration)
    }

    /// A builder for a timer of this length.
    pub fn builder(duration: Duration) -> TimerOptionsBuilder {
        TimerOptionsBuilder(Self::of(duration))
    }
}

impl From<Duration> for TimerOptions {
    fn from(duration: Duration) -> Self {
        Self::new(duration)
    }
}

/// How a timer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerResult {
    /// It was cancelled.
    Cancelled,
    /// It fired.
    Fired,
}

impl<W> SyncWorkflowContext<W> {
    /// Starts a timer. It is durable: it goes on whatever becomes of the host.
    pub fn timer(&self, options: impl Into<TimerOptions>) -> Timer {
        let options = options.into();
        let token = options.cancellation_token.unwrap_or_else(|| self.cancellation_token());
        let seq = host::time::start_timer(&wit::TimerOptions {
            start_to_fire_timeout: duration(options.duration),
            user_metadata: user_metadata(options.summary, None),
        });
        Timer(Operation::new(self.run(), (Kind::Timer, seq), &token))
    }
}

/// A timer that was started, and the future of its end.
#[must_use = "a timer that nobody waits for is not cancelled with the run"]
pub struct Timer(Operation);

impl Timer {
    /// Cancels the timer. The future then resolves at once.
    pub fn cancel(&self) {
        self.0.cancel(None);
    }
}

impl Future for Timer {
    type Output = TimerResult;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<TimerResult> {
        Pin::new(&mut self.0).poll(context).map(|resolution| match resolution {
            Resolution::TimerFired => TimerResult::Fired,
            _ => TimerResult::Cancelled,
        })
    }
}

impl FusedFuture for Timer {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated()
    }
}

impl CancellableFuture for Timer {
    fn cancel(&self) {
        self.cancel();
    }
}

opaque_debug! { Timer }
