//! The contexts that workflow methods get. Their commands are in one file each; this file holds the
//! workflow's state.

mod conditions;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod for_tests;
mod view;

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::Deref;
use std::rc::Rc;

use crate::cancellation::{Cancelled, WorkflowCancellationToken};
use crate::error::failure_of;
use crate::host;
use crate::run_state::RunState;

pub use conditions::{WaitCondition, WaitConditionOptions};
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
