//! The contexts that workflow methods get. What they can do lies in a file for each command; this one
//! holds the state of the workflow.

mod view;

use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

use crate::cancellation::{Cancelled, WorkflowCancellationError, WorkflowCancellationToken};
use crate::run::Run;

pub use view::{
    ContinueAsNewReason, ContinuedInitiator, DeploymentVersion, Execution, NamespacedExecution,
    WorkflowContextView,
};

/// The context of a synchronous signal or update handler: everything but the state of the workflow, which
/// the handler has as `&mut self`.
///
/// Reads as a [`WorkflowContextView`].
pub struct SyncWorkflowContext<W> {
    view: WorkflowContextView,
    workflow: PhantomData<fn(W)>,
}

/// The context of the main routine, and of asynchronous handlers.
///
/// Does what a [`SyncWorkflowContext`] does, reads as a [`WorkflowContextView`], and gives the state of the
/// workflow to closures. A clone is the same context.
pub struct WorkflowContext<W> {
    sync: SyncWorkflowContext<W>,
    state: Rc<RefCell<W>>,
}

impl<W> SyncWorkflowContext<W> {
    pub(crate) fn new(run: Rc<Run>) -> Self {
        Self { view: WorkflowContextView(run), workflow: PhantomData }
    }

    pub(crate) fn run(&self) -> &Rc<Run> {
        &self.view.0
    }

    /// What can be read of the run.
    #[must_use]
    pub fn info(&self) -> WorkflowContextView {
        self.view.clone()
    }

    /// Cancelled when somebody asks to cancel the run.
    #[must_use]
    pub fn cancellation_token(&self) -> WorkflowCancellationToken {
        self.run().token.clone()
    }

    /// Waits until somebody asks to cancel the run; gives the reason.
    pub fn cancelled(&self) -> Cancelled {
        self.run().token.cancelled()
    }
}

impl<W> WorkflowContext<W> {
    pub(crate) fn new(run: Rc<Run>, state: W) -> Self {
        Self { sync: SyncWorkflowContext::new(run), state: Rc::new(RefCell::new(state)) }
    }

    /// Reads the state of the workflow. The borrow ends with the closure, so that it does not last while
    /// something is awaited.
    pub fn state<R>(&self, read: impl FnOnce(&W) -> R) -> R {
        read(&self.state.borrow())
    }

    /// Changes the state of the workflow, and has [`wait_condition`](Self::wait_condition) look again.
    pub fn state_mut<R>(&self, change: impl FnOnce(&mut W) -> R) -> R {
        let result = change(&mut self.state.borrow_mut());
        self.run().changed();
        result
    }

    /// Runs a synchronous handler.
    #[doc(hidden)]
    pub fn handle_sync<R>(&self, handler: impl FnOnce(&mut W, &mut SyncWorkflowContext<W>) -> R) -> R {
        let mut sync = self.sync.clone();
        self.state_mut(|state| handler(state, &mut sync))
    }

    /// Waits until a condition on the state of the workflow holds, or the run is cancelled.
    pub fn wait_condition<'a>(&'a self, condition: impl FnMut(&W) -> bool + 'a) -> WaitCondition<'a, W> {
        self.wait_condition_with_options(condition, WaitConditionOptions::default())
    }

    /// Waits until a condition on the state of the workflow holds.
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
    /// Ends the wait when this token is cancelled. Default: that of the run.
    pub fn with_cancellation_token(mut self, token: WorkflowCancellationToken) -> Self {
        self.cancellation_token = Some(token);
        self
    }
}

/// Waits for a condition. Made by [`WorkflowContext::wait_condition`].
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
