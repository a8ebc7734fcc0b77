//! Timers: durable, counted by the service.

mod options;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

pub use self::options::{TimerOptions, TimerOptionsBuilder, TimerResult};
use crate::bindings::workflow::host::time as wit;
use crate::context::SyncWorkflowContext;
use crate::convert::{duration, user_metadata};
use crate::host;
use crate::operation::{CancellableFuture, Operation};
use crate::options::opaque_debug;
use crate::outbound_call::OutboundCall;
use crate::pending::{OperationKind, Resolution};
use crate::run_state::RunState;
use crate::workflow_interceptors::{StartTimerInput, call_outbound, has_interceptors};

impl<W> SyncWorkflowContext<W> {
    /// Starts a timer. The service counts it, so it fires even if the host was restarted meanwhile.
    pub fn timer(&self, options: impl Into<TimerOptions>) -> Timer {
        let options = options.into();
        if !has_interceptors(self.run()) {
            return Timer(issue(self.run(), options));
        }
        let future = call_outbound(
            self.run(),
            StartTimerInput { options },
            |interceptor, context, input, next| interceptor.start_timer(context, input, next),
            |run, input| issue(run, input.options).into_outbound_future(),
        );
        Timer(OutboundCall::Intercepted(future.begun()))
    }
}

fn issue(run: &RunState, options: TimerOptions) -> OutboundCall<TimerResult> {
    let token = options.cancellation_token.unwrap_or_else(|| run.token.clone());
    let seq = host::time::start_timer(&wit::TimerOptions {
        start_to_fire_timeout: duration(options.duration),
        user_metadata: user_metadata(options.summary, None),
    });
    let operation = Operation::new(run, (OperationKind::Timer, seq), &token);
    OutboundCall::Operation(operation, |resolution| match resolution {
        Resolution::TimerFired => TimerResult::Fired,
        _ => TimerResult::Cancelled,
    })
}

/// A started timer, and the future of its end.
#[must_use = "dropping a timer excludes it from the cancellation of the run"]
pub struct Timer(OutboundCall<TimerResult>);

impl Timer {
    /// Cancels the timer. The future resolves with [`TimerResult::Cancelled`] when it is polled next.
    pub fn cancel(&self) {
        self.0.cancel(None);
    }
}

impl Future for Timer {
    type Output = TimerResult;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<TimerResult> {
        Pin::new(&mut self.0).poll(context)
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
