//! The future of a call that a workflow makes: of the operation itself, or of what interceptors made of it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

use crate::operation::{CancellableFuture, CancellableFutureWithReason, Operation};
use crate::options::opaque_debug;
use crate::pending::Resolution;
use crate::workflow_interceptors::{CancellableWorkflowOutboundFuture, WorkflowCancellationHandle};

/// Resolves with the answer to a call, without the types of the call.
pub(crate) enum OutboundCall<T> {
    /// A module without interceptors gets here without an allocation.
    Operation(Operation, fn(Resolution) -> T),
    Intercepted(CancellableWorkflowOutboundFuture<T>),
}

impl<T> OutboundCall<T> {
    pub(crate) fn cancel(&self, reason: Option<&str>) {
        match self {
            Self::Operation(operation, _) => operation.cancel(reason),
            Self::Intercepted(future) => match reason {
                Some(reason) => future.cancel_with_reason(reason.to_owned()),
                None => future.cancel(),
            },
        }
    }
}

impl<T: 'static> OutboundCall<T> {
    /// The future as interceptors see it.
    pub(crate) fn into_outbound_future(self) -> CancellableWorkflowOutboundFuture<T> {
        match self {
            Self::Operation(operation, convert) => {
                let cancel = operation.canceller();
                let cancel = WorkflowCancellationHandle::new(move |reason| cancel(reason.as_deref()));
                CancellableWorkflowOutboundFuture::new(async move { convert(operation.await) }, cancel)
            }
            Self::Intercepted(future) => future,
        }
    }
}

impl<T> Future for OutboundCall<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match &mut *self {
            Self::Operation(operation, convert) => Pin::new(operation).poll(context).map(convert),
            Self::Intercepted(future) => Pin::new(future).poll(context),
        }
    }
}

impl<T> FusedFuture for OutboundCall<T> {
    fn is_terminated(&self) -> bool {
        match self {
            Self::Operation(operation, _) => operation.is_terminated(),
            Self::Intercepted(future) => future.is_terminated(),
        }
    }
}

opaque_debug! { OutboundCall<T> }
