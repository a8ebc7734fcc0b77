//! An operation: something that the workflow asked for and that a job of a later activation answers.
//! Typed futures (an activity, a timer, …) are made of it, each in a file of its own.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures_core::FusedFuture;

use crate::bindings::workflow::host::activation::{
    ActivityResolution, ChildStartResolution, NexusStartResolution,
};
use crate::bindings::workflow::host::types::{Failure, Outcome};
use crate::cancellation::{Registration, WorkflowCancellationToken};
use crate::host;
use crate::run::Run;

/// A future that can be cancelled.
pub trait CancellableFuture: FusedFuture {
    /// Asks to cancel. The future then resolves as its cancellation type says.
    fn cancel(&self);
}

/// A future that can be cancelled with a reason.
pub trait CancellableFutureWithReason: CancellableFuture {
    /// Asks to cancel, and says why.
    fn cancel_with_reason(&self, reason: String);
}

/// Which answer an operation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Timer,
    Activity,
    ChildStart,
    Child,
    ExternalSignal,
    ExternalCancel,
    NexusStart,
    Nexus,
}

/// An operation of a run: what is waited for, and its sequence number.
pub(crate) type Key = (Kind, u32);

/// The answer of the host. The cases stand beside those of [`Kind`].
pub(crate) enum Resolution {
    TimerFired,
    /// The only answer that is the SDK's own: the host does not answer the cancellation of a timer.
    TimerCancelled,
    Activity(ActivityResolution),
    ChildStart(ChildStartResolution),
    Outcome(Outcome),
    Done(Option<Failure>),
    NexusStart(NexusStartResolution),
}

/// Where the answer is put.
#[derive(Default)]
pub(crate) struct Slot {
    resolution: RefCell<Option<Resolution>>,
    waker: RefCell<Option<Waker>>,
}

impl Slot {
    pub(crate) fn resolve(&self, resolution: Resolution) {
        self.resolution.replace(Some(resolution));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Waits for the answer.
pub(crate) struct Operation {
    run: Rc<Run>,
    key: Key,
    slot: Rc<Slot>,
    done: Cell<bool>,
    /// Dropping the future ends it: what nobody waits for is not cancelled with the run.
    registration: Option<Registration>,
}

impl Operation {
    pub(crate) fn new(run: &Rc<Run>, key: Key, token: &WorkflowCancellationToken) -> Self {
        let slot = run.expect(key);
        let registration = token.register(run, key);
        Self { run: Rc::clone(run), key, slot, done: Cell::new(false), registration }
    }

    pub(crate) fn run(&self) -> &Rc<Run> {
        &self.run
    }

    pub(crate) fn cancel(&self, reason: Option<&str>) {
        self.run.cancel_operation(self.key, reason);
    }
}

impl Future for Operation {
    type Output = Resolution;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Resolution> {
        let resolution = self.slot.resolution.take();
        match resolution {
            Some(resolution) => {
                self.done.set(true);
                self.registration = None;
                Poll::Ready(resolution)
            }
            None => {
                let mut waker = self.slot.waker.borrow_mut();
                match &mut *waker {
                    Some(waker) => waker.clone_from(context.waker()),
                    None => *waker = Some(context.waker().clone()),
                }
                Poll::Pending
            }
        }
    }
}

impl FusedFuture for Operation {
    fn is_terminated(&self) -> bool {
        self.done.get()
    }
}

/// Sends the cancellation of an operation that is pending.
pub(crate) fn send_cancel(run: &Run, (kind, seq): Key, reason: Option<&str>) {
    match kind {
        Kind::Timer => {
            host::time::cancel_timer(seq);
            run.resolve((kind, seq), Resolution::TimerCancelled);
        }
        Kind::Activity => host::activities::cancel(seq),
        Kind::ChildStart | Kind::Child => host::child_workflows::cancel(seq, reason.unwrap_or_default()),
        Kind::ExternalSignal => host::external_workflows::cancel_signal(seq),
        // A request to cancel can not be taken back.
        Kind::ExternalCancel => {}
        Kind::NexusStart | Kind::Nexus => host::nexus::cancel(seq),
    }
}
