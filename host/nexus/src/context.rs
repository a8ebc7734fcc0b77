//! What handlers know of a call, and how they start workflows.

use std::collections::BTreeMap;
use std::ops::Deref;

use guest_sdk_types::WorkflowDefinition;
use host_client::{Client, StartOptions};
use host_wire::{
    link_from_nexus, link_to_nexus,
    temporal::api::{
        common::v1::{Callback, Link, callback},
        nexus::v1::{Link as NexusLink, StartOperationRequest},
        workflow::v1::OnConflictOptions,
        workflowservice::v1::StartWorkflowExecutionResponse,
    },
};

use crate::{error::NexusError, token};

/// A call that starts an operation.
#[derive(Clone, Debug)]
pub struct StartOperationContext {
    pub(crate) client: Client,
    pub(crate) task_queue: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) request: StartOperationRequest,
}

impl StartOperationContext {
    /// The service whose operation is called.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.request.service
    }

    /// The operation.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.request.operation
    }

    /// The same for every attempt of one operation: a handler that sees it again has been called before.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request.request_id
    }

    /// Headers of the call; names are in lower case.
    #[must_use]
    pub fn headers(&self) -> &BTreeMap<String, String> {
        &self.headers
    }

    /// The task queue on which the call came.
    #[must_use]
    pub fn task_queue(&self) -> &str {
        &self.task_queue
    }

    /// A client of the namespace in which the handler runs.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// A call that starts an operation which is the run of a workflow.
#[derive(Clone, Debug)]
pub struct WorkflowRunOperationContext(pub(crate) StartOperationContext);

impl Deref for WorkflowRunOperationContext {
    type Target = StartOperationContext;

    fn deref(&self) -> &StartOperationContext {
        &self.0
    }
}

/// The run of a workflow that is an operation: its end is that of the operation.
#[derive(Clone, Debug)]
pub struct WorkflowRun {
    workflow_id: String,
    run_id: String,
    pub(crate) token: String,
    pub(crate) links: Vec<NexusLink>,
}

impl WorkflowRun {
    /// Id of the workflow.
    #[must_use]
    pub fn workflow_id(&self) -> &str {
        &self.workflow_id
    }

    /// Id of the run.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.run_id
    }
}

impl WorkflowRunOperationContext {
    /// Starts the workflow that is the operation. Give it a workflow id that follows from the input: the handler is called
    /// again when its answer is lost, and the same request does not start a second run.
    ///
    /// # Errors
    ///
    /// When the input cannot be encoded, or the service does not start the workflow.
    pub async fn start_workflow<W: WorkflowDefinition>(
        &self,
        workflow: W,
        input: impl Into<W::Input>,
        options: StartOptions,
    ) -> Result<WorkflowRun, NexusError> {
        let client = &self.0.client;
        let mut request = client.start_workflow_request(&workflow, input, options)?;
        let workflow_id = request.workflow_id.clone();
        let token = token::of_workflow(client.namespace(), &workflow_id)?;
        let links: Vec<Link> = self.0.request.links.iter().filter_map(link_from_nexus).collect();
        if !self.0.request.callback.is_empty() {
            let mut header = self.0.request.callback_header.clone();
            header.insert("nexus-operation-token".to_owned(), token.clone());
            let nexus = callback::Nexus { url: self.0.request.callback.clone(), header };
            let variant = Some(callback::Variant::Nexus(nexus));
            request.completion_callbacks = vec![Callback { links: links.clone(), variant }];
        }
        request.links = links;
        request.request_id.clone_from(&self.0.request.request_id);
        request.on_conflict_options = Some(OnConflictOptions {
            attach_request_id: true,
            attach_completion_callbacks: true,
            attach_links: true,
        });
        let started = client.service().start_workflow_execution(tonic::Request::new(request)).await;
        let started = started.map_err(NexusError::of_status)?.into_inner();
        Ok(run(workflow_id, token, started))
    }
}

fn run(workflow_id: String, token: String, started: StartWorkflowExecutionResponse) -> WorkflowRun {
    let links = started.link.iter().filter_map(link_to_nexus).collect();
    WorkflowRun { workflow_id, run_id: started.run_id, token, links }
}

/// A call that cancels an operation.
#[derive(Clone, Debug)]
pub struct CancelOperationContext {
    pub(crate) client: Client,
    pub(crate) headers: BTreeMap<String, String>,
}

impl CancelOperationContext {
    /// Headers of the call; names are in lower case.
    #[must_use]
    pub fn headers(&self) -> &BTreeMap<String, String> {
        &self.headers
    }

    /// A client of the namespace in which the handler runs.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}
