//! Child workflows: options, the start, and the handle of a started child.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::FusedFuture;
use guest_sdk_types::{
    IntoPayloads, NamedPayloads, Payload, Priority, RetryPolicy, Returned, SignalDefinition,
    WorkflowDefinition,
};

use crate::bindings::workflow::host::activation::ChildStartResolution;
use crate::bindings::workflow::host::child_workflows as wit;
pub use crate::bindings::workflow::host::child_workflows::{
    CancellationType as ChildWorkflowCancellationType, IdReusePolicy as WorkflowIdReusePolicy,
    ParentClosePolicy, VersioningOverride,
};
use crate::bindings::workflow::host::external_workflows::SignalTarget;
use crate::bindings::workflow::host::types::VersioningIntent;
use crate::cancellation::WorkflowCancellationToken;
use crate::context::SyncWorkflowContext;
use crate::convert::{duration, named_payloads, payloads, priority, retry_policy, user_metadata};
use crate::convert_failure::from_failure;
use crate::error::{ChildWorkflowExecutionError, ChildWorkflowStartError};
use crate::external_workflows::{ExternalSignal, SignalWorkflowOptions, send_signal};
use crate::host;
use crate::memo::Memo;
use crate::operation::{CancellableFuture, CancellableFutureWithReason, Issued, Operation, call_result};
use crate::options::{default_options, opaque_debug};
use crate::pending::{OperationKind, Resolution};
use crate::random::uuid4;
use crate::run_state::RunState;
use crate::search_attributes::SearchAttributes;

default_options! {
    /// Options of a child workflow.
    ChildWorkflowOptions, ChildWorkflowOptionsBuilder {
        /// The workflow id. Default: a random UUID, the same in every replay.
        workflow_id, with_workflow_id: String;
        /// The task queue. Default: the task queue of the parent.
        task_queue, with_task_queue: String;
        /// When the futures of a cancelled child resolve. Default: `WaitCancellationCompleted`, when the
        /// child has closed.
        cancel_type, with_cancel_type: ChildWorkflowCancellationType;
        /// The token that cancels the child. Default: the token of the run.
        cancellation_token, with_cancellation_token: WorkflowCancellationToken;
        /// What the service does with the child when the parent closes. Default: terminate it.
        parent_close_policy, with_parent_close_policy: ParentClosePolicy;
        /// Whether the workflow id of a closed execution may be used again. Default: `AllowDuplicate`.
        id_reuse_policy, with_id_reuse_policy: WorkflowIdReusePolicy;
        /// From the start of the child to the end of its last run: retries, cron and continue-as-new
        /// included. Default: no limit.
        execution_timeout, with_execution_timeout: Duration;
        /// From the start to the end of one run of the child. Default: the execution timeout.
        run_timeout, with_run_timeout: Duration;
        /// From the start to the completion of one workflow task of the child. Default: 10 s.
        task_timeout, with_task_timeout: Duration;
        /// The retry policy. Default: no retries.
        retry_policy, with_retry_policy: RetryPolicy;
        /// The cron schedule: five fields, or `@every` and a duration. Default: none.
        cron_schedule, with_cron_schedule: String;
        /// Headers of the child.
        headers, with_headers: NamedPayloads;
        /// The memo of the child. Default: none.
        memo, with_memo: Memo;
        /// The search attributes of the child.
        search_attributes, with_search_attributes: SearchAttributes;
        /// The priority of the child's tasks. Default: the priority of the parent.
        priority, with_priority: Priority;
        /// The Worker Deployment Version that runs the child, instead of the one that the task queue
        /// routes to.
        versioning_override, with_versioning_override: VersioningOverride;
        /// One line that user interfaces show.
        static_summary, with_static_summary: String;
        /// Several lines that user interfaces show.
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
    /// Starts a child workflow. The future resolves once the child has started.
    pub fn start_child_workflow<C: WorkflowDefinition>(
        &self,
        workflow: C,
        input: impl Into<C::Input>,
        options: ChildWorkflowOptions,
    ) -> ChildWorkflowStart<C> {
        let arguments = match C::arguments(input.into()).into_payloads() {
            Ok(arguments) => arguments,
            Err(error) => return ChildWorkflowStart(Issued::NotEncoded(Some(error)), PhantomData),
        };
        let token = options.cancellation_token.clone().unwrap_or_else(|| self.cancellation_token());
        let command = options.into_command(workflow.name().to_owned(), arguments);
        let seq = host::child_workflows::start(&command);
        // The end is expected from now on: one activation may bring both the start and the end.
        let starting = StartingChild {
            run: Rc::clone(self.run()),
            start: Operation::new(self.run(), (OperationKind::ChildStart, seq), &token),
            end: Some(Operation::new(self.run(), (OperationKind::Child, seq), &token)),
            workflow_id: command.workflow_id,
            workflow_type: command.workflow_type,
        };
        ChildWorkflowStart(Issued::Sent(Box::new(starting)), PhantomData)
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
pub struct ChildWorkflowStart<C>(Issued<Box<StartingChild>>, PhantomData<fn() -> C>);

struct StartingChild {
    run: Rc<RunState>,
    start: Operation,
    /// Moves into [`StartedChildWorkflow`] when the child has started.
    end: Option<Operation>,
    workflow_id: String,
    workflow_type: String,
}

impl<C: WorkflowDefinition> Future for ChildWorkflowStart<C> {
    type Output = Result<StartedChildWorkflow<C>, ChildWorkflowStartError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let starting = ready!(self.0.poll_sent())?;
        let resolution = ready!(Pin::new(&mut starting.start).poll(context));
        let end = starting.end.take();
        let workflow_id = std::mem::take(&mut starting.workflow_id);
        Poll::Ready(match (resolution, end) {
            (Resolution::ChildStart(ChildStartResolution::Started(run_id)), Some(end)) => {
                let run = Rc::clone(&starting.run);
                Ok(StartedChildWorkflow { run_id, workflow_id, run, end, workflow: PhantomData })
            }
            (Resolution::ChildStart(ChildStartResolution::Failed(cause)), _) => {
                let workflow_type = std::mem::take(&mut starting.workflow_type);
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

impl<C: WorkflowDefinition> FusedFuture for ChildWorkflowStart<C> {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated(|starting| starting.start.is_terminated())
    }
}

impl<C: WorkflowDefinition> CancellableFuture for ChildWorkflowStart<C> {
    fn cancel(&self) {
        if let Some(starting) = self.0.sent() {
            starting.start.cancel(None);
        }
    }
}

impl<C: WorkflowDefinition> CancellableFutureWithReason for ChildWorkflowStart<C> {
    fn cancel_with_reason(&self, reason: String) {
        if let Some(starting) = self.0.sent() {
            starting.start.cancel(Some(&reason));
        }
    }
}

/// A child workflow that has started.
pub struct StartedChildWorkflow<C> {
    /// The run id of the child.
    pub run_id: String,
    workflow_id: String,
    run: Rc<RunState>,
    end: Operation,
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
        let target = SignalTarget::Child(self.workflow_id.clone());
        send_signal(&self.run, target, &signal, input.into(), options)
    }
}

/// The future of a child's result: see [`StartedChildWorkflow::result`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct ChildWorkflowResult<T> {
    end: Operation,
    result: PhantomData<fn() -> T>,
}

impl<T: Returned> Future for ChildWorkflowResult<T> {
    type Output = Result<T, ChildWorkflowExecutionError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let resolution = ready!(Pin::new(&mut self.end).poll(context));
        Poll::Ready(call_result(resolution, ChildWorkflowExecutionError::of))
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
