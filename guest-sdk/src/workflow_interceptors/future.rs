//! What interceptors pass on and return: the continuation of a call, and futures without the types of the call.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures_core::FusedFuture;

use crate::executor::LocalFuture;
use crate::operation::{CancellableFuture, CancellableFutureWithReason};
use crate::options::opaque_debug;

/// The rest of a call: the interceptors behind this one, and then what they intercept.
pub struct WorkflowNext<'a, I, O>(Box<dyn FnOnce(I) -> O + 'a>);

impl<'a, I, O> WorkflowNext<'a, I, O> {
    pub(crate) fn new(next: impl FnOnce(I) -> O + 'a) -> Self {
        Self(Box::new(next))
    }

    /// Goes on with the call. An interceptor that does not go on answers the call itself.
    pub fn run(self, input: I) -> O {
        (self.0)(input)
    }
}

impl<I, O> std::fmt::Debug for WorkflowNext<'_, I, O> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("WorkflowNext").finish_non_exhaustive()
    }
}

/// The future of an inbound call.
///
/// It is polled once when the call arrives, so that an interceptor sees calls in the order of their arrival, and
/// again with the other futures of the run. The body of an async method begins with these. It may await what
/// a workflow may await, and nothing else.
#[must_use = "futures do nothing unless they are awaited"]
pub struct WorkflowInterceptorFuture<'a, T>(Pin<Box<dyn Future<Output = T> + 'a>>);

impl<'a, T> WorkflowInterceptorFuture<'a, T> {
    /// Makes a future of another one, such as an async block.
    pub fn new(future: impl Future<Output = T> + 'a) -> Self {
        Self(Box::pin(future))
    }
}

impl<T> Future for WorkflowInterceptorFuture<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.0.as_mut().poll(context)
    }
}

impl<T> std::fmt::Debug for WorkflowInterceptorFuture<'_, T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("WorkflowInterceptorFuture").finish_non_exhaustive()
    }
}

/// The future of an outbound call that cannot be cancelled.
#[must_use = "dropping the future of a call excludes the call from the cancellation of the run"]
pub struct WorkflowOutboundFuture<T>(State<T>);

enum State<T> {
    Running(LocalFuture<T>),
    /// It ended when it was polled for the first time, before the workflow awaited it.
    Prefetched(Option<T>),
}

impl<T> WorkflowOutboundFuture<T> {
    /// Makes a future of another one, such as an async block.
    pub fn new(future: impl Future<Output = T> + 'static) -> Self {
        Self(State::Running(Box::pin(future)))
    }

    /// A future that has ended with this value.
    pub fn ready(value: T) -> Self {
        Self(State::Prefetched(Some(value)))
    }

    /// Converts the value with which the future ends.
    pub fn map<U>(self, map: impl FnOnce(T) -> U + 'static) -> WorkflowOutboundFuture<U>
    where
        T: 'static,
        U: 'static,
    {
        WorkflowOutboundFuture::new(async move { map(self.await) })
    }

    /// The same future, where one that can be cancelled is kept. Cancelling it has no effect.
    pub(crate) fn into_cancellable(self) -> CancellableWorkflowOutboundFuture<T> {
        let cancellation = WorkflowCancellationHandle::new(|_| {});
        CancellableWorkflowOutboundFuture { future: self, cancellation }
    }

    /// Polls the future once, so that a call goes out when the workflow makes it and not when it awaits it.
    pub(crate) fn begun(mut self) -> Self {
        if let State::Running(future) = &mut self.0
            && let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        {
            self.0 = State::Prefetched(Some(value));
        }
        self
    }
}

// A value is not pinned by its place here.
impl<T> Unpin for WorkflowOutboundFuture<T> {}

impl<T> Future for WorkflowOutboundFuture<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            State::Running(future) => {
                let polled = future.as_mut().poll(context);
                if polled.is_ready() {
                    self.0 = State::Prefetched(None);
                }
                polled
            }
            State::Prefetched(value) => value.take().map_or(Poll::Pending, Poll::Ready),
        }
    }
}

impl<T> FusedFuture for WorkflowOutboundFuture<T> {
    fn is_terminated(&self) -> bool {
        matches!(self.0, State::Prefetched(None))
    }
}

/// Cancels an outbound call. A clone cancels the same call.
#[derive(Clone)]
pub struct WorkflowCancellationHandle(Rc<dyn Fn(Option<String>)>);

impl WorkflowCancellationHandle {
    /// A handle that calls `cancel` with the reason, if there is one.
    pub fn new(cancel: impl Fn(Option<String>) + 'static) -> Self {
        Self(Rc::new(cancel))
    }

    /// Requests cancellation.
    pub fn cancel(&self, reason: Option<String>) {
        (self.0)(reason);
    }
}

/// The future of an outbound call that can be cancelled.
///
/// The token of the call cancels what [`WorkflowNext::run`] returned. `cancel` of the future that the
/// workflow has calls the handle.
#[must_use = "dropping the future of a call excludes the call from the cancellation of the run"]
pub struct CancellableWorkflowOutboundFuture<T> {
    future: WorkflowOutboundFuture<T>,
    cancellation: WorkflowCancellationHandle,
}

impl<T> CancellableWorkflowOutboundFuture<T> {
    /// Makes a future of another one, such as an async block, and of what cancels it.
    pub fn new(future: impl Future<Output = T> + 'static, cancellation: WorkflowCancellationHandle) -> Self {
        Self { future: WorkflowOutboundFuture::new(future), cancellation }
    }

    /// A future that has ended with this value: the answer of an interceptor that does not go on with a call.
    pub fn ready(value: T) -> Self {
        WorkflowOutboundFuture::ready(value).into_cancellable()
    }

    /// What cancels the call.
    #[must_use]
    pub fn cancellation_handle(&self) -> WorkflowCancellationHandle {
        self.cancellation.clone()
    }

    /// Converts the value with which the future ends.
    pub fn map<U>(self, map: impl FnOnce(T) -> U + 'static) -> CancellableWorkflowOutboundFuture<U>
    where
        T: 'static,
        U: 'static,
    {
        let cancellation = self.cancellation;
        CancellableWorkflowOutboundFuture { future: self.future.map(map), cancellation }
    }

    /// Polls the future once: see [`WorkflowOutboundFuture::begun`].
    pub(crate) fn begun(self) -> Self {
        Self { future: self.future.begun(), cancellation: self.cancellation }
    }
}

impl<T> Future for CancellableWorkflowOutboundFuture<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.future).poll(context)
    }
}

impl<T> FusedFuture for CancellableWorkflowOutboundFuture<T> {
    fn is_terminated(&self) -> bool {
        self.future.is_terminated()
    }
}

impl<T> CancellableFuture for CancellableWorkflowOutboundFuture<T> {
    fn cancel(&self) {
        if !self.is_terminated() {
            self.cancellation.cancel(None);
        }
    }
}

impl<T> CancellableFutureWithReason for CancellableWorkflowOutboundFuture<T> {
    fn cancel_with_reason(&self, reason: String) {
        if !self.is_terminated() {
            self.cancellation.cancel(Some(reason));
        }
    }
}

opaque_debug! {
    WorkflowOutboundFuture<T>, CancellableWorkflowOutboundFuture<T>, WorkflowCancellationHandle
}
