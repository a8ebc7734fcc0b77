//! Conditions on the state of a workflow, and what waits for them.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::FusedFuture;

use super::WorkflowContext;
use crate::cancellation::{WorkflowCancellationError, WorkflowCancellationToken};
use crate::timers::Timer;
use crate::waiting_conditions::Waiting;

impl<W> WorkflowContext<W> {
    /// Waits until a condition on the state of the workflow holds, or cancellation of the run is requested.
    #[track_caller]
    pub fn wait_condition<'a>(&'a self, condition: impl FnMut(&W) -> bool + 'a) -> WaitCondition<'a, W> {
        self.wait_condition_with_options(condition, WaitConditionOptions::default())
    }

    /// Waits until a condition on the state of the workflow holds, or `timeout` has passed: a timer, which is cancelled
    /// if the condition holds before. Resolves with whether it holds. No timer is started if it holds already.
    ///
    /// # Errors
    /// Cancellation of the run is requested.
    #[track_caller]
    pub fn wait_condition_with_timeout<'a>(
        &'a self,
        timeout: Duration,
        condition: impl FnMut(&W) -> bool + 'a,
    ) -> impl Future<Output = Result<bool, WorkflowCancellationError>> + 'a {
        // Not within the block, where the place of the caller is lost.
        let mut wait = self.wait_condition(condition);
        async move {
            let mut timer = None;
            std::future::poll_fn(|task| {
                if let Poll::Ready(result) = Pin::new(&mut wait).poll(task) {
                    timer.iter().for_each(Timer::cancel);
                    return Poll::Ready(result.map(|()| true));
                }
                let timer = timer.get_or_insert_with(|| self.timer(timeout));
                Pin::new(timer).poll(task).map(|_| Ok(false))
            })
            .await
        }
    }

    /// Waits until a condition on the state of the workflow holds, or the token of the options is cancelled.
    #[track_caller]
    pub fn wait_condition_with_options<'a>(
        &'a self,
        condition: impl FnMut(&W) -> bool + 'a,
        options: WaitConditionOptions,
    ) -> WaitCondition<'a, W> {
        let token = options.cancellation_token.unwrap_or_else(|| self.cancellation_token());
        let waiting = self.run().waiting.add(Location::caller());
        WaitCondition { context: self, condition: Box::new(condition), token, waiting: Some(waiting) }
    }
}

/// Options of [`WorkflowContext::wait_condition_with_options`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct WaitConditionOptions {
    cancellation_token: Option<WorkflowCancellationToken>,
}

impl WaitConditionOptions {
    /// Ends the wait when this token is cancelled. Default: the token of the run.
    pub fn with_cancellation_token(mut self, token: WorkflowCancellationToken) -> Self {
        self.cancellation_token = Some(token);
        self
    }
}

/// The future of a condition: see [`WorkflowContext::wait_condition`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct WaitCondition<'a, W> {
    context: &'a WorkflowContext<W>,
    condition: Box<dyn FnMut(&W) -> bool + 'a>,
    token: WorkflowCancellationToken,
    /// `None` once it has ended.
    waiting: Option<Waiting>,
}

impl<W> Future for WaitCondition<'_, W> {
    type Output = Result<(), WorkflowCancellationError>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let result = if (this.condition)(&this.context.state.borrow()) {
            Ok(())
        } else if this.token.is_cancelled() {
            Err(WorkflowCancellationError::new(this.token.reason()))
        } else {
            this.context.run().wake_when_changed(task.waker());
            this.token.wake_when_cancelled(task.waker());
            return Poll::Pending;
        };
        this.waiting = None;
        Poll::Ready(result)
    }
}

impl<W> FusedFuture for WaitCondition<'_, W> {
    fn is_terminated(&self) -> bool {
        self.waiting.is_none()
    }
}

impl<W> std::fmt::Debug for WaitCondition<'_, W> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("WaitCondition").field("done", &self.waiting.is_none()).finish_non_exhaustive()
    }
}
