//! External workflows: signals and requests to cancel that a workflow sends to another one.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures_core::FusedFuture;
use guest_sdk_types::{IntoPayloads, NamedPayloads, SignalDefinition};

use crate::bindings::workflow::host::external_workflows::{SignalOptions, SignalTarget};
use crate::bindings::workflow::host::types::NamespacedExecution;
use crate::cancellation::WorkflowCancellationToken;
use crate::context::SyncWorkflowContext;
use crate::convert::{named_payloads, payloads, user_metadata};
use crate::convert_failure::from_failure;
use crate::error::{CancelExternalWorkflowError, WorkflowSignalError};
use crate::host;
use crate::operation::{CancellableFuture, Issued, Operation};
use crate::options::{default_options, opaque_debug};
use crate::pending::{OperationKind, Resolution};
use crate::run_state::RunState;

default_options! {
    /// Options of a signal to another workflow.
    SignalWorkflowOptions, SignalWorkflowOptionsBuilder {
        /// The token that takes the signal back, as long as the workflow task that issued it has not
        /// completed. Default: the token of the run.
        cancellation_token, with_cancellation_token: WorkflowCancellationToken;
        /// One line that user interfaces show.
        summary, with_summary: String;
        /// Headers of the signal.
        headers, with_headers: NamedPayloads;
    }
}

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
        let target = SignalTarget::Execution(self.execution.clone());
        send_signal(&self.run, target, &signal, input.into(), options)
    }

    /// Requests cancellation. The future resolves once the service has delivered the request.
    pub fn cancel(&self, reason: Option<String>) -> ExternalCancel {
        let seq = host::external_workflows::request_cancel(&self.execution, &reason.unwrap_or_default());
        // The request cannot be taken back, so it gets a token that stays uncancelled.
        let token = WorkflowCancellationToken::new();
        ExternalCancel(Operation::new(&self.run, (OperationKind::ExternalCancel, seq), &token))
    }
}

pub(crate) fn send_signal<S: SignalDefinition>(
    run: &Rc<RunState>,
    target: SignalTarget,
    signal: &S,
    input: S::Input,
    options: SignalWorkflowOptions,
) -> ExternalSignal {
    let arguments = match S::arguments(input).into_payloads() {
        Ok(arguments) => arguments,
        Err(error) => return ExternalSignal(Issued::NotEncoded(Some(error))),
    };
    let token = options.cancellation_token.unwrap_or_else(|| run.token.clone());
    let seq = host::external_workflows::signal(&SignalOptions {
        target,
        name: signal.name().to_owned(),
        arguments: payloads(arguments),
        headers: options.headers.map(named_payloads).unwrap_or_default(),
        user_metadata: user_metadata(options.summary, None),
    });
    ExternalSignal(Issued::Sent(Operation::new(run, (OperationKind::ExternalSignal, seq), &token)))
}

/// The future of a signal's delivery.
#[must_use = "futures do nothing unless they are awaited"]
pub struct ExternalSignal(Issued<Operation>);

impl Future for ExternalSignal {
    type Output = Result<(), WorkflowSignalError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let operation = ready!(self.0.poll_sent())?;
        Pin::new(operation).poll(context).map(|resolution| match resolution {
            Resolution::Delivered(Some(failure)) => Err(WorkflowSignalError::of(from_failure(failure))),
            _ => Ok(()),
        })
    }
}

impl FusedFuture for ExternalSignal {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated(Operation::is_terminated)
    }
}

impl CancellableFuture for ExternalSignal {
    fn cancel(&self) {
        if let Some(operation) = self.0.sent() {
            operation.cancel(None);
        }
    }
}

/// The future of a cancellation request's delivery.
#[must_use = "futures do nothing unless they are awaited"]
pub struct ExternalCancel(Operation);

impl Future for ExternalCancel {
    type Output = Result<(), CancelExternalWorkflowError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|resolution| match resolution {
            Resolution::Delivered(Some(failure)) => {
                Err(CancelExternalWorkflowError::of(from_failure(failure)))
            }
            _ => Ok(()),
        })
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
