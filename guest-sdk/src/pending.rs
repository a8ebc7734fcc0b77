//! The operations of a run that the host has not answered yet, by kind and sequence number.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::task::Waker;

use crate::bindings::workflow::host::activation::{
    ActivityResolution, ChildStartResolution, NexusStartResolution,
};
use crate::bindings::workflow::host::types::{Failure, Outcome};
use crate::host;

/// Which job of a later activation answers an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OperationKind {
    Timer,
    Activity,
    ChildStart,
    Child,
    ExternalSignal,
    ExternalCancel,
    NexusStart,
    Nexus,
}

/// Names one operation of a run: its kind and the sequence number that the import returned.
pub(crate) type OperationKey = (OperationKind, u32);

/// The host's answer to an operation. The cases stand beside those of [`OperationKind`].
pub(crate) enum Resolution {
    TimerFired,
    /// The SDK makes this one itself: the host does not answer `time.cancel-timer`.
    TimerCancelled,
    Activity(ActivityResolution),
    ChildStart(ChildStartResolution),
    Outcome(Outcome),
    /// A signal or a request to cancel was delivered, or failed.
    Delivered(Option<Failure>),
    NexusStart(NexusStartResolution),
}

/// Holds the answer to one operation until its future is polled.
#[derive(Default)]
pub(crate) struct Slot {
    resolution: RefCell<Option<Resolution>>,
    waker: RefCell<Option<Waker>>,
}

impl Slot {
    /// Takes the answer, or has `waker` woken when it comes.
    pub(crate) fn take_or_wake(&self, waker: &Waker) -> Option<Resolution> {
        let resolution = self.resolution.take();
        if resolution.is_none() {
            match &mut *self.waker.borrow_mut() {
                Some(known) => known.clone_from(waker),
                empty => *empty = Some(waker.clone()),
            }
        }
        resolution
    }

    fn resolve(&self, resolution: Resolution) {
        self.resolution.replace(Some(resolution));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The pending operations of a run.
#[derive(Default)]
pub(crate) struct PendingOperations {
    slots: RefCell<BTreeMap<OperationKey, Rc<Slot>>>,
    /// Commands whose cancellation was issued: it is issued once.
    cancelled: RefCell<BTreeSet<OperationKey>>,
}

impl PendingOperations {
    /// Adds an operation and returns the slot of its answer.
    pub(crate) fn add(&self, key: OperationKey) -> Rc<Slot> {
        let slot = Rc::new(Slot::default());
        self.slots.borrow_mut().insert(key, Rc::clone(&slot));
        slot
    }

    /// Stores the answer to an operation and removes it. Returns false if it was not pending.
    pub(crate) fn resolve(&self, key: OperationKey, resolution: Resolution) -> bool {
        let slot = self.slots.borrow_mut().remove(&key);
        if let Some(slot) = &slot {
            slot.resolve(resolution);
        }
        slot.is_some()
    }

    /// Removes an operation that the host will not answer.
    pub(crate) fn remove(&self, key: OperationKey) {
        self.slots.borrow_mut().remove(&key);
    }

    /// Issues the cancellation of an operation, if it is pending and none was issued before.
    pub(crate) fn cancel(&self, key: OperationKey, reason: Option<&str>) {
        let is_pending = self.slots.borrow().contains_key(&key);
        // The start and the end of a child workflow or Nexus operation belong to one command.
        let command = match key {
            (OperationKind::ChildStart, seq) => (OperationKind::Child, seq),
            (OperationKind::NexusStart, seq) => (OperationKind::Nexus, seq),
            key => key,
        };
        if is_pending && self.cancelled.borrow_mut().insert(command) {
            self.issue_cancel(key, reason);
        }
    }

    fn issue_cancel(&self, (kind, seq): OperationKey, reason: Option<&str>) {
        match kind {
            OperationKind::Timer => {
                host::time::cancel_timer(seq);
                self.resolve((kind, seq), Resolution::TimerCancelled);
            }
            OperationKind::Activity => host::activities::cancel(seq),
            OperationKind::ChildStart | OperationKind::Child => {
                host::child_workflows::cancel(seq, reason.unwrap_or_default());
            }
            OperationKind::ExternalSignal => host::external_workflows::cancel_signal(seq),
            // The contract has no import that takes back a request to cancel.
            OperationKind::ExternalCancel => {}
            OperationKind::NexusStart | OperationKind::Nexus => host::nexus::cancel(seq),
        }
    }
}
