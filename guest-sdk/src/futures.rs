//! `select!`, `join!` and `join_all`, which poll their futures in the same order in every replay.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

use crate::timers::Timer;

/// Waits for the first of several futures: `select! { pattern = future => expression, … }`.
///
/// Polls the branches from the first to the last. If several are ready, the first one wins, in every replay.
/// A future in a variable is borrowed, and the next `select!` can poll it again; it must be `Unpin`, as the
/// futures of the SDK are. A timer that a branch itself makes is cancelled if another branch wins. Futures that have
/// ended are skipped. The branch `complete => …` runs when all
/// futures have ended, and `default => …` when none is ready.
///
/// ```no_run
/// # use guest_sdk::{WorkflowContext, WorkflowResult, select};
/// # use std::time::Duration;
/// # async fn work() -> WorkflowResult<u32> { Ok(1) }
/// # async fn routine<W>(ctx: &mut WorkflowContext<W>) -> WorkflowResult<u32> {
/// select! {
///     result = work() => result,
///     _ = ctx.timer(Duration::from_secs(60)) => Ok(0),
///     _reason = ctx.cancelled() => { Ok(0) }
/// }
/// # }
/// ```
pub use guest_sdk_macros::select;

/// Waits for all of several futures: `let (a, b) = join!(one, other)`. Polls them from the first to the last.
///
/// ```no_run
/// # use guest_sdk::{WorkflowContext, join};
/// # use std::time::Duration;
/// # async fn routine<W>(ctx: &mut WorkflowContext<W>) {
/// let (first, second) = join!(ctx.timer(Duration::from_secs(1)), ctx.timer(Duration::from_secs(2)));
/// # }
/// ```
pub use guest_sdk_macros::join;

/// Waits for all futures of a collection, and returns their results in the same order.
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
    JoinAll(Some(futures.into_iter().map(|future| Waiting::For(Box::pin(future))).collect()))
}

/// The future of [`join_all`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct JoinAll<F: Future>(Option<Vec<Waiting<F>>>);

enum Waiting<F: Future> {
    For(Pin<Box<F>>),
    Over(Option<F::Output>),
}

impl<F: Future> Unpin for JoinAll<F> {}

impl<F: Future> Future for JoinAll<F> {
    type Output = Vec<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Vec<F::Output>> {
        let mut is_pending = false;
        for waiting in self.0.iter_mut().flatten() {
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
        // `None` if it is polled again after its end.
        match self.0.take() {
            Some(all) => Poll::Ready(all.into_iter().filter_map(result).collect()),
            None => Poll::Pending,
        }
    }
}

impl<F: Future> FusedFuture for JoinAll<F> {
    fn is_terminated(&self) -> bool {
        self.0.is_none()
    }
}

impl<F: Future> std::fmt::Debug for JoinAll<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("JoinAll").finish_non_exhaustive()
    }
}

/// Asks a future whether it has ended. A future that is not a `FusedFuture` counts as one that has not.
/// Method resolution finds [`IsTerminated`] before [`MayBeTerminated`], because it needs one reference less.
#[derive(Debug)]
pub struct Probe<'a, F>(pub &'a F);

/// Implemented for futures that know whether they have ended.
pub trait IsTerminated {
    /// Whether the future has ended.
    fn is_terminated(&self) -> bool;
}

/// Implemented for all futures.
pub trait MayBeTerminated {
    /// False, because it is not known.
    fn is_terminated(&self) -> bool {
        false
    }
}

impl<F: FusedFuture> IsTerminated for Probe<'_, F> {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated()
    }
}

impl<F> MayBeTerminated for &Probe<'_, F> {}

/// Implemented for timers, which `select!` cancels if it made them and another future was ready first.
pub trait LostTimer {
    /// Cancels the timer, unless it has ended.
    fn lose(&self);
}

/// Implemented for all futures.
pub trait Lost {
    /// Nothing: only timers are cancelled. A timer in a variable is borrowed, and goes on.
    fn lose(&self) {}
}

impl LostTimer for Probe<'_, Timer> {
    fn lose(&self) {
        if !self.0.is_terminated() {
            self.0.cancel();
        }
    }
}

impl<F> Lost for &Probe<'_, F> {}

#[cfg(test)]
mod tests {
    use std::future::{Ready, pending, poll_fn, ready};
    use std::task::Waker;

    use super::*;
    use crate::{join, select};

    /// Polls a future once.
    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }

    /// A fused future that is ready once.
    struct Once(Option<u8>);

    impl Future for Once {
        type Output = u8;

        fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u8> {
            self.0.take().map_or(Poll::Pending, Poll::Ready)
        }
    }

    impl FusedFuture for Once {
        fn is_terminated(&self) -> bool {
            self.0.is_none()
        }
    }

    #[test]
    fn the_first_branch_that_is_ready_wins() {
        assert_eq!(
            now(async {
                select! { _ = pending::<()>() => 0, a = ready(1) => a, b = ready(2) => b }
            }),
            Some(1)
        );
        assert_eq!(
            now(async {
                select! { _ = pending::<()>() => 0, _ = pending::<()>() => { 1 } }
            }),
            None
        );
        assert_eq!(
            now(async {
                select! { _ = pending::<()>() => 0, default => 7 }
            }),
            Some(7)
        );
    }

    #[test]
    fn what_has_ended_is_skipped() {
        let seen = now(async {
            let (mut one, mut two) = (Once(Some(1)), Once(Some(2)));
            let mut seen = vec![];
            loop {
                select! {
                    a = one => seen.push(a),
                    b = &mut two => { seen.push(b) }
                    complete => return seen,
                }
            }
        });
        assert_eq!(seen, Some(vec![1, 2]));
    }

    #[test]
    fn branches_may_use_what_their_futures_borrowed() {
        let sum = now(async {
            let mut value = 1;
            select! {
                () = async { value += 1 } => value += 10,
                () = pending() => {}
            }
            value
        });
        assert_eq!(sum, Some(12));
    }

    #[test]
    fn all_are_waited_for() {
        let mut polls = 0;
        let late = poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls < 3 { Poll::Pending } else { Poll::Ready("late") }
        });
        let mut both = std::pin::pin!(async { join!(ready(1), late) });
        let mut context = Context::from_waker(Waker::noop());
        let results: Vec<_> = (0..3).map(|_| both.as_mut().poll(&mut context)).collect();
        assert_eq!(results, [Poll::Pending, Poll::Pending, Poll::Ready((1, "late"))]);
        assert_eq!(now(join_all([ready(1), ready(2)])), Some(vec![1, 2]));
        assert_eq!(now(join_all(Vec::<Ready<u8>>::new())), Some(vec![]));
        assert_eq!(now(async { join!() }), Some(()));
    }
}
