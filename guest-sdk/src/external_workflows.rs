//! External workflows: signals and requests to cancel that a workflow sends to another one.

mod options;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures_core::FusedFuture;
use guest_sdk_types::{IntoPayloads, SignalDefinition};

pub use self::options::{SignalWorkflowOptions, SignalWorkflowOptionsBuilder};
use crate::bindings::workflow::host::external_workflows::{SignalOptions, SignalTarget};
use crate::bindings::workflow::host::types::NamespacedExecution;
use crate::cancellation::WorkflowCancellationToken;
use crate::context::SyncWorkflowContext;
use crate::convert::{named_payloads, payloads, user_metadata};
use crate::convert_failure::from_failure;
use crate::error::{CancelExternalWorkflowError, WorkflowSignalError};
use crate::host;
use crate::operation::{CancellableFuture, Issued, Operation};
use crate::options::opaque_debug;
use crate::outbound_call::OutboundCall;
use crate::pending::{OperationKind, Resolution};
use crate::run_state::RunState;
use crate::workflow_interceptors::{
    CancelExternalWorkflowInput, CancelExternalWorkflowResult, SignalWorkflowInput, SignalWorkflowResult,
    SignalWorkflowTarget, WorkflowOutboundFuture, call_outbound, has_interceptors,
};

impl<W> SyncWorkflowContext<W> {
    /// A handle of another workflow of the same namespace. Without a run id it addresses the current run.
    #[must_use]
    pub fn external_workflow(
        &self,
        workflow_id: impl Into<String>,
        run_id: Option<String>,
    ) -> ExternalWorkflowHandle {
        let execution = NamespacedExecution {
            namespace: self.namespace().to_owned(),
            workflow_id: workflow_id.into(),
            run_id: run_id.unwrap_or_default(),
        };
        ExternalWorkflowHandle { run: Rc::clone(self.run()), execution }
    }
}

/// Addresses another workflow: see [`SyncWorkflowContext::external_workflow`].
#[derive(Clone)]
pub struct ExternalWorkflowHandle {
    run: Rc<RunState>,
    execution: NamespacedExecution,
}

impl ExternalWorkflowHandle {
    /// The workflow id.
    #[must_use]
    pub fn workflow_id(&self) -> &str {
        &self.execution.workflow_id
    }

    /// The run id, if the handle was made with one.
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        (!self.execution.run_id.is_empty()).then_some(self.execution.run_id.as_str())
    }

    /// Sends a signal. The future resolves once the service has delivered it.
    pub fn signal<S: SignalDefinition>(
        &self,
        signal: S,
        input: impl Into<S::Input>,
        options: SignalWorkflowOptions,
    ) -> ExternalSignal {
        let NamespacedExecution { namespace, workflow_id, run_id } = self.execution.clone();
        let run_id = (!run_id.is_empty()).then_some(run_id);
        let target = SignalWorkflowTarget::External { namespace, workflow_id, run_id };
        send_signal(&self.run, target, &signal, input.into(), options)
    }

    /// Requests cancellation. The future resolves once the service has delivered the request.
    pub fn cancel(&self, reason: Option<String>) -> ExternalCancel {
        let workflow_id = self.workflow_id().to_owned();
        let run_id = self.run_id().map(str::to_owned);
        let input = CancelExternalWorkflowInput { workflow_id, run_id, reason };
        if !has_interceptors(&self.run) {
            return ExternalCancel(issue_cancel(&self.run, input));
        }
        let future = call_outbound(
            &self.run,
            input,
            |interceptor, context, input, next| interceptor.cancel_external_workflow(context, input, next),
            |run, input| WorkflowOutboundFuture::new(issue_cancel(run, input)),
        );
        ExternalCancel(OutboundCall::Intercepted(future.begun().into_cancellable()))
    }
}

pub(crate) fn send_signal<S: SignalDefinition>(
    run: &Rc<RunState>,
    target: SignalWorkflowTarget,
    signal: &S,
    input: S::Input,
    options: SignalWorkflowOptions,
) -> ExternalSignal {
    ExternalSignal(match S::arguments(input).into_payloads() {
        Ok(arguments) => {
            let signal_name = signal.name().to_owned();
            Issued::Sent(send(run, SignalWorkflowInput { signal_name, target, arguments, options }))
        }
        Err(error) => Issued::NotEncoded(Some(error)),
    })
}

fn send(run: &Rc<RunState>, input: SignalWorkflowInput) -> OutboundCall<SignalWorkflowResult> {
    if !has_interceptors(run) {
        return issue_signal(run, input);
    }
    let future = call_outbound(
        run,
        input,
        |interceptor, context, input, next| interceptor.signal_workflow(context, input, next),
        |run, input| issue_signal(run, input).into_outbound_future(),
    );
    OutboundCall::Intercepted(future.begun())
}

fn issue_signal(run: &RunState, input: SignalWorkflowInput) -> OutboundCall<SignalWorkflowResult> {
    let SignalWorkflowInput { signal_name, target, arguments, options } = input;
    let token = options.cancellation_token.unwrap_or_else(|| run.token.clone());
    let seq = host::external_workflows::signal(&SignalOptions {
        target: match target {
            SignalWorkflowTarget::Child { workflow_id } => SignalTarget::Child(workflow_id),
            SignalWorkflowTarget::External { namespace, workflow_id, run_id } => {
                let run_id = run_id.unwrap_or_default();
                SignalTarget::Execution(NamespacedExecution { namespace, workflow_id, run_id })
            }
        },
        name: signal_name,
        arguments: payloads(arguments),
        headers: options.headers.map(named_payloads).unwrap_or_default(),
        user_metadata: user_metadata(options.summary, None),
    });
    let operation = Operation::new(run, (OperationKind::ExternalSignal, seq), &token);
    OutboundCall::Operation(operation, |resolution| match resolution {
        Resolution::Delivered(Some(failure)) => Err(WorkflowSignalError::of(from_failure(failure))),
        _ => Ok(()),
    })
}

fn issue_cancel(
    run: &RunState,
    input: CancelExternalWorkflowInput,
) -> OutboundCall<CancelExternalWorkflowResult> {
    let CancelExternalWorkflowInput { workflow_id, run_id, reason } = input;
    // Handles are made for the namespace of the run.
    let namespace = run.info.namespace.clone();
    let execution = NamespacedExecution { namespace, workflow_id, run_id: run_id.unwrap_or_default() };
    let seq = host::external_workflows::request_cancel(&execution, &reason.unwrap_or_default());
    // The request cannot be taken back, so it gets a token that stays uncancelled.
    let token = WorkflowCancellationToken::new();
    let operation = Operation::new(run, (OperationKind::ExternalCancel, seq), &token);
    OutboundCall::Operation(operation, |resolution| match resolution {
        Resolution::Delivered(Some(failure)) => Err(CancelExternalWorkflowError::of(from_failure(failure))),
        _ => Ok(()),
    })
}

/// The future of a signal's delivery.
#[must_use = "futures do nothing unless they are awaited"]
pub struct ExternalSignal(Issued<OutboundCall<SignalWorkflowResult>>);

impl Future for ExternalSignal {
    type Output = Result<(), WorkflowSignalError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let call = ready!(self.0.poll_sent())?;
        Pin::new(call).poll(context)
    }
}

impl FusedFuture for ExternalSignal {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated(OutboundCall::is_terminated)
    }
}

impl CancellableFuture for ExternalSignal {
    fn cancel(&self) {
        if let Some(call) = self.0.sent() {
            call.cancel(None);
        }
    }
}

/// The future of a cancellation request's delivery.
#[must_use = "futures do nothing unless they are awaited"]
pub struct ExternalCancel(OutboundCall<CancelExternalWorkflowResult>);

impl Future for ExternalCancel {
    type Output = Result<(), CancelExternalWorkflowError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl FusedFuture for ExternalCancel {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated()
    }
}

impl std::fmt::Debug for ExternalWorkflowHandle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("ExternalWorkflowHandle").field(&self.execution).finish()
    }
}

opaque_debug! { ExternalSignal, ExternalCancel }
