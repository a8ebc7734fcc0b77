//! Timers: durable, counted by the service.

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
use crate::operation::{CancellableFuture, Operation};
use crate::options::{opaque_debug, options};
use crate::pending::{OperationKind, Resolution};

options! {
    /// Options of a timer. A [`Duration`] converts into options without a token and a summary.
    TimerOptions, TimerOptionsBuilder { duration: Duration } {
        /// The token that cancels the timer. Default: the token of the run.
        cancellation_token, with_cancellation_token: WorkflowCancellationToken;
        /// One line that user interfaces show.
        summary, with_summary: String;
    }
}

impl TimerOptions {
    /// Options of a timer that fires after `duration`, or after 1 ms if that is longer: the service takes no timer of
    /// zero.
    pub fn new(duration: Duration) -> Self {
        Self::of(duration)
    }

    /// A builder of options of a timer that fires after `duration`.
    pub fn builder(duration: Duration) -> TimerOptionsBuilder {
        TimerOptionsBuilder(Self::of(duration))
    }
}

impl From<Duration> for TimerOptions {
    fn from(duration: Duration) -> Self {
        Self::new(duration)
    }
}

/// The end of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerResult {
    /// Its token or [`Timer::cancel`] cancelled it.
    Cancelled,
    /// Its duration has passed.
    Fired,
}

impl<W> SyncWorkflowContext<W> {
    /// Starts a timer. The service counts it, so it fires even if the host was restarted meanwhile.
    pub fn timer(&self, options: impl Into<TimerOptions>) -> Timer {
        let options = options.into();
        let token = options.cancellation_token.unwrap_or_else(|| self.cancellation_token());
        let seq = host::time::start_timer(&wit::TimerOptions {
            start_to_fire_timeout: duration(options.duration),
            user_metadata: user_metadata(options.summary, None),
        });
        Timer(Operation::new(self.run(), (OperationKind::Timer, seq), &token))
    }
}

/// A started timer, and the future of its end.
#[must_use = "dropping a timer excludes it from the cancellation of the run"]
pub struct Timer(Operation);

impl Timer {
    /// Cancels the timer. The future resolves with [`TimerResult::Cancelled`] when it is polled next.
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
