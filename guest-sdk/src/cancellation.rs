//! Cancellation tokens: what cancels the operations of a workflow.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use futures_core::FusedFuture;

use crate::pending::{OperationKey, PendingOperations};

/// Cancels operations of a workflow: activities, timers, child workflows and others.
///
/// Each operation has a token. The default is the token of the run, which is cancelled when a client or
/// another workflow requests cancellation of the run. Operations that must go on after that, such as
/// compensation, get a token of their own. A clone is the same token.
#[derive(Clone, Default)]
pub struct WorkflowCancellationToken(Rc<TokenState>);

#[derive(Default)]
struct TokenState {
    cancelled: Cell<bool>,
    reason: RefCell<Option<String>>,
    wakers: RefCell<Vec<Waker>>,
    /// In the order of registration, which is the order of cancellation.
    registered: RefCell<BTreeMap<u64, Registered>>,
    registrations: Cell<u64>,
}

/// What a token cancels: child tokens and operations.
enum Registered {
    Token(Weak<TokenState>),
    Operation(Weak<PendingOperations>, OperationKey),
}

/// Ends a registration when it is dropped.
pub(crate) struct Registration {
    token: WorkflowCancellationToken,
    id: u64,
}

impl WorkflowCancellationToken {
    /// A token that is independent of the run: only [`cancel`](Self::cancel) cancels it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that is cancelled with this one, or earlier by its own [`cancel`](Self::cancel).
    #[must_use]
    pub fn child_token(&self) -> Self {
        let child = Self::new();
        if self.is_cancelled() {
            child.cancel_for(self.reason());
        } else {
            self.add(Registered::Token(Rc::downgrade(&child.0)));
        }
        child
    }

    /// Cancels the operations and child tokens of this token. A second call has no effect.
    pub fn cancel(&self) {
        self.cancel_for(None);
    }

    /// Cancels as [`cancel`](Self::cancel) does, with a reason.
    pub fn cancel_with_reason(&self, reason: impl Into<String>) {
        self.cancel_for(Some(reason.into()));
    }

    /// Whether the token is cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.get()
    }

    /// The reason of the cancellation, if one was given.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.0.reason.borrow().clone()
    }

    /// Waits until the token is cancelled. Resolves with the reason.
    pub fn cancelled(&self) -> Cancelled {
        Cancelled { token: self.clone(), done: false }
    }

    pub(crate) fn cancel_for(&self, reason: Option<String>) {
        if self.0.cancelled.replace(true) {
            return;
        }
        self.0.reason.borrow_mut().clone_from(&reason);
        for waker in self.0.wakers.take() {
            waker.wake();
        }
        for registered in self.0.registered.take().into_values() {
            match registered {
                Registered::Token(child) => {
                    if let Some(child) = child.upgrade() {
                        Self(child).cancel_for(reason.clone());
                    }
                }
                Registered::Operation(pending, key) => {
                    if let Some(pending) = pending.upgrade() {
                        pending.cancel(key, reason.as_deref());
                    }
                }
            }
        }
    }

    /// Cancels an operation with this token: now, if the token is cancelled already.
    pub(crate) fn register(
        &self,
        pending: &Rc<PendingOperations>,
        key: OperationKey,
    ) -> Option<Registration> {
        if self.is_cancelled() {
            pending.cancel(key, self.reason().as_deref());
            return None;
        }
        let id = self.add(Registered::Operation(Rc::downgrade(pending), key));
        Some(Registration { token: self.clone(), id })
    }

    pub(crate) fn wake_when_cancelled(&self, waker: &Waker) {
        let mut wakers = self.0.wakers.borrow_mut();
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    fn add(&self, registered: Registered) -> u64 {
        let id = self.0.registrations.get();
        self.0.registrations.set(id + 1);
        self.0.registered.borrow_mut().insert(id, registered);
        id
    }
}

impl std::fmt::Debug for WorkflowCancellationToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("WorkflowCancellationToken")
            .field("cancelled", &self.is_cancelled())
            .field("reason", &self.0.reason.borrow())
            .finish()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.token.0.registered.borrow_mut().remove(&self.id);
    }
}

/// The future of a cancellation: see [`WorkflowCancellationToken::cancelled`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Cancelled {
    token: WorkflowCancellationToken,
    done: bool,
}

impl Future for Cancelled {
    type Output = Option<String>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<String>> {
        if self.token.is_cancelled() {
            self.done = true;
            return Poll::Ready(self.token.reason());
        }
        self.token.wake_when_cancelled(context.waker());
        Poll::Pending
    }
}

impl FusedFuture for Cancelled {
    fn is_terminated(&self) -> bool {
        self.done
    }
}

/// A wait ended because its token was cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowCancellationError {
    reason: Option<String>,
}

impl WorkflowCancellationError {
    pub(crate) fn new(reason: Option<String>) -> Self {
        Self { reason }
    }

    /// The reason of the cancellation, if one was given.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

impl std::fmt::Display for WorkflowCancellationError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("cancelled")?;
        self.reason.as_ref().map_or(Ok(()), |reason| write!(formatter, ": {reason}"))
    }
}

impl std::error::Error for WorkflowCancellationError {}
