//! Child workflows: the start, and the handle of a started child.

mod options;

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures_core::FusedFuture;
use guest_sdk_types::{IntoPayloads, Returned, SignalDefinition, WorkflowDefinition};

pub use self::options::{
    ChildWorkflowCancellationType, ChildWorkflowOptions, ChildWorkflowOptionsBuilder, ParentClosePolicy,
    VersioningOverride, WorkflowIdReusePolicy,
};
use crate::bindings::workflow::host::activation::ChildStartResolution;
use crate::context::SyncWorkflowContext;
use crate::convert_failure::from_failure;
use crate::error::{ChildWorkflowExecutionError, ChildWorkflowStartError};
use crate::external_workflows::{ExternalSignal, SignalWorkflowOptions, send_signal};
use crate::host;
use crate::operation::{CancellableFuture, CancellableFutureWithReason, Issued, Operation, decoded, outcome};
use crate::operation_start::{OperationStart, Starting};
use crate::options::opaque_debug;
use crate::outbound_call::OutboundCall;
use crate::pending::{OperationKind, Resolution};
use crate::run_state::RunState;
use crate::workflow_interceptors::{
    CancellableWorkflowOutboundFuture, ChildWorkflowOutboundResult, OutboundHook, SignalWorkflowTarget,
    StartChildWorkflowInput, StartChildWorkflowOutput, StartChildWorkflowResult,
};

impl<W> SyncWorkflowContext<W> {
    /// Starts a child workflow. The future resolves once the child has started.
    pub fn start_child_workflow<C: WorkflowDefinition>(
        &self,
        workflow: C,
        input: impl Into<C::Input>,
        options: ChildWorkflowOptions,
    ) -> ChildWorkflowStart<C> {
        let start = match C::arguments(input.into()).into_payloads() {
            Ok(arguments) => {
                let workflow_type = workflow.name().to_owned();
                let input = StartChildWorkflowInput { workflow_type, arguments, options };
                Issued::Sent(OperationStart::new(self.run(), input))
            }
            Err(error) => Issued::NotEncoded(Some(error)),
        };
        ChildWorkflowStart { start, run: Rc::clone(self.run()), workflow: PhantomData }
    }

    /// Starts a child workflow and waits for its result.
    ///
    /// # Errors
    /// The child did not start, failed or was cancelled, or a value could not be converted.
    pub async fn execute_child_workflow<C: WorkflowDefinition>(
        &self,
        workflow: C,
        input: impl Into<C::Input>,
        options: ChildWorkflowOptions,
    ) -> Result<C::Output, ChildWorkflowExecutionError> {
        self.start_child_workflow(workflow, input, options).await?.result().await
    }
}

/// The future of a child workflow's start.
#[must_use = "futures do nothing unless they are awaited"]
pub struct ChildWorkflowStart<C> {
    start: Issued<OperationStart<StartingChild>>,
    run: Rc<RunState>,
    workflow: PhantomData<fn() -> C>,
}

struct StartingChild {
    start: Operation,
    /// Moves into [`StartedChildWorkflow`] when the child has started.
    end: Option<Operation>,
    workflow_id: String,
    workflow_type: String,
}

impl Starting for StartingChild {
    type Input = StartChildWorkflowInput;

    const HOOK: OutboundHook<Self::Input, CancellableWorkflowOutboundFuture<Self::Output>> =
        |interceptor, context, input, next| interceptor.start_child_workflow(context, input, next);

    fn issue(run: &RunState, input: StartChildWorkflowInput) -> Self {
        let StartChildWorkflowInput { workflow_type, arguments, options } = input;
        let token = options.cancellation_token.clone().unwrap_or_else(|| run.token.clone());
        let command = options.into_command(workflow_type, arguments);
        let seq = host::child_workflows::start(&command);
        // The end is expected from now on: one activation may bring both the start and the end.
        Self {
            start: Operation::new(run, (OperationKind::ChildStart, seq), &token),
            end: Some(Operation::new(run, (OperationKind::Child, seq), &token)),
            workflow_id: command.workflow_id,
            workflow_type: command.workflow_type,
        }
    }

    fn start(&self) -> &Operation {
        &self.start
    }
}

impl Future for StartingChild {
    type Output = StartChildWorkflowResult;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<StartChildWorkflowResult> {
        let resolution = ready!(Pin::new(&mut self.start).poll(context));
        let end = self.end.take();
        let workflow_id = std::mem::take(&mut self.workflow_id);
        Poll::Ready(match (resolution, end) {
            (Resolution::ChildStart(ChildStartResolution::Started(run_id)), Some(end)) => {
                let result = OutboundCall::Operation(end, |resolution| {
                    outcome(resolution, ChildWorkflowExecutionError::of)
                });
                Ok(StartChildWorkflowOutput { run_id, workflow_id, result })
            }
            (Resolution::ChildStart(ChildStartResolution::Failed(cause)), _) => {
                let workflow_type = std::mem::take(&mut self.workflow_type);
                Err(ChildWorkflowStartError::StartFailed { workflow_id, workflow_type, cause })
            }
            (Resolution::ChildStart(ChildStartResolution::Canceled(failure)), _) => {
                Err(ChildWorkflowStartError::Cancelled(Box::new(from_failure(failure))))
            }
            // The host answers an operation with its kind of resolution.
            _ => Err(ChildWorkflowStartError::Cancelled(Box::default())),
        })
    }
}

impl<C: WorkflowDefinition> Future for ChildWorkflowStart<C> {
    type Output = Result<StartedChildWorkflow<C>, ChildWorkflowStartError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let started = Pin::new(ready!(self.start.poll_sent())?).poll(context);
        started.map_ok(|StartChildWorkflowOutput { run_id, workflow_id, result }| StartedChildWorkflow {
            run_id,
            workflow_id,
            run: Rc::clone(&self.run),
            end: result,
            workflow: PhantomData,
        })
    }
}

impl<C: WorkflowDefinition> FusedFuture for ChildWorkflowStart<C> {
    fn is_terminated(&self) -> bool {
        self.start.is_terminated(OperationStart::is_terminated)
    }
}

impl<C: WorkflowDefinition> CancellableFuture for ChildWorkflowStart<C> {
    fn cancel(&self) {
        if let Some(start) = self.start.sent() {
            start.cancel(None);
        }
    }
}

impl<C: WorkflowDefinition> CancellableFutureWithReason for ChildWorkflowStart<C> {
    fn cancel_with_reason(&self, reason: String) {
        if let Some(start) = self.start.sent() {
            start.cancel(Some(&reason));
        }
    }
}

/// A child workflow that has started.
pub struct StartedChildWorkflow<C> {
    /// The run id of the child.
    pub run_id: String,
    workflow_id: String,
    run: Rc<RunState>,
    end: OutboundCall<ChildWorkflowOutboundResult>,
    workflow: PhantomData<fn() -> C>,
}

impl<C: WorkflowDefinition> StartedChildWorkflow<C> {
    /// The workflow id of the child.
    #[must_use]
    pub fn workflow_id(&self) -> &str {
        &self.workflow_id
    }

    /// The future of the child's result.
    pub fn result(self) -> ChildWorkflowResult<C::Output> {
        ChildWorkflowResult { end: self.end, result: PhantomData }
    }

    /// Requests cancellation of the child. [`result`](Self::result) then resolves as the cancellation type
    /// of the child says.
    pub fn cancel(&self, reason: impl Into<String>) {
        self.end.cancel(Some(&reason.into()));
    }

    /// Sends a signal to the child.
    pub fn signal<S: SignalDefinition<Workflow = C>>(
        &self,
        signal: S,
        input: impl Into<S::Input>,
        options: SignalWorkflowOptions,
    ) -> ExternalSignal {
        let target = SignalWorkflowTarget::Child { workflow_id: self.workflow_id.clone() };
        send_signal(&self.run, target, &signal, input.into(), options)
    }
}

/// The future of a child's result: see [`StartedChildWorkflow::result`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct ChildWorkflowResult<T> {
    end: OutboundCall<ChildWorkflowOutboundResult>,
    result: PhantomData<fn() -> T>,
}

impl<T: Returned> Future for ChildWorkflowResult<T> {
    type Output = Result<T, ChildWorkflowExecutionError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.end).poll(context).map(decoded)
    }
}

impl<T: Returned> FusedFuture for ChildWorkflowResult<T> {
    fn is_terminated(&self) -> bool {
        self.end.is_terminated()
    }
}

impl<T: Returned> CancellableFuture for ChildWorkflowResult<T> {
    fn cancel(&self) {
        self.end.cancel(None);
    }
}

impl<T: Returned> CancellableFutureWithReason for ChildWorkflowResult<T> {
    fn cancel_with_reason(&self, reason: String) {
        self.end.cancel(Some(&reason));
    }
}

opaque_debug! { ChildWorkflowStart<C>, StartedChildWorkflow<C>, ChildWorkflowResult<T> }
