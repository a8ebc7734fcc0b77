//! What the SDK keeps of a run, whatever its workflow type is: what the host told it, its pending
//! operations, and the tasks that wait for the workflow's state to change.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::task::Waker;

use guest_sdk_types::{Failure, NamedPayloads};

use crate::bindings::workflow::host::activation::{
    ContinueAsNewReason, DeploymentVersion, Task, WorkflowInfo,
};
use crate::buffered_signals::BufferedSignals;
use crate::cancellation::WorkflowCancellationToken;
use crate::convert::from_named_payloads;
use crate::handlers::RunningHandlers;
use crate::pending::PendingOperations;
use crate::waiting_conditions::WaitingConditions;

/// One run.
pub(crate) struct RunState {
    pub(crate) info: WorkflowInfo,
    pub(crate) task: RefCell<TaskInfo>,
    pub(crate) memo: RefCell<NamedPayloads>,
    pub(crate) search_attributes: RefCell<NamedPayloads>,
    pub(crate) current_details: RefCell<String>,
    /// Cancelled by the job `cancel`.
    pub(crate) token: WorkflowCancellationToken,
    /// Signal and update handlers that have not ended.
    pub(crate) running_handlers: RunningHandlers,
    pub(crate) signals: BufferedSignals,
    pub(crate) waiting: WaitingConditions,
    pub(crate) pending: Rc<PendingOperations>,
    /// The interceptors of the run, if its module has some. Their type knows contexts, which know this one.
    pub(crate) interceptors: OnceCell<Box<dyn Any>>,
    /// The headers that interceptors passed on to the `#[run]` method.
    pub(crate) intercepted_headers: OnceCell<NamedPayloads>,
    /// Whether jobs are being applied: the bodies of async methods begin after that.
    pub(crate) is_applying_jobs: Cell<bool>,
    /// Tasks that wait for the state of the workflow to change.
    conditions: RefCell<Vec<Waker>>,
    task_failure: RefCell<Option<Box<Failure>>>,
}

/// The current workflow task, without its jobs.
#[derive(Default)]
pub(crate) struct TaskInfo {
    /// Nanoseconds since 1970.
    pub(crate) time: u64,
    pub(crate) history_length: u32,
    pub(crate) history_size: u64,
    pub(crate) continue_as_new_suggested: bool,
    pub(crate) continue_as_new_reasons: Vec<ContinueAsNewReason>,
    pub(crate) target_deployment_version_changed: bool,
    pub(crate) deployment_version: Option<DeploymentVersion>,
}

impl TaskInfo {
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

impl RunState {
    pub(crate) fn new(mut info: WorkflowInfo, task: TaskInfo) -> Rc<Self> {
        let memo = from_named_payloads(std::mem::take(&mut info.memo));
        let search_attributes = from_named_payloads(std::mem::take(&mut info.search_attributes));
        Rc::new(Self {
            info,
            task: RefCell::new(task),
            memo: RefCell::new(memo),
            search_attributes: RefCell::new(search_attributes),
            current_details: RefCell::default(),
            token: WorkflowCancellationToken::new(),
            running_handlers: RunningHandlers::default(),
            signals: BufferedSignals::default(),
            waiting: WaitingConditions::default(),
            pending: Rc::default(),
            interceptors: OnceCell::new(),
            intercepted_headers: OnceCell::new(),
            is_applying_jobs: Cell::new(false),
            conditions: RefCell::default(),
            task_failure: RefCell::default(),
        })
    }

    /// Wakes the task when the state of the workflow may have changed.
    pub(crate) fn wake_when_changed(&self, waker: &Waker) {
        let mut conditions = self.conditions.borrow_mut();
        if !conditions.iter().any(|known| known.will_wake(waker)) {
            conditions.push(waker.clone());
        }
    }

    /// Wakes the tasks that wait for the state of the workflow to change.
    pub(crate) fn changed(&self) {
        for waker in self.conditions.take() {
            waker.wake();
        }
    }

    /// Fails the workflow task at the end of the activation. A later failure is ignored.
    pub(crate) fn fail_task(&self, failure: Box<Failure>) {
        self.task_failure.borrow_mut().get_or_insert(failure);
    }

    pub(crate) fn take_task_failure(&self) -> Option<Box<Failure>> {
        self.task_failure.take()
    }
}
