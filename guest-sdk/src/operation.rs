//! The future of one operation: something that the workflow asked for and that a job of a later
//! activation answers. The typed futures (an activity, a timer, …) are made of it, each in its own file.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_core::FusedFuture;
use guest_sdk_types::{Failure, Payload, PayloadError, Returned};

use crate::bindings::workflow::host::activation::ActivityResolution;
use crate::bindings::workflow::host::types::Outcome;
use crate::cancellation::{Registration, WorkflowCancellationToken};
use crate::convert::from_payload;
use crate::convert_failure::from_failure;
use crate::pending::{OperationKey, PendingOperations, Resolution, Slot};
use crate::run_state::RunState;

/// A future of an operation that can be cancelled.
pub trait CancellableFuture: FusedFuture {
    /// Requests cancellation. The future then resolves as the operation's cancellation type says.
    fn cancel(&self);
}

/// A future of an operation that can be cancelled with a reason.
pub trait CancellableFutureWithReason: CancellableFuture {
    /// Requests cancellation, with a reason that the service records.
    fn cancel_with_reason(&self, reason: String);
}

/// Resolves with the host's answer.
pub(crate) struct Operation {
    pending: Rc<PendingOperations>,
    key: OperationKey,
    slot: Rc<Slot>,
    done: Cell<bool>,
    /// Dropped with the future: a dropped operation is not cancelled with the run.
    registration: Option<Registration>,
}

impl Operation {
    /// Waits for the answer to an operation that was just issued, and registers it with `token`.
    pub(crate) fn new(run: &RunState, key: OperationKey, token: &WorkflowCancellationToken) -> Self {
        let pending = Rc::clone(&run.pending);
        let slot = pending.add(key);
        let registration = token.register(&pending, key);
        Self { pending, key, slot, done: Cell::new(false), registration }
    }

    pub(crate) fn cancel(&self, reason: Option<&str>) {
        self.pending.cancel(self.key, reason);
    }

    /// What [`cancel`](Self::cancel) does, for as long as the operation is pending.
    pub(crate) fn canceller(&self) -> impl Fn(Option<&str>) + use<> {
        let (pending, key) = (Rc::clone(&self.pending), self.key);
        move |reason| pending.cancel(key, reason)
    }
}

impl Future for Operation {
    type Output = Resolution;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Resolution> {
        match self.slot.take_or_wake(context.waker()) {
            Some(resolution) => {
                self.done.set(true);
                self.registration = None;
                Poll::Ready(resolution)
            }
            None => Poll::Pending,
        }
    }
}

impl FusedFuture for Operation {
    fn is_terminated(&self) -> bool {
        self.done.get()
    }
}

/// A command, unless its input could not be encoded.
pub(crate) enum Issued<T> {
    /// The command was not issued. `None` once the error was returned.
    NotEncoded(Option<PayloadError>),
    Sent(T),
}

impl<T> Issued<T> {
    /// The command that was sent, or the error. Pending when it is polled again after the error.
    pub(crate) fn poll_sent(&mut self) -> Poll<Result<&mut T, PayloadError>> {
        match self {
            Self::Sent(sent) => Poll::Ready(Ok(sent)),
            Self::NotEncoded(error) => error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
        }
    }

    pub(crate) fn sent(&self) -> Option<&T> {
        match self {
            Self::Sent(sent) => Some(sent),
            Self::NotEncoded(_) => None,
        }
    }

    /// Whether the future that this belongs to has ended; `sent_has_ended` answers for a command that was
    /// sent.
    pub(crate) fn is_terminated(&self, sent_has_ended: impl FnOnce(&T) -> bool) -> bool {
        match self {
            Self::Sent(sent) => sent_has_ended(sent),
            Self::NotEncoded(error) => error.is_none(),
        }
    }
}

/// The outcome of a call; `failed` makes the error of a failure.
pub(crate) fn outcome<E>(
    resolution: Resolution,
    failed: impl FnOnce(Failure) -> E,
) -> Result<Option<Payload>, E> {
    match resolution {
        Resolution::Outcome(outcome) | Resolution::Activity(ActivityResolution::Outcome(outcome)) => {
            match outcome {
                Outcome::Completed(result) => Ok(result.map(from_payload)),
                Outcome::Failed(failure) | Outcome::Canceled(failure) => Err(failed(from_failure(failure))),
            }
        }
        // The host answers an operation with its kind of resolution.
        _ => Err(failed(Failure::default())),
    }
}

/// Decodes the outcome of a call.
pub(crate) fn decoded<T, E>(outcome: Result<Option<Payload>, E>) -> Result<T, E>
where
    T: Returned,
    E: From<PayloadError>,
{
    Ok(T::from_payload(outcome?)?)
}
