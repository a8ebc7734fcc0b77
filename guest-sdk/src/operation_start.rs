//! The start of what has a start and an end: a child workflow, a Nexus operation.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

use crate::operation::{CancellableFuture, CancellableFutureWithReason, Operation};
use crate::run_state::RunState;
use crate::workflow_interceptors::{
    CancellableWorkflowOutboundFuture, OutboundHook, WorkflowCancellationHandle, call_outbound,
    has_interceptors,
};

/// An operation that was issued. Resolves once it has started, with the future of its end, or with why it has not.
pub(crate) trait Starting: Future<Output: 'static> + Unpin + Sized + 'static {
    /// What interceptors see of the call.
    type Input: 'static;

    /// The method of interceptors for the call.
    const HOOK: OutboundHook<Self::Input, CancellableWorkflowOutboundFuture<Self::Output>>;

    /// Issues the command.
    fn issue(run: &RunState, input: Self::Input) -> Self;

    /// The operation that the start answers.
    fn start(&self) -> &Operation;
}

/// What waits for the start: for the operation itself, or for what interceptors made of it.
pub(crate) enum OperationStart<S: Starting> {
    Operation(Box<S>),
    Intercepted(CancellableWorkflowOutboundFuture<S::Output>),
}

impl<S: Starting> OperationStart<S> {
    /// Issues the command, through the interceptors of the run.
    pub(crate) fn new(run: &Rc<RunState>, input: S::Input) -> Self {
        if !has_interceptors(run) {
            return Self::Operation(Box::new(S::issue(run, input)));
        }
        let end = |run: &Rc<RunState>, input: S::Input| {
            let starting = S::issue(run, input);
            let cancel = starting.start().canceller();
            let cancel = WorkflowCancellationHandle::new(move |reason| cancel(reason.as_deref()));
            CancellableWorkflowOutboundFuture::new(starting, cancel)
        };
        Self::Intercepted(call_outbound(run, input, S::HOOK, end).begun())
    }

    pub(crate) fn cancel(&self, reason: Option<&str>) {
        match self {
            Self::Operation(starting) => starting.start().cancel(reason),
            Self::Intercepted(future) => match reason {
                Some(reason) => future.cancel_with_reason(reason.to_owned()),
                None => future.cancel(),
            },
        }
    }
}

impl<S: Starting> Future for OperationStart<S> {
    type Output = S::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<S::Output> {
        match &mut *self {
            Self::Operation(starting) => Pin::new(starting).poll(context),
            Self::Intercepted(future) => Pin::new(future).poll(context),
        }
    }
}

impl<S: Starting> FusedFuture for OperationStart<S> {
    fn is_terminated(&self) -> bool {
        match self {
            Self::Operation(starting) => starting.start().is_terminated(),
            Self::Intercepted(future) => future.is_terminated(),
        }
    }
}
