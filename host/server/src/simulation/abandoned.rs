//! Calls whose callers go away.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// A call that is dropped when it waits for the n-th time: at each place where it can wait, for some n.
pub(super) struct Abandoned<F> {
    call: Pin<Box<F>>,
    waits: u64,
}

impl<F> Abandoned<F> {
    /// `waits`: the wait at which the call is dropped, from 1.
    pub(super) fn new(call: Pin<Box<F>>, waits: u64) -> Self {
        Self { call, waits }
    }
}

impl<F: Future> Future for Abandoned<F> {
    /// The answer, if it came before.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(answer) = self.call.as_mut().poll(context) {
            return Poll::Ready(Some(answer));
        }
        self.waits = self.waits.saturating_sub(1);
        if self.waits == 0 { Poll::Ready(None) } else { Poll::Pending }
    }
}
