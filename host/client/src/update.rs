//! Updates: sent to an execution, waited for, looked at.

use std::marker::PhantomData;

use guest_sdk_types::{Failure, UpdateDefinition, WorkflowDefinition};
use host_service::status_detail;
use host_wire::google::rpc;
use host_wire::temporal::api::{
    common::v1::WorkflowExecution,
    enums::v1::UpdateWorkflowExecutionLifecycleStage as Stage,
    errordetails::v1::MultiOperationExecutionFailure,
    update::v1::{self as update, Outcome, UpdateRef, WaitPolicy, outcome},
    workflowservice::v1::{
        ExecuteMultiOperationRequest, PollWorkflowExecutionUpdateRequest, UpdateWorkflowExecutionRequest,
        execute_multi_operation_request::{Operation as AnyOperation, operation::Operation},
        execute_multi_operation_response::response::Response as OfOperation,
    },
};
use prost::Message as _;
use tonic::{Code, Request, Status};
use uuid::Uuid;

use crate::{
    client::Client,
    error::{AlreadyStarted, Error, RpcError},
    handle::{WorkflowHandle, arguments, output},
    start::StartOptions,
};

/// Options of an update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateOptions {
    /// Makes the update idempotent within its run. Empty: a new UUID.
    pub update_id: String,
}

/// Talks about one update of an execution.
pub struct UpdateHandle<U> {
    client: Client,
    reference: UpdateRef,
    /// Set if the service has answered with it already.
    outcome: Option<Outcome>,
    update: PhantomData<fn() -> U>,
}

/// How far an update has come: `UpdateWorkflowExecutionLifecycleStage`.
#[derive(Clone, Debug, PartialEq)]
pub enum UpdateStatus<T> {
    /// It waits for a worker.
    Admitted,
    /// A worker accepted it, and its handler runs.
    Accepted,
    /// Its handler returned this.
    Succeeded(T),
    /// A worker rejected it, or its handler failed.
    Failed(Box<Failure>),
}

impl<W: WorkflowDefinition> WorkflowHandle<W> {
    /// Sends an update and waits until a worker accepts it, or it is completed or rejected before.
    ///
    /// # Errors
    ///
    /// When there is no such open execution, or the service cannot be reached. A rejection is no error here, but one of
    /// [`UpdateHandle::result`].
    pub async fn start_update<U>(
        &self,
        update: U,
        input: impl Into<U::Input>,
        options: UpdateOptions,
    ) -> Result<UpdateHandle<U>, Error>
    where
        U: UpdateDefinition<Workflow = W>,
    {
        self.send_update(&update, input, options, Stage::Accepted).await
    }

    /// Sends an update and waits for its result.
    ///
    /// # Errors
    ///
    /// [`Error::Update`] when the workflow rejects or fails it.
    pub async fn execute_update<U>(
        &self,
        update: U,
        input: impl Into<U::Input>,
        options: UpdateOptions,
    ) -> Result<U::Output, Error>
    where
        U: UpdateDefinition<Workflow = W>,
    {
        self.send_update(&update, input, options, Stage::Completed).await?.result().await
    }

    /// Talks about an update that was sent before. Without a run id of this handle, one of the current run.
    pub fn update_handle<U>(&self, update_id: impl Into<String>) -> UpdateHandle<U>
    where
        U: UpdateDefinition<Workflow = W>,
    {
        let reference = UpdateRef { workflow_execution: Some(self.execution()), update_id: update_id.into() };
        UpdateHandle { client: self.client().clone(), reference, outcome: None, update: PhantomData }
    }

    async fn send_update<U: UpdateDefinition>(
        &self,
        update: &U,
        input: impl Into<U::Input>,
        options: UpdateOptions,
        stage: Stage,
    ) -> Result<UpdateHandle<U>, Error> {
        let client = self.client();
        let request = update_request(client, self.execution(), update, input, options, stage)?;
        let service = &client.service;
        let response = service.update_workflow_execution(Request::new(request)).await?.into_inner();
        let (outcome, reached) = (response.outcome.clone(), response.stage());
        let handle = UpdateHandle::of(client, response.update_ref, outcome)?;
        handle.wait_on(reached, stage).await
    }
}

impl Client {
    /// Starts a workflow unless its id is in use, and sends it an update, as one call. Waits as
    /// [`WorkflowHandle::start_update`] does. Whether an open execution is used is for
    /// [`StartOptions::id_conflict_policy`] to say.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyStarted`] when the workflow id is taken and the policies forbid that; else as
    /// [`WorkflowHandle::start_update`].
    pub async fn start_update_with_start<W, U>(
        &self,
        (workflow, workflow_input): (W, impl Into<W::Input>),
        start: StartOptions,
        (update, update_input): (U, impl Into<U::Input>),
        options: UpdateOptions,
    ) -> Result<(WorkflowHandle<W>, UpdateHandle<U>), Error>
    where
        W: WorkflowDefinition,
        U: UpdateDefinition<Workflow = W>,
    {
        let mut start = self.start_request_of(&workflow, workflow_input, start)?;
        if start.workflow_id.is_empty() {
            start.workflow_id = Uuid::new_v4().to_string();
        }
        let workflow_id = start.workflow_id.clone();
        let execution = WorkflowExecution { workflow_id: workflow_id.clone(), run_id: String::new() };
        let update = update_request(self, execution, &update, update_input, options, Stage::Accepted)?;
        let operations = [Operation::StartWorkflow(start), Operation::UpdateWorkflow(update)];
        let request = ExecuteMultiOperationRequest {
            namespace: self.namespace.clone(),
            operations: operations.map(|operation| AnyOperation { operation: Some(operation) }).into(),
            ..ExecuteMultiOperationRequest::default()
        };
        let response = self.service.execute_multi_operation(Request::new(request)).await;
        let response = response.map_err(|status| refusal(status, &workflow_id))?.into_inner();
        let mut run_id = None;
        let mut updated = None;
        for response in response.responses.into_iter().filter_map(|response| response.response) {
            match response {
                OfOperation::StartWorkflow(started) => run_id = Some(started.run_id),
                OfOperation::UpdateWorkflow(answer) => updated = Some(answer),
            }
        }
        let updated = updated.ok_or(Error::Answer("an update with start has no answer to its update"))?;
        let (outcome, reached) = (updated.outcome.clone(), updated.stage());
        let update = UpdateHandle::of(self, updated.update_ref, outcome)?;
        let handle = WorkflowHandle::new(self.clone(), workflow_id, run_id);
        Ok((handle, update.wait_on(reached, Stage::Accepted).await?))
    }

    /// As [`Client::start_update_with_start`], and waits for the result of the update.
    ///
    /// # Errors
    ///
    /// As [`Client::start_update_with_start`], and [`Error::Update`] when the workflow rejects or fails the update.
    pub async fn execute_update_with_start<W, U>(
        &self,
        workflow: (W, impl Into<W::Input>),
        start: StartOptions,
        update: (U, impl Into<U::Input>),
        options: UpdateOptions,
    ) -> Result<(WorkflowHandle<W>, U::Output), Error>
    where
        W: WorkflowDefinition,
        U: UpdateDefinition<Workflow = W>,
    {
        let (handle, update) = self.start_update_with_start(workflow, start, update, options).await?;
        Ok((handle, update.result().await?))
    }
}

impl<U: UpdateDefinition> UpdateHandle<U> {
    fn of(client: &Client, reference: Option<UpdateRef>, outcome: Option<Outcome>) -> Result<Self, Error> {
        let reference = reference.ok_or(Error::Answer("an update without its name"))?;
        Ok(Self { client: client.clone(), reference, outcome, update: PhantomData })
    }

    /// The id of the update.
    #[must_use]
    pub fn update_id(&self) -> &str {
        &self.reference.update_id
    }

    /// The run that has the update; empty: the one that is current then.
    #[must_use]
    pub fn run_id(&self) -> &str {
        self.reference.workflow_execution.as_ref().map_or("", |execution| &execution.run_id)
    }

    /// Waits for the result of the update.
    ///
    /// # Errors
    ///
    /// [`Error::Update`] when the workflow rejected or failed it, or closed before it was completed; [`Error::Rpc`] when
    /// the service does not know it.
    pub async fn result(&self) -> Result<U::Output, Error> {
        let mut outcome = self.outcome.clone();
        // The service answers after a while in any case; then it is asked again.
        while outcome.is_none() {
            outcome = self.poll(Stage::Completed).await?.1;
        }
        outcome.map_or(Err(Error::Answer("an update has neither result nor failure")), ended::<U>)
    }

    /// The result, if the service answered with it already when the update was sent.
    ///
    /// # Errors
    ///
    /// As [`UpdateHandle::result`].
    #[must_use]
    pub fn result_so_far(&self) -> Option<Result<U::Output, Error>> {
        self.outcome.clone().map(ended::<U>)
    }

    /// How far the update has come now.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`] when the service does not know the update.
    pub async fn status(&self) -> Result<UpdateStatus<U::Output>, Error> {
        let (stage, outcome) = self.poll(Stage::Unspecified).await?;
        Ok(match outcome.and_then(|outcome| outcome.value) {
            Some(outcome::Value::Success(result)) => UpdateStatus::Succeeded(output(result.into())?),
            Some(outcome::Value::Failure(failure)) => UpdateStatus::Failed(Box::new(failure.into())),
            None if stage == Stage::Accepted => UpdateStatus::Accepted,
            None => UpdateStatus::Admitted,
        })
    }

    /// Waits until the update has reached a stage, of which the service has said how far it was.
    async fn wait_on(mut self, mut reached: Stage, wanted: Stage) -> Result<Self, Error> {
        while self.outcome.is_none() && (reached as i32) < wanted as i32 {
            (reached, self.outcome) = self.poll(wanted).await?;
        }
        Ok(self)
    }

    async fn poll(&self, stage: Stage) -> Result<(Stage, Option<Outcome>), Error> {
        let request = PollWorkflowExecutionUpdateRequest {
            namespace: self.client.namespace.clone(),
            update_ref: Some(self.reference.clone()),
            identity: self.client.identity.clone(),
            wait_policy: Some(WaitPolicy { lifecycle_stage: stage.into() }),
        };
        let response = self.client.service.poll_workflow_execution_update(Request::new(request)).await?;
        let response = response.into_inner();
        Ok((response.stage(), response.outcome))
    }
}

fn ended<U: UpdateDefinition>(outcome: Outcome) -> Result<U::Output, Error> {
    match outcome.value {
        Some(outcome::Value::Success(result)) => output(result.into()),
        Some(outcome::Value::Failure(failure)) => Err(Error::Update(Box::new(Failure::from(failure)))),
        None => Err(Error::Answer("an update has neither result nor failure")),
    }
}

fn update_request<U: UpdateDefinition>(
    client: &Client,
    execution: WorkflowExecution,
    update: &U,
    input: impl Into<U::Input>,
    options: UpdateOptions,
    stage: Stage,
) -> Result<UpdateWorkflowExecutionRequest, Error> {
    let update_id = match options.update_id {
        id if id.is_empty() => Uuid::new_v4().to_string(),
        id => id,
    };
    Ok(UpdateWorkflowExecutionRequest {
        namespace: client.namespace.clone(),
        workflow_execution: Some(execution),
        wait_policy: Some(WaitPolicy { lifecycle_stage: stage.into() }),
        request: Some(update::Request {
            meta: Some(update::Meta { update_id, identity: client.identity.clone() }),
            input: Some(update::Input {
                name: update.name().to_owned(),
                args: arguments::<U>(input)?,
                ..update::Input::default()
            }),
            ..update::Request::default()
        }),
        ..UpdateWorkflowExecutionRequest::default()
    })
}

/// The error of the operation that was refused by itself, rather than because of the other.
fn refusal(status: Status, workflow_id: &str) -> Error {
    let failure: Option<MultiOperationExecutionFailure> = status_detail(&status);
    let operations = failure.unwrap_or_default().statuses;
    let failed = |code: i32| !matches!(Code::from(code), Code::Ok | Code::Aborted);
    let Some(operation) = operations.into_iter().find(|operation| failed(operation.code)) else {
        return status.into();
    };
    let (code, message) = (Code::from(operation.code), operation.message.clone());
    let details =
        rpc::Status { code: operation.code, message: operation.message, details: operation.details };
    let error = RpcError::from(Status::with_details(code, message, details.encode_to_vec().into()));
    match error.existing_run() {
        Some(run_id) => Error::AlreadyStarted(AlreadyStarted { workflow_id: workflow_id.to_owned(), run_id }),
        None => error.into(),
    }
}

impl<U> std::fmt::Debug for UpdateHandle<U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpdateHandle").field("reference", &self.reference).finish_non_exhaustive()
    }
}
