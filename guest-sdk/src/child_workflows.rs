//! Child workflows: options, starting, and the handle of one that has started.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::FusedFuture;
use guest_sdk_types::{
    Failure, IntoPayloads, NamedPayloads, Payload, PayloadError, Priority, RetryPolicy, Returned,
    SignalDefinition, WorkflowDefinition,
};

pub use crate::bindings::workflow::host::activation::ChildStartFailedCause as StartChildWorkflowExecutionFailedCause;
use crate::bindings::workflow::host::activation::ChildStartResolution;
use crate::bindings::workflow::host::child_workflows as wit;
pub use crate::bindings::workflow::host::child_workflows::{
    CancellationType as ChildWorkflowCancellationType, IdReusePolicy as WorkflowIdReusePolicy,
    ParentClosePolicy, VersioningOverride,
};
use crate::bindings::workflow::host::external_workflows::SignalTarget;
use crate::bindings::workflow::host::types::{Outcome, VersioningIntent};
use crate::cancellation::WorkflowCancellationToken;
use crate::context::SyncWorkflowContext;
use crate::convert::{
    duration, from_payload, named_payloads, payloads, priority, retry_policy, user_metadata,
};
use crate::convert_failure::from_failure;
use crate::error::{ChildWorkflowExecutionError, ChildWorkflowStartError};
use crate::external_workflows::{ExternalSignal, SignalWorkflowOptions, send_signal};
use crate::host;
use crate::memo::Memo;
use crate::operation::{CancellableFuture, CancellableFutureWithReason, Kind, Operation, Resolution};
use crate::options::{default_options, opaque_debug};
use crate::random::uuid4;
use crate::search_attributes::SearchAttributes;

default_options! {
    /// How a child workflow is started.
    ChildWorkflowOptions, ChildWorkflowOptionsBuilder {
        /// The workflow id. Default: a random UUID, the same in every replay.
        workflow_id, with_workflow_id: String;
        /// The task queue. Default: the parent's.
        task_queue, with_task_queue: String;
        /// What cancelling does. Default: cancel the child, and wait until it is closed.
        cancel_type, with_cancel_type: ChildWorkflowCancellationType;
        /// What cancels the child. Default: the run's own token.
        cancellation_token, with_cancellation_token: WorkflowCancellationToken;
        /// What becomes of the child when the parent closes. Default: it is terminated.
        parent_close_policy, with_parent_close_policy: ParentClosePolicy;
        /// Whether the workflow id may be used again. Default: it may.
        id_reuse_policy, with_id_reuse_policy: WorkflowIdReusePolicy;
        /// How long the child may take, whatever its runs do.
        execution_timeout, with_execution_timeout: Duration;
        /// How long a run of the child may take.
        run_timeout, with_run_timeout: Duration;
        /// How long a workflow task of the child may take.
        task_timeout, with_task_timeout: Duration;
        /// How the child is retried. Default: not at all.
        retry_policy, with_retry_policy: RetryPolicy;
        /// A cron schedule.
        cron_schedule, with_cron_schedule: String;
        /// Headers of the child.
        headers, with_headers: NamedPayloads;
        /// The memo of the child.
        memo, with_memo: Memo;
        /// The search attributes of the child.
        search_attributes, with_search_attributes: SearchAttributes;
        /// Which tasks of the queue are served first.
        priority, with_priority: Priority;
        /// The version that the child runs under, whatever its routing says.
        versioning_override, with_versioning_override: VersioningOverride;
        /// One line for user interfaces.
        static_summary, with_static_summary: String;
        /// More for user interfaces.
        static_details, with_static_details: String;
    }
}

impl ChildWorkflowOptions {
    /// Options with a workflow id.
    pub fn workflow_id(workflow_id: impl Into<String>) -> Self {
        Self::default().with_workflow_id(workflow_id)
    }

    fn into_command(self, workflow_type: String, arguments: Vec<Payload>) -> wit::ChildWorkflowOptions {
        let named = |named: Option<NamedPayloads>| named.map(named_payloads).unwrap_or_default();
        wit::ChildWorkflowOptions {
            namespace: None,
            workflow_id: self.workflow_id.filter(|id| !id.is_empty()).unwrap_or_else(uuid4),
            workflow_type,
            task_queue: self.task_queue,
            arguments: payloads(arguments),
            execution_timeout: self.execution_timeout.map(duration),
            run_timeout: self.run_timeout.map(duration),
            task_timeout: self.task_timeout.map(duration),
            parent_close_policy: self.parent_close_policy.unwrap_or(ParentClosePolicy::Unspecified),
            id_reuse_policy: self.id_reuse_policy.unwrap_or(WorkflowIdReusePolicy::AllowDuplicate),
            retry_policy: self.retry_policy.map(retry_policy),
            cron_schedule: self.cron_schedule.unwrap_or_default(),
            headers: named(self.headers),
            memo: named(self.memo.map(|memo| memo.0)),
            search_attributes: named(self.search_attributes.map(|attributes| attributes.0)),
            cancellation_type: self
                .cancel_type
                .unwrap_or(ChildWorkflowCancellationType::WaitCancellationCompleted),
            versioning_intent: VersioningIntent::Unspecified,
            priority: self.priority.map(priority),
            versioning_override: self.versioning_override,
            user_metadata: user_metadata(self.static_summary, self.static_details),
        }
    }
}

impl<W> SyncWorkflowContext<W> {
    /// Starts a child workflow. The future gives the child once it has started.
    pub fn start_child_workflow<C: WorkflowDefinition>(
        &self,
        workflow: C,
        input: impl Into<C::Input>,
        options: ChildWorkflowOptions,
    ) -> ChildWorkflowStart<C> {
        let arguments = match C::arguments(input.into()).into_payloads() {
            Ok(arguments) => arguments,
            Err(error) => return ChildWorkflowStart(Start::NotSent(Some(error)), PhantomData),
        };
        let token = options.cancellation_token.clone().unwrap_or_else(|| self.cancellation_token());
        let command = options.into_command(workflow.name().to_owned(), arguments);
        let seq = host::child_workflows::start(&command);
        // The end is expected from now on, as it may come together with the start.
        let sent = Sent {
            start: Operation::new(self.run(), (Kind::ChildStart, seq), &token),
            end: Some(Operation::new(self.run(), (Kind::Child, seq), &token)),
            workflow_id: command.workflow_id,
            workflow_type: command.workflow_type,
        };
        ChildWorkflowStart(Start::Sent(Box::new(sent)), PhantomData)
    }

    /// Starts a child workflow, and waits for its result.
    pub async fn execute_child_workflow<C: WorkflowDefinition>(
        &self,
        workflow: C,
        input: impl Into<C::Input>,
        options: ChildWorkflowOptions,
    ) -> Result<C::Output, ChildWorkflowExecutionError> {
        self.start_child_workflow(workflow, input, options).await?.result().await
    }
}

/// A child workflow that is to start, and the future of its start.
#[must_use = "futures do nothing unless they are awaited"]
pub struct ChildWorkflowStart<C>(Start, PhantomData<fn() -> C>);

enum Start {
    /// Its arguments could not be encoded.
    NotSent(Option<PayloadError>),
    Sent(Box<Sent>),
}

struct Sent {
    start: Operation,
    /// Taken by the child when it has started.
    end: Option<Operation>,
    workflow_id: String,
    workflow_type: String,
}

impl<C: WorkflowDefinition> Future for ChildWorkflowStart<C> {
    type Output = Result<StartedChildWorkflow<C>, ChildWorkflowStartError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let sent = match &mut self.0 {
            Start::NotSent(error) => match error.take() {
                Some(error) => return Poll::Ready(Err(error.into())),
                // Awaited again after its end.
                None => return Poll::Pending,
            },
            Start::Sent(sent) => sent,
        };
        let Poll::Ready(resolution) = Pin::new(&mut sent.start).poll(context) else {
            return Poll::Pending;
        };
        let end = sent.end.take();
        let workflow_id = std::mem::take(&mut sent.workflow_id);
        Poll::Ready(match (resolution, end) {
            (Resolution::ChildStart(ChildStartResolution::Started(run_id)), Some(end)) => {
                Ok(StartedChildWorkflow { run_id, workflow_id, end, workflow: PhantomData })
            }
            (Resolution::ChildStart(ChildStartResolution::Failed(cause)), _) => {
                let workflow_type = std::mem::take(&mut sent.workflow_type);
                Err(ChildWorkflowStartError::StartFailed { workflow_id, workflow_type, cause })
            }
            (Resolution::ChildStart(ChildStartResolution::Canceled(failure)), _) => {
                Err(ChildWorkflowStartError::Cancelled(Box::new(from_failure(failure))))
            }
            // The host answers with the kind of resolution that was asked for.
            _ => Err(ChildWorkflowStartError::Cancelled(Box::default())),
        })
    }
}

impl<C: WorkflowDefinition> FusedFuture for ChildWorkflowStart<C> {
    fn is_terminated(&self) -> bool {
        match &self.0 {
            Start::NotSent(error) => error.is_none(),
            Start::Sent(sent) => sent.start.is_terminated(),
        }
    }
}

impl<C: WorkflowDefinition> CancellableFuture for ChildWorkflowStart<C> {
    fn cancel(&self) {
        if let Start::Sent(sent) = &self.0 {
            sent.start.cancel(None);
        }
    }
}

impl<C: WorkflowDefinition> CancellableFutureWithReason for ChildWorkflowStart<C> {
    fn cancel_with_reason(&self, reason: String) {
        if let Start::Sent(sent) = &self.0 {
            sent.start.cancel(Some(&reason));
        }
    }
}

/// A child workflow that has started.
pub struct StartedChildWorkflow<C> {
    /// The run id of the child.
    pub run_id: String,
    workflow_id: String,
    end: Operation,
    workflow: PhantomData<fn() -> C>,
}

impl<C: WorkflowDefinition> StartedChildWorkflow<C> {
    /// The workflow id of the child.
    #[must_use]
    pub fn workflow_id(&self) -> &str {
        &self.workflow_id
    }

    /// Waits for the result.
    pub fn result(self) -> ChildWorkflowResult<C::Output> {
        ChildWorkflowResult { end: self.end, result: PhantomData }
    }

    /// Asks to cancel the child, as its cancellation type says.
    pub fn cancel(&self, reason: impl Into<String>) {
        self.end.cancel(Some(&reason.into()));
    }

    /// Signals the child.
    pub fn signal<S: SignalDefinition<Workflow = C>>(
        &self,
        signal: S,
        input: impl Into<S::Input>,
        options: SignalWorkflowOptions,
    ) -> ExternalSignal {
        let target = SignalTarget::Child(self.workflow_id.clone());
        send_signal(self.end.run(), target, &signal, input.into(), options)
    }
}

/// Waits for the result of a child. Made by [`StartedChildWorkflow::result`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct ChildWorkflowResult<T> {
    end: Operation,
    result: PhantomData<fn() -> T>,
}

impl<T: Returned> Future for ChildWorkflowResult<T> {
    type Output = Result<T, ChildWorkflowExecutionError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.end).poll(context).map(|resolution| match resolution {
            Resolution::Outcome(Outcome::Completed(result)) => Ok(T::from_payload(result.map(from_payload))?),
            Resolution::Outcome(Outcome::Failed(failure) | Outcome::Canceled(failure)) => {
                Err(ChildWorkflowExecutionError::of(from_failure(failure)))
            }
            // The host answers with the kind of resolution that was asked for.
            _ => Err(ChildWorkflowExecutionError::of(Failure::default())),
        })
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
