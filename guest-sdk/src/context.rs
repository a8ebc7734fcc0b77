//! The contexts that workflow methods get. Their commands are in one file each; this file holds the
//! workflow's state and what waits for it.

mod view;

use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::FusedFuture;

use crate::cancellation::{Cancelled, WorkflowCancellationError, WorkflowCancellationToken};
use crate::error::failure_of;
use crate::host;
use crate::run_state::RunState;
use crate::timers::Timer;

pub use view::{
    ContinueAsNewReason, ContinuedInitiator, DeploymentVersion, Execution, NamespacedExecution,
    WorkflowContextView,
};

/// The context of a synchronous signal or update handler. It has no access to the workflow's state, because
/// the handler has that as `&mut self`.
///
/// Dereferences to a [`WorkflowContextView`].
pub struct SyncWorkflowContext<W> {
    view: WorkflowContextView,
    workflow: PhantomData<fn(W)>,
}

/// The context of the `#[run]` method and of async handlers.
///
/// Dereferences to a [`SyncWorkflowContext`], and passes the state of the workflow to closures. A clone is
/// the same context.
pub struct WorkflowContext<W> {
    sync: SyncWorkflowContext<W>,
    state: Rc<RefCell<W>>,
}

impl<W> SyncWorkflowContext<W> {
    pub(crate) fn new(run: Rc<RunState>) -> Self {
        Self { view: WorkflowContextView(run), workflow: PhantomData }
    }

    pub(crate) fn run(&self) -> &Rc<RunState> {
        &self.view.0
    }

    /// A view of the run that can be stored.
    #[must_use]
    pub fn info(&self) -> WorkflowContextView {
        self.view.clone()
    }

    /// The token of the run: cancelled when a client or another workflow requests cancellation of the run.
    #[must_use]
    pub fn cancellation_token(&self) -> WorkflowCancellationToken {
        self.run().token.clone()
    }

    /// Waits until cancellation of the run is requested. Resolves with the reason.
    pub fn cancelled(&self) -> Cancelled {
        self.run().token.cancelled()
    }

    /// Sets what user interfaces show as the current state of the run: Markdown.
    pub fn set_current_details(&self, details: impl Into<String>) {
        let details = details.into();
        host::workflow::set_current_details(&details);
        self.run().current_details.replace(details);
    }

    /// Fails the workflow task at the end of this activation. The service then schedules the task again.
    pub fn force_task_fail(&self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) {
        self.run().fail_task(Box::new(failure_of(error.into())));
    }
}

impl<W> WorkflowContext<W> {
    pub(crate) fn new(run: Rc<RunState>, state: W) -> Self {
        Self { sync: SyncWorkflowContext::new(run), state: Rc::new(RefCell::new(state)) }
    }

    /// Reads the state of the workflow. The borrow ends with the closure, so it cannot last across an
    /// `await`.
    ///
    /// # Panics
    /// Within the closure of a [`state_mut`](Self::state_mut).
    #[track_caller]
    pub fn state<R>(&self, read: impl FnOnce(&W) -> R) -> R {
        match self.state.try_borrow() {
            Ok(state) => read(&state),
            Err(_) => {
                panic!("`state` within the closure of a `state_mut`: use the state that the closure has")
            }
        }
    }

    /// Changes the state of the workflow. Pending [`wait_condition`](Self::wait_condition)s are evaluated
    /// again afterwards.
    ///
    /// # Panics
    /// Within the closure of a [`state`](Self::state), of another `state_mut`, or of a condition.
    #[track_caller]
    pub fn state_mut<R>(&self, change: impl FnOnce(&mut W) -> R) -> R {
        let result = match self.state.try_borrow_mut() {
            Ok(mut state) => change(&mut state),
            Err(_) => panic!(
                "`state_mut` within a closure that has the state already, of `state`, `state_mut` or a condition: \
                 change it after that closure"
            ),
        };
        self.run().changed();
        result
    }

    /// Runs a synchronous handler with the state and a [`SyncWorkflowContext`]; for the macros.
    #[doc(hidden)]
    pub fn handle_sync<R>(&self, handler: impl FnOnce(&mut W, &mut SyncWorkflowContext<W>) -> R) -> R {
        let mut sync = self.sync.clone();
        self.state_mut(|state| handler(state, &mut sync))
    }

    /// Waits until a condition on the state of the workflow holds, or cancellation of the run is requested.
    pub fn wait_condition<'a>(&'a self, condition: impl FnMut(&W) -> bool + 'a) -> WaitCondition<'a, W> {
        self.wait_condition_with_options(condition, WaitConditionOptions::default())
    }

    /// Waits until a condition on the state of the workflow holds, or `timeout` has passed: a timer, which is cancelled
    /// if the condition holds before. Resolves with whether it holds. No timer is started if it holds already.
    ///
    /// # Errors
    /// Cancellation of the run is requested.
    pub async fn wait_condition_with_timeout(
        &self,
        timeout: Duration,
        condition: impl FnMut(&W) -> bool,
    ) -> Result<bool, WorkflowCancellationError> {
        let mut wait = std::pin::pin!(self.wait_condition(condition));
        let mut timer = None;
        std::future::poll_fn(|task| {
            if let Poll::Ready(result) = wait.as_mut().poll(task) {
                timer.iter().for_each(Timer::cancel);
                return Poll::Ready(result.map(|()| true));
            }
            let timer = timer.get_or_insert_with(|| self.timer(timeout));
            Pin::new(timer).poll(task).map(|_| Ok(false))
        })
        .await
    }

    /// Waits until a condition on the state of the workflow holds, or the token of the options is cancelled.
    pub fn wait_condition_with_options<'a>(
        &'a self,
        condition: impl FnMut(&W) -> bool + 'a,
        options: WaitConditionOptions,
    ) -> WaitCondition<'a, W> {
        let token = options.cancellation_token.unwrap_or_else(|| self.cancellation_token());
        WaitCondition { context: self, condition: Box::new(condition), token, done: false }
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
    done: bool,
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
        this.done = true;
        Poll::Ready(result)
    }
}

impl<W> FusedFuture for WaitCondition<'_, W> {
    fn is_terminated(&self) -> bool {
        self.done
    }
}

impl<W> std::fmt::Debug for WaitCondition<'_, W> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("WaitCondition").field("done", &self.done).finish_non_exhaustive()
    }
}

impl<W> Deref for SyncWorkflowContext<W> {
    type Target = WorkflowContextView;

    fn deref(&self) -> &WorkflowContextView {
        &self.view
    }
}

impl<W> Deref for WorkflowContext<W> {
    type Target = SyncWorkflowContext<W>;

    fn deref(&self) -> &SyncWorkflowContext<W> {
        &self.sync
    }
}

impl<W> Clone for SyncWorkflowContext<W> {
    fn clone(&self) -> Self {
        Self { view: self.view.clone(), workflow: PhantomData }
    }
}

impl<W> Clone for WorkflowContext<W> {
    fn clone(&self) -> Self {
        Self { sync: self.sync.clone(), state: Rc::clone(&self.state) }
    }
}

impl<W> std::fmt::Debug for SyncWorkflowContext<W> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("SyncWorkflowContext").field(&self.view).finish()
    }
}

impl<W> std::fmt::Debug for WorkflowContext<W> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("WorkflowContext").field(&self.sync.view).finish()
    }
}
