//! Cancellation tokens.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use futures_core::FusedFuture;

use crate::operation::Key;
use crate::run::Run;

/// Cancels operations of a workflow: activities, timers, child workflows and others.
///
/// Each operation has a token. By default it is that of the run, which is cancelled when somebody asks to
/// cancel the workflow; what must go on then, such as compensation, gets a token of its own.
#[derive(Clone, Default)]
pub struct WorkflowCancellationToken(Rc<State>);

#[derive(Default)]
struct State {
    cancelled: Cell<bool>,
    reason: RefCell<Option<String>>,
    wakers: RefCell<Vec<Waker>>,
    /// In the order of registration, which is the order of cancellation.
    registered: RefCell<BTreeMap<u64, Registered>>,
    registrations: Cell<u64>,
}

/// What a token cancels.
enum Registered {
    Token(Weak<State>),
    Operation(Weak<Run>, Key),
}

/// Ends a registration when it is dropped.
pub(crate) struct Registration {
    token: WorkflowCancellationToken,
    id: u64,
}

impl WorkflowCancellationToken {
    /// A token that nothing but [`cancel`](Self::cancel) cancels.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that is cancelled with this one, and may be cancelled before.
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

    /// Cancels what has this token.
    pub fn cancel(&self) {
        self.cancel_for(None);
    }

    /// Cancels what has this token, and says why.
    pub fn cancel_with_reason(&self, reason: impl Into<String>) {
        self.cancel_for(Some(reason.into()));
    }

    /// Whether the token is cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.get()
    }

    /// Why, if the one who cancelled said so.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.0.reason.borrow().clone()
    }

    /// Waits until the token is cancelled.
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
                Registered::Operation(run, key) => {
                    if let Some(run) = run.upgrade() {
                        run.cancel_operation(key, reason.as_deref());
                    }
                }
            }
        }
    }

    /// Has an operation cancelled with this token; at once if it is cancelled already.
    pub(crate) fn register(&self, run: &Rc<Run>, key: Key) -> Option<Registration> {
        if self.is_cancelled() {
            run.cancel_operation(key, self.reason().as_deref());
            return None;
        }
        let id = self.add(Registered::Operation(Rc::downgrade(run), key));
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

/// Waits until a token is cancelled. Made by [`WorkflowCancellationToken::cancelled`].
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

/// What an operation was waiting for was cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowCancellationError {
    reason: Option<String>,
}

impl WorkflowCancellationError {
    pub(crate) fn new(reason: Option<String>) -> Self {
        Self { reason }
    }

    /// Why, if the one who cancelled said so.
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
