//! Starting workflows.

mod options;

use guest_sdk_types::{Payload, PayloadError, WorkflowDefinition};
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

pub use self::options::{IdConflictPolicy, IdReusePolicy, StartOptions};
use crate::{
    client::Client,
    error::{AlreadyStarted, Error, RpcError},
    handle::{WorkflowHandle, arguments, header},
    interceptors::{StartWorkflowInput, StartWorkflowOutput},
};

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
        options: StartOptions,
    ) -> Result<Started<W>, Error> {
        let input = start_input(workflow, input, options)?;
        let started = self
            .intercepted(
                input,
                |interceptor, input, next| interceptor.start_workflow(input, next),
                |client, input| Box::pin(client.send_start(input)),
            )
            .await?;
        let handle = WorkflowHandle::new(self.clone(), started.workflow_id, Some(started.run_id));
        Ok(Started { handle, is_new: started.is_new })
    }

    /// The request that starts a workflow, for callers that add to it what options have no place for.
    ///
    /// # Errors
    ///
    /// When the input, or one of the options, cannot be encoded.
    pub fn start_workflow_request<W: WorkflowDefinition>(
        &self,
        workflow: &W,
        input: impl Into<W::Input>,
        options: StartOptions,
    ) -> Result<StartWorkflowExecutionRequest, Error> {
        self.start_request(start_input(workflow, input, options)?)
    }

    async fn send_start(&self, input: StartWorkflowInput) -> Result<StartWorkflowOutput, Error> {
        let workflow_id = input.options.workflow_id.clone();
        let request = self.start_request(input)?;
        match self.service.start_workflow_execution(Request::new(request)).await {
            Ok(response) => {
                let response = response.into_inner();
                Ok(StartWorkflowOutput { workflow_id, run_id: response.run_id, is_new: response.started })
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

    pub(crate) fn start_request(
        &self,
        input: StartWorkflowInput,
    ) -> Result<StartWorkflowExecutionRequest, Error> {
        let StartWorkflowInput { workflow_type, arguments, options } = input;
        let user_metadata = user_metadata(&options)
            .map_err(|source| Error::Payload { what: "summary or details", source })?;
        let memo = (!options.memo.is_empty()).then(|| options.memo.into());
        let search_attributes =
            (!options.search_attributes.is_empty()).then(|| options.search_attributes.into());
        let header = header(options.headers);
        Ok(StartWorkflowExecutionRequest {
            namespace: self.namespace.clone(),
            workflow_id: options.workflow_id,
            workflow_type: Some(WorkflowType { name: workflow_type }),
            task_queue: Some(TaskQueue {
                name: options.task_queue,
                kind: TaskQueueKind::Normal.into(),
                ..TaskQueue::default()
            }),
            input: payloads_to_proto(arguments),
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

/// Encodes the input, and makes a workflow id if there is none.
pub(crate) fn start_input<W: WorkflowDefinition>(
    workflow: &W,
    input: impl Into<W::Input>,
    mut options: StartOptions,
) -> Result<StartWorkflowInput, Error> {
    if options.workflow_id.is_empty() {
        options.workflow_id = Uuid::new_v4().to_string();
    }
    let arguments = arguments::<W>(input)?;
    Ok(StartWorkflowInput { workflow_type: workflow.name().to_owned(), arguments, options })
}

fn user_metadata(options: &StartOptions) -> Result<Option<UserMetadata>, PayloadError> {
    let encode = |text: &Option<String>| -> Result<_, PayloadError> {
        text.as_ref().map(|text| Payload::from_plain_value(text).map(Into::into)).transpose()
    };
    let metadata =
        UserMetadata { summary: encode(&options.static_summary)?, details: encode(&options.static_details)? };
    Ok((metadata != UserMetadata::default()).then_some(metadata))
}
