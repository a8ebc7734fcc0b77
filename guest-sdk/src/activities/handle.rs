//! The handle of an activity that was scheduled.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::FusedFuture;
use guest_sdk_types::Returned;

use super::local::LocalActivity;
use crate::error::ActivityExecutionError;
use crate::operation::{CancellableFuture, Issued, decoded, outcome};
use crate::options::opaque_debug;
use crate::outbound_call::OutboundCall;
use crate::workflow_interceptors::ScheduleActivityResult;

/// A scheduled activity, and the future of its result.
#[must_use = "dropping the handle excludes the activity from the cancellation of the run"]
pub struct ActivityHandle<T> {
    activity: Issued<ScheduledActivity>,
    result: PhantomData<fn() -> T>,
}

/// What waits for the outcome.
pub(super) enum ScheduledActivity {
    /// An activity task, or what interceptors made of either kind.
    Call(OutboundCall<ScheduleActivityResult>),
    Local(Box<LocalActivity>),
}

impl<T> ActivityHandle<T> {
    pub(super) fn new(activity: Issued<ScheduledActivity>) -> Self {
        Self { activity, result: PhantomData }
    }

    /// Requests cancellation. The handle then resolves as the activity's cancellation type says.
    pub fn cancel(&self) {
        match self.activity.sent() {
            Some(ScheduledActivity::Call(call)) => call.cancel(None),
            Some(ScheduledActivity::Local(activity)) => activity.cancel(),
            None => {}
        }
    }
}

impl<T: Returned> Future for ActivityHandle<T> {
    type Output = Result<T, ActivityExecutionError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(decoded(ready!(match ready!(self.activity.poll_sent())? {
            ScheduledActivity::Call(call) => Pin::new(call).poll(context),
            ScheduledActivity::Local(activity) => {
                let polled = Pin::new(activity).poll(context);
                polled.map(|resolution| outcome(resolution, ActivityExecutionError::of))
            }
        })))
    }
}

impl<T: Returned> FusedFuture for ActivityHandle<T> {
    fn is_terminated(&self) -> bool {
        self.activity.is_terminated(|activity| match activity {
            ScheduledActivity::Call(call) => call.is_terminated(),
            ScheduledActivity::Local(activity) => activity.is_terminated(),
        })
    }
}

impl<T: Returned> CancellableFuture for ActivityHandle<T> {
    fn cancel(&self) {
        self.cancel();
    }
}

opaque_debug! { ActivityHandle<T> }
