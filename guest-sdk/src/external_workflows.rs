//! Other workflows: signalling them, and asking them to cancel.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_core::FusedFuture;
use guest_sdk_types::{IntoPayloads, NamedPayloads, PayloadError, SignalDefinition};

use crate::bindings::workflow::host::external_workflows::{SignalOptions, SignalTarget};
use crate::bindings::workflow::host::types::NamespacedExecution;
use crate::cancellation::WorkflowCancellationToken;
use crate::context::SyncWorkflowContext;
use crate::convert::{named_payloads, payloads, user_metadata};
use crate::convert_failure::from_failure;
use crate::error::{CancelExternalWorkflowError, WorkflowSignalError};
use crate::host;
use crate::operation::{CancellableFuture, Kind, Operation, Resolution};
use crate::options::{default_options, opaque_debug};
use crate::run::Run;

default_options! {
    /// How another workflow is signaled.
    SignalWorkflowOptions, SignalWorkflowOptionsBuilder {
        /// What takes the signal back while it has not left. Default: the run's own token.
        cancellation_token, with_cancellation_token: WorkflowCancellationToken;
        /// One line for user interfaces.
        summary, with_summary: String;
        /// Headers of the signal.
        headers, with_headers: NamedPayloads;
    }
}

impl<W> SyncWorkflowContext<W> {
    /// Another workflow of the namespace; without a run id, its current run.
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

/// Another workflow. Made by [`SyncWorkflowContext::external_workflow`].
#[derive(Clone)]
pub struct ExternalWorkflowHandle {
    run: Rc<Run>,
    execution: NamespacedExecution,
}

impl ExternalWorkflowHandle {
    /// Its workflow id.
    #[must_use]
    pub fn workflow_id(&self) -> &str {
        &self.execution.workflow_id
    }

    /// Its run id, if one was given.
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        (!self.execution.run_id.is_empty()).then_some(self.execution.run_id.as_str())
    }

    /// Signals it.
    pub fn signal<S: SignalDefinition>(
        &self,
        signal: S,
        input: impl Into<S::Input>,
        options: SignalWorkflowOptions,
    ) -> ExternalSignal {
        let target = SignalTarget::Execution(self.execution.clone());
        send_signal(&self.run, target, &signal, input.into(), options)
    }

    /// Asks it to cancel.
    pub fn cancel(&self, reason: Option<String>) -> ExternalCancel {
        let seq = host::external_workflows::request_cancel(&self.execution, &reason.unwrap_or_default());
        // A request can not be taken back: no token reaches it.
        let token = WorkflowCancellationToken::new();
        ExternalCancel(Operation::new(&self.run, (Kind::ExternalCancel, seq), &token))
    }
}

pub(crate) fn send_signal<S: SignalDefinition>(
    run: &Rc<Run>,
    target: SignalTarget,
    signal: &S,
    input: S::Input,
    options: SignalWorkflowOptions,
) -> ExternalSignal {
    let arguments = match S::arguments(input).into_payloads() {
        Ok(arguments) => arguments,
        Err(error) => return ExternalSignal(Signal::NotSent(Some(error))),
    };
    let token = options.cancellation_token.unwrap_or_else(|| run.token.clone());
    let seq = host::external_workflows::signal(&SignalOptions {
        target,
        name: signal.name().to_owned(),
        arguments: payloads(arguments),
        headers: options.headers.map(named_payloads).unwrap_or_default(),
        user_metadata: user_metadata(options.summary, None),
    });
    ExternalSignal(Signal::Sent(Operation::new(run, (Kind::ExternalSignal, seq), &token)))
}

/// A signal on its way, and the future of its delivery.
#[must_use = "futures do nothing unless they are awaited"]
pub struct ExternalSignal(Signal);

enum Signal {
    /// Its arguments could not be encoded.
    NotSent(Option<PayloadError>),
    Sent(Operation),
}

impl Future for ExternalSignal {
    type Output = Result<(), WorkflowSignalError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Signal::NotSent(error) => match error.take() {
                Some(error) => Poll::Ready(Err(error.into())),
                // Awaited again after its end.
                None => Poll::Pending,
            },
            Signal::Sent(operation) => Pin::new(operation).poll(context).map(|resolution| match resolution {
                Resolution::Done(Some(failure)) => Err(WorkflowSignalError::of(from_failure(failure))),
                _ => Ok(()),
            }),
        }
    }
}

impl FusedFuture for ExternalSignal {
    fn is_terminated(&self) -> bool {
        match &self.0 {
            Signal::NotSent(error) => error.is_none(),
            Signal::Sent(operation) => operation.is_terminated(),
        }
    }
}

impl CancellableFuture for ExternalSignal {
    fn cancel(&self) {
        if let Signal::Sent(operation) = &self.0 {
            operation.cancel(None);
        }
    }
}

/// A request to cancel on its way, and the future of its delivery.
#[must_use = "futures do nothing unless they are awaited"]
pub struct ExternalCancel(Operation);

impl Future for ExternalCancel {
    type Output = Result<(), CancelExternalWorkflowError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|resolution| match resolution {
            Resolution::Done(Some(failure)) => Err(CancelExternalWorkflowError::of(from_failure(failure))),
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
