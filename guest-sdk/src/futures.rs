//! Waiting for several things at once, in an order that is the same in every replay.

/// Waits for the first of several futures: `select! { result = future => expression, … }`.
///
/// Looks at the branches from the first to the last, so that the first one wins when several are ready.
/// The futures of this crate can be kept in variables and given to several `select!` in turn; `complete`
/// is the branch for when all of them have ended.
///
/// ```no_run
/// # use guest_sdk::{WorkflowContext, select};
/// # use std::time::Duration;
/// # async fn routine<W>(ctx: &mut WorkflowContext<W>) {
/// select! {
///     _ = ctx.timer(Duration::from_secs(60)) => { /* the time is up */ }
///     reason = ctx.cancelled() => { /* somebody asked to cancel */ }
/// }
/// # }
/// ```
#[macro_export]
macro_rules! select {
    ($($tokens:tt)*) => { $crate::__private::futures_util::select_biased! { $($tokens)* } };
}

/// Waits for all of several futures: `let (a, b) = join!(one, other)`.
///
/// ```no_run
/// # use guest_sdk::{WorkflowContext, join};
/// # use std::time::Duration;
/// # async fn routine<W>(ctx: &mut WorkflowContext<W>) {
/// let (first, second) = join!(ctx.timer(Duration::from_secs(1)), ctx.timer(Duration::from_secs(2)));
/// # }
/// ```
#[macro_export]
macro_rules! join {
    ($($tokens:tt)*) => { $crate::__private::futures_util::join! { $($tokens)* } };
}

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Waits for all futures of a collection; gives their results in the same order.
///
/// ```no_run
/// # use guest_sdk::{WorkflowContext, join_all};
/// # use std::time::Duration;
/// # async fn routine<W>(ctx: &mut WorkflowContext<W>) {
/// let timers = (1..=3).map(|seconds| ctx.timer(Duration::from_secs(seconds)));
/// let results = join_all(timers).await;
/// # }
/// ```
pub fn join_all<I: IntoIterator>(futures: I) -> JoinAll<I::Item>
where
    I::Item: Future,
{
    JoinAll(futures.into_iter().map(|future| Waiting::For(Box::pin(future))).collect())
}

/// Made by [`join_all`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct JoinAll<F: Future>(Vec<Waiting<F>>);

enum Waiting<F: Future> {
    For(Pin<Box<F>>),
    Over(Option<F::Output>),
}

impl<F: Future> Unpin for JoinAll<F> {}

impl<F: Future> Future for JoinAll<F> {
    type Output = Vec<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Vec<F::Output>> {
        let mut is_pending = false;
        for waiting in &mut self.0 {
            if let Waiting::For(future) = waiting {
                match future.as_mut().poll(context) {
                    Poll::Ready(result) => *waiting = Waiting::Over(Some(result)),
                    Poll::Pending => is_pending = true,
                }
            }
        }
        if is_pending {
            return Poll::Pending;
        }
        let result = |waiting| match waiting {
            Waiting::Over(result) => result,
            Waiting::For(_) => None,
        };
        Poll::Ready(std::mem::take(&mut self.0).into_iter().filter_map(result).collect())
    }
}

impl<F: Future> std::fmt::Debug for JoinAll<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("JoinAll").field("futures", &self.0.len()).finish()
    }
}
