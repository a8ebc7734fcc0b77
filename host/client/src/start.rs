//! Starting workflows.

use std::time::Duration;

use guest_sdk_types::{
    Callable, IntoPayloads, NamedPayloads, Payload, PayloadError, Priority, RetryPolicy, WorkflowDefinition,
};
use host_wire::{
    duration_to_proto, payloads_to_proto,
    temporal::api::{
        common::v1::WorkflowType,
        enums::v1::{TaskQueueKind, WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
        sdk::v1::UserMetadata,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::StartWorkflowExecutionRequest,
    },
};
use tonic::Request;
use uuid::Uuid;

use crate::{
    client::Client,
    error::{AlreadyStarted, Error, RpcError},
    handle::WorkflowHandle,
};

/// Options of a start. The service has defaults for what is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StartOptions {
    /// The queue that the workflow's workers poll.
    pub task_queue: String,
    /// The workflow id. Empty: a new UUID.
    pub workflow_id: String,
    /// What happens when a closed execution has the id.
    pub id_reuse_policy: IdReusePolicy,
    /// What happens when an open execution has the id.
    pub id_conflict_policy: IdConflictPolicy,
    /// Ends the execution with everything it continues as.
    pub execution_timeout: Option<Duration>,
    /// Ends a single run.
    pub run_timeout: Option<Duration>,
    /// How long a worker may take for one workflow task.
    pub task_timeout: Option<Duration>,
    /// How long the first workflow task waits.
    pub start_delay: Option<Duration>,
    /// Runs it again and again.
    pub cron_schedule: Option<String>,
    /// Runs it again when it fails.
    pub retry_policy: Option<RetryPolicy>,
    /// Kept with the execution, not searchable.
    pub memo: NamedPayloads,
    /// Kept with the execution, searchable.
    pub search_attributes: NamedPayloads,
    /// Passed to the workflow beside its arguments.
    pub headers: NamedPayloads,
    /// Which of several waiting tasks comes first.
    pub priority: Option<Priority>,
    /// One line for people.
    pub static_summary: Option<String>,
    /// Several lines for people.
    pub static_details: Option<String>,
}

impl StartOptions {
    /// On this task queue, with a new workflow id.
    pub fn new(task_queue: impl Into<String>) -> Self {
        Self { task_queue: task_queue.into(), ..Self::default() }
    }

    /// With this workflow id.
    #[must_use]
    pub fn workflow_id(mut self, workflow_id: impl Into<String>) -> Self {
        self.workflow_id = workflow_id.into();
        self
    }
}

/// What happens when a closed execution has the workflow id: `WorkflowIdReusePolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdReusePolicy {
    /// As the service's default, which is to allow it.
    #[default]
    Unspecified,
    /// It may be used again.
    AllowDuplicate,
    /// It may be used again unless the last execution completed.
    AllowDuplicateFailedOnly,
    /// It may not be used again.
    RejectDuplicate,
}

/// What happens when an open execution has the workflow id: `WorkflowIdConflictPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdConflictPolicy {
    /// As the service's default, which is to fail.
    #[default]
    Unspecified,
    /// The start fails.
    Fail,
    /// Nothing is started; the handle is one for the open run.
    UseExisting,
    /// The open run is terminated.
    TerminateExisting,
}

/// A handle, and whether this call started its run.
#[derive(Debug)]
pub struct Started<W: WorkflowDefinition> {
    /// Talks to the execution; its run id is known.
    pub handle: WorkflowHandle<W>,
    /// Whether this call started the run. Otherwise it was open, and the policies said to use it.
    pub is_new: bool,
}

impl Client {
    /// Starts a workflow.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyStarted`] when the workflow id is taken and the policies forbid that.
    pub async fn start_workflow<W: WorkflowDefinition>(
        &self,
        workflow: W,
        input: impl Into<W::Input>,
        options: StartOptions,
    ) -> Result<WorkflowHandle<W>, Error> {
        Ok(self.start_or_attach(&workflow, input, options).await?.handle)
    }

    /// Starts a workflow and waits for its result.
    ///
    /// # Errors
    ///
    /// As [`Client::start_workflow`] and [`WorkflowHandle::result`].
    pub async fn execute_workflow<W: WorkflowDefinition>(
        &self,
        workflow: W,
        input: impl Into<W::Input>,
        options: StartOptions,
    ) -> Result<W::Output, Error> {
        self.start_workflow(workflow, input, options).await?.result().await
    }

    /// Starts a workflow; says whether the run is new. See [`IdConflictPolicy::UseExisting`].
    ///
    /// # Errors
    ///
    /// As [`Client::start_workflow`].
    pub async fn start_or_attach<W: WorkflowDefinition>(
        &self,
        workflow: &W,
        input: impl Into<W::Input>,
        mut options: StartOptions,
    ) -> Result<Started<W>, Error> {
        if options.workflow_id.is_empty() {
            options.workflow_id = Uuid::new_v4().to_string();
        }
        let workflow_id = options.workflow_id.clone();
        let request = self.start_request_of(workflow, input, options)?;
        match self.service.start_workflow_execution(Request::new(request)).await {
            Ok(response) => {
                let response = response.into_inner();
                let handle = WorkflowHandle::new(self.clone(), workflow_id, Some(response.run_id));
                Ok(Started { handle, is_new: response.started })
            }
            Err(status) => {
                let error = RpcError::from(status);
                Err(match error.existing_run() {
                    Some(run_id) => Error::AlreadyStarted(AlreadyStarted { workflow_id, run_id }),
                    None => error.into(),
                })
            }
        }
    }

    pub(crate) fn start_request_of<W: WorkflowDefinition>(
        &self,
        workflow: &W,
        input: impl Into<W::Input>,
        options: StartOptions,
    ) -> Result<StartWorkflowExecutionRequest, Error> {
        let input = <W as Callable>::arguments(input.into())
            .into_payloads()
            .map_err(|source| Error::Payload { what: "input", source })?;
        self.start_request(workflow.name(), input, options)
    }

    fn start_request(
        &self,
        workflow_type: &str,
        input: Vec<Payload>,
        options: StartOptions,
    ) -> Result<StartWorkflowExecutionRequest, Error> {
        let user_metadata = user_metadata(&options)
            .map_err(|source| Error::Payload { what: "summary or details", source })?;
        let memo = (!options.memo.is_empty()).then(|| options.memo.into());
        let search_attributes =
            (!options.search_attributes.is_empty()).then(|| options.search_attributes.into());
        let header = (!options.headers.is_empty()).then(|| options.headers.into());
        Ok(StartWorkflowExecutionRequest {
            namespace: self.namespace.clone(),
            workflow_id: options.workflow_id,
            workflow_type: Some(WorkflowType { name: workflow_type.to_owned() }),
            task_queue: Some(TaskQueue {
                name: options.task_queue,
                kind: TaskQueueKind::Normal.into(),
                ..TaskQueue::default()
            }),
            input: payloads_to_proto(input),
            workflow_execution_timeout: options.execution_timeout.map(duration_to_proto),
            workflow_run_timeout: options.run_timeout.map(duration_to_proto),
            workflow_task_timeout: options.task_timeout.map(duration_to_proto),
            identity: self.identity.clone(),
            request_id: Uuid::new_v4().to_string(),
            workflow_id_reuse_policy: WorkflowIdReusePolicy::from(options.id_reuse_policy).into(),
            workflow_id_conflict_policy: WorkflowIdConflictPolicy::from(options.id_conflict_policy).into(),
            retry_policy: options.retry_policy.map(Into::into),
            cron_schedule: options.cron_schedule.unwrap_or_default(),
            memo,
            search_attributes,
            header,
            workflow_start_delay: options.start_delay.map(duration_to_proto),
            user_metadata,
            priority: options.priority.map(Into::into),
            ..StartWorkflowExecutionRequest::default()
        })
    }
}

fn user_metadata(options: &StartOptions) -> Result<Option<UserMetadata>, PayloadError> {
    let encode = |text: &Option<String>| -> Result<_, PayloadError> {
        text.as_ref().map(|text| Payload::from_value(text).map(Into::into)).transpose()
    };
    let metadata =
        UserMetadata { summary: encode(&options.static_summary)?, details: encode(&options.static_details)? };
    Ok((metadata != UserMetadata::default()).then_some(metadata))
}

impl From<IdReusePolicy> for WorkflowIdReusePolicy {
    fn from(policy: IdReusePolicy) -> Self {
        match policy {
            IdReusePolicy::Unspecified => Self::Unspecified,
            IdReusePolicy::AllowDuplicate => Self::AllowDuplicate,
            IdReusePolicy::AllowDuplicateFailedOnly => Self::AllowDuplicateFailedOnly,
            IdReusePolicy::RejectDuplicate => Self::RejectDuplicate,
        }
    }
}

impl From<IdConflictPolicy> for WorkflowIdConflictPolicy {
    fn from(policy: IdConflictPolicy) -> Self {
        match policy {
            IdConflictPolicy::Unspecified => Self::Unspecified,
            IdConflictPolicy::Fail => Self::Fail,
            IdConflictPolicy::UseExisting => Self::UseExisting,
            IdConflictPolicy::TerminateExisting => Self::TerminateExisting,
        }
    }
}
