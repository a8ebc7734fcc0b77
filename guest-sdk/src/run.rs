//! What one run knows, whatever its workflow type is: the facts of the current task, the operations that
//! are pending, and what is to be woken.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::task::Waker;

use guest_sdk_types::{Failure, NamedPayloads};

use crate::bindings::workflow::host::activation::{
    ContinueAsNewReason, DeploymentVersion, Task, WorkflowInfo,
};
use crate::cancellation::WorkflowCancellationToken;
use crate::convert::from_named_payloads;
use crate::operation::{Key, Kind, Resolution, Slot, send_cancel};
use crate::signals::Signals;

/// One run.
pub(crate) struct Run {
    pub(crate) info: WorkflowInfo,
    pub(crate) task: RefCell<TaskFacts>,
    pub(crate) memo: RefCell<NamedPayloads>,
    pub(crate) search_attributes: RefCell<NamedPayloads>,
    pub(crate) current_details: RefCell<String>,
    /// Cancelled when somebody asks to cancel the run.
    pub(crate) token: WorkflowCancellationToken,
    /// Signal and update handlers that have not ended.
    pub(crate) handlers: Cell<u32>,
    pub(crate) signals: Signals,
    pending: RefCell<BTreeMap<Key, Rc<Slot>>>,
    /// Operations whose cancellation was sent; it is sent once.
    cancelled: RefCell<BTreeSet<Key>>,
    /// Tasks that wait for the state of the workflow to change.
    conditions: RefCell<Vec<Waker>>,
    task_failure: RefCell<Option<Box<Failure>>>,
}

/// What is known of the current workflow task.
#[derive(Default)]
pub(crate) struct TaskFacts {
    /// Nanoseconds since 1970.
    pub(crate) time: u64,
    pub(crate) history_length: u32,
    pub(crate) history_size: u64,
    pub(crate) continue_as_new_suggested: bool,
    pub(crate) continue_as_new_reasons: Vec<ContinueAsNewReason>,
    pub(crate) target_deployment_version_changed: bool,
    pub(crate) deployment_version: Option<DeploymentVersion>,
}

impl TaskFacts {
    pub(crate) fn of(task: &Task) -> Self {
        Self {
            time: task.time,
            history_length: task.history_length,
            history_size: task.history_size,
            continue_as_new_suggested: task.continue_as_new_suggested,
            continue_as_new_reasons: task.continue_as_new_reasons.clone(),
            target_deployment_version_changed: task.target_deployment_version_changed,
            deployment_version: task.deployment_version.clone(),
        }
    }
}

impl Run {
    pub(crate) fn new(mut info: WorkflowInfo, task: TaskFacts) -> Rc<Self> {
        let memo = from_named_payloads(std::mem::take(&mut info.memo));
        let search_attributes = from_named_payloads(std::mem::take(&mut info.search_attributes));
        Rc::new(Self {
            info,
            task: RefCell::new(task),
            memo: RefCell::new(memo),
            search_attributes: RefCell::new(search_attributes),
            current_details: RefCell::default(),
            token: WorkflowCancellationToken::new(),
            handlers: Cell::new(0),
            signals: Signals::default(),
            pending: RefCell::default(),
            cancelled: RefCell::default(),
            conditions: RefCell::default(),
            task_failure: RefCell::default(),
        })
    }

    /// Makes the place for an answer.
    pub(crate) fn expect(&self, key: Key) -> Rc<Slot> {
        let slot = Rc::new(Slot::default());
        self.pending.borrow_mut().insert(key, Rc::clone(&slot));
        slot
    }

    /// Puts an answer into its place. Whether there was one.
    pub(crate) fn resolve(&self, key: Key, resolution: Resolution) -> bool {
        let slot = self.forget(key);
        if let Some(slot) = &slot {
            slot.resolve(resolution);
        }
        slot.is_some()
    }

    /// No answer will come.
    pub(crate) fn forget(&self, key: Key) -> Option<Rc<Slot>> {
        self.pending.borrow_mut().remove(&key)
    }

    /// Sends the cancellation of an operation, if it is pending and none was sent.
    pub(crate) fn cancel_operation(&self, key: Key, reason: Option<&str>) {
        let is_pending = self.pending.borrow().contains_key(&key);
        // Start and end of a child or Nexus operation are one command.
        let command = match key {
            (Kind::ChildStart, seq) => (Kind::Child, seq),
            (Kind::NexusStart, seq) => (Kind::Nexus, seq),
            key => key,
        };
        if is_pending && self.cancelled.borrow_mut().insert(command) {
            send_cancel(self, key, reason);
        }
    }

    /// Wakes the task when the state of the workflow may have changed.
    pub(crate) fn wake_when_changed(&self, waker: &Waker) {
        let mut conditions = self.conditions.borrow_mut();
        if !conditions.iter().any(|known| known.will_wake(waker)) {
            conditions.push(waker.clone());
        }
    }

    /// The state of the workflow may have changed.
    pub(crate) fn changed(&self) {
        for waker in self.conditions.take() {
            waker.wake();
        }
    }

    /// Fails the workflow task at the end of the activation. The first failure counts.
    pub(crate) fn fail_task(&self, failure: Box<Failure>) {
        self.task_failure.borrow_mut().get_or_insert(failure);
    }

    pub(crate) fn take_task_failure(&self) -> Option<Box<Failure>> {
        self.task_failure.take()
    }
}
