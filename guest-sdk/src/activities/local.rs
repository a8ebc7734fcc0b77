//! A local activity: attempts that the host runs within the workflow task, and timers of the workflow for
//! the backoffs that are too long for that.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use guest_sdk_types::Failure;

use crate::bindings::workflow::host::activation::ActivityResolution;
use crate::bindings::workflow::host::activities::LocalActivityOptions;
use crate::bindings::workflow::host::time::TimerOptions;
use crate::bindings::workflow::host::types::Outcome;
use crate::cancellation::WorkflowCancellationToken;
use crate::convert_failure::failure;
use crate::error::ActivityExecutionError;
use crate::host;
use crate::operation::{Operation, outcome};
use crate::pending::{OperationKind, Resolution};
use crate::run_state::RunState;
use crate::workflow_interceptors::{
    CancellableWorkflowOutboundFuture, ScheduleActivityResult, WorkflowCancellationHandle,
};

/// Resolves with the outcome of the last attempt.
pub(super) struct LocalActivity {
    run: Rc<RunState>,
    command: LocalActivityOptions,
    token: WorkflowCancellationToken,
    /// An attempt, or the timer before the next one.
    operation: Operation,
    cancelled: Cell<bool>,
    done: bool,
}

impl LocalActivity {
    /// Schedules the first attempt.
    pub(super) fn new(
        run: &Rc<RunState>,
        command: LocalActivityOptions,
        token: WorkflowCancellationToken,
    ) -> Self {
        let operation = schedule(run, &command, &token);
        Self { run: Rc::clone(run), command, token, operation, cancelled: Cell::new(false), done: false }
    }

    pub(super) fn cancel(&self) {
        self.cancelled.set(true);
        self.operation.cancel(None);
    }

    pub(super) fn is_terminated(&self) -> bool {
        self.done
    }

    /// The future as interceptors see it.
    pub(super) fn into_outbound_future(self) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
        let activity = Rc::new(RefCell::new(self));
        let cancelled = Rc::downgrade(&activity);
        let resolved = poll_fn(move |context| Pin::new(&mut *activity.borrow_mut()).poll(context));
        CancellableWorkflowOutboundFuture::new(
            async move { outcome(resolved.await, ActivityExecutionError::of) },
            WorkflowCancellationHandle::new(move |_| {
                if let Some(activity) = cancelled.upgrade() {
                    activity.borrow().cancel();
                }
            }),
        )
    }

    /// Starts the operation that follows on a resolution, or gives the last resolution back.
    fn next(&mut self, resolution: Resolution) -> Result<Operation, Resolution> {
        match resolution {
            Resolution::Activity(ActivityResolution::Outcome(_)) => Err(resolution),
            Resolution::Activity(ActivityResolution::Backoff(backoff)) => {
                if self.cancelled.get() || self.token.is_cancelled() {
                    return Err(cancelled_between_attempts());
                }
                self.command.attempt = backoff.attempt;
                self.command.original_schedule_time = backoff.original_schedule_time;
                let options = TimerOptions { start_to_fire_timeout: backoff.backoff, user_metadata: None };
                let seq = host::time::start_timer(&options);
                Ok(Operation::new(&self.run, (OperationKind::Timer, seq), &self.token))
            }
            Resolution::TimerFired => Ok(schedule(&self.run, &self.command, &self.token)),
            _ => Err(cancelled_between_attempts()),
        }
    }
}

impl Future for LocalActivity {
    type Output = Resolution;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Resolution> {
        let this = &mut *self;
        loop {
            let resolution = ready!(Pin::new(&mut this.operation).poll(context));
            match this.next(resolution) {
                Ok(operation) => this.operation = operation,
                Err(last) => {
                    this.done = true;
                    return Poll::Ready(last);
                }
            }
        }
    }
}

/// Schedules the attempt that the command names.
fn schedule(run: &RunState, command: &LocalActivityOptions, token: &WorkflowCancellationToken) -> Operation {
    let seq = host::activities::schedule_local(command);
    Operation::new(run, (OperationKind::Activity, seq), token)
}

fn cancelled_between_attempts() -> Resolution {
    Resolution::Outcome(Outcome::Canceled(failure(Failure::canceled("Activity cancelled", Vec::new()))))
}
