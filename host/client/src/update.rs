//! Updates: sent to an execution, waited for, looked at.

mod options;

use std::marker::PhantomData;

use guest_sdk_types::{Failure, NamedPayloads, UpdateDefinition, WorkflowDefinition};
use host_service::status_detail;
use host_wire::google::rpc;
use host_wire::payloads_to_proto;
use host_wire::temporal::api::{
    common::v1::WorkflowExecution,
    enums::v1::UpdateWorkflowExecutionLifecycleStage as Stage,
    errordetails::v1::MultiOperationExecutionFailure,
    update::v1::{self as update, Outcome, UpdateRef, WaitPolicy, outcome},
    workflowservice::v1::{
        ExecuteMultiOperationRequest, PollWorkflowExecutionUpdateRequest, UpdateWorkflowExecutionRequest,
        UpdateWorkflowExecutionResponse,
        execute_multi_operation_request::{Operation as AnyOperation, operation::Operation},
        execute_multi_operation_response::response::Response as OfOperation,
    },
};
use prost::Message as _;
use tonic::{Code, Request, Status};
use uuid::Uuid;

pub use self::options::UpdateOptions;
use crate::{
    client::Client,
    error::{AlreadyStarted, Error, RpcError},
    handle::{WorkflowHandle, arguments, header, output},
    interceptors::{
        Hook, StartWorkflowOutput, StartWorkflowUpdateInput, StartWorkflowUpdateOutput,
        UpdateWithStartWorkflowInput, UpdateWithStartWorkflowOutput,
    },
    start::{StartOptions, start_input},
};

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
        let input = update_input(self.execution(), update, input, options, stage)?;
        let hook: Hook<'_, _, _> = |interceptor, input, next| interceptor.start_workflow_update(input, next);
        let sent = client.intercepted(input, hook, |client, input| Box::pin(send_update(client, input)));
        let answer = sent.await?;
        let handle = UpdateHandle::of(client, answer.reference, answer.outcome)?;
        handle.wait_on(answer.stage, stage).await
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
        (update, sent_input): (U, impl Into<U::Input>),
        options: UpdateOptions,
    ) -> Result<(WorkflowHandle<W>, UpdateHandle<U>), Error>
    where
        W: WorkflowDefinition,
        U: UpdateDefinition<Workflow = W>,
    {
        let start = start_input(&workflow, workflow_input, start)?;
        let workflow_id = start.options.workflow_id.clone();
        let execution = WorkflowExecution { workflow_id, run_id: String::new() };
        let update = update_input(execution, &update, sent_input, options, Stage::Accepted)?;
        let input = UpdateWithStartWorkflowInput { start, update };
        let hook: Hook<'_, _, _> =
            |interceptor, input, next| interceptor.update_with_start_workflow(input, next);
        let sent = self.intercepted(input, hook, |client, input| Box::pin(send_with_start(client, input)));
        let UpdateWithStartWorkflowOutput { start, update } = sent.await?;
        let reached = update.stage;
        let update = UpdateHandle::of(self, update.reference, update.outcome)?;
        let handle = WorkflowHandle::new(self.clone(), start.workflow_id, Some(start.run_id));
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

/// Encodes the input, and makes an update id if there is none.
fn update_input<U: UpdateDefinition>(
    execution: WorkflowExecution,
    update: &U,
    input: impl Into<U::Input>,
    mut options: UpdateOptions,
    stage: Stage,
) -> Result<StartWorkflowUpdateInput, Error> {
    if options.update_id.is_empty() {
        options.update_id = Uuid::new_v4().to_string();
    }
    let WorkflowExecution { workflow_id, run_id } = execution;
    let (update_name, arguments) = (update.name().to_owned(), arguments::<U>(input)?);
    let headers = NamedPayloads::new();
    Ok(StartWorkflowUpdateInput { workflow_id, run_id, update_name, arguments, headers, options, stage })
}

fn update_request(client: &Client, input: StartWorkflowUpdateInput) -> UpdateWorkflowExecutionRequest {
    let StartWorkflowUpdateInput { workflow_id, run_id, update_name, arguments, headers, options, stage } =
        input;
    let meta = update::Meta { update_id: options.update_id, identity: client.identity.clone() };
    let input =
        update::Input { name: update_name, args: payloads_to_proto(arguments), header: header(headers) };
    UpdateWorkflowExecutionRequest {
        namespace: client.namespace.clone(),
        workflow_execution: Some(WorkflowExecution { workflow_id, run_id }),
        wait_policy: Some(WaitPolicy { lifecycle_stage: stage.into() }),
        request: Some(update::Request { meta: Some(meta), input: Some(input), ..update::Request::default() }),
        ..UpdateWorkflowExecutionRequest::default()
    }
}

async fn send_update(
    client: &Client,
    input: StartWorkflowUpdateInput,
) -> Result<StartWorkflowUpdateOutput, Error> {
    let request = Request::new(update_request(client, input));
    let response = client.service.update_workflow_execution(request).await?.into_inner();
    Ok(answer(response))
}

fn answer(response: UpdateWorkflowExecutionResponse) -> StartWorkflowUpdateOutput {
    let stage = response.stage();
    StartWorkflowUpdateOutput { reference: response.update_ref, outcome: response.outcome, stage }
}

async fn send_with_start(
    client: &Client,
    input: UpdateWithStartWorkflowInput,
) -> Result<UpdateWithStartWorkflowOutput, Error> {
    let workflow_id = input.start.options.workflow_id.clone();
    let start = client.start_request(input.start)?;
    let update = update_request(client, input.update);
    let operations = [Operation::StartWorkflow(start), Operation::UpdateWorkflow(update)];
    let request = ExecuteMultiOperationRequest {
        namespace: client.namespace.clone(),
        operations: operations.map(|operation| AnyOperation { operation: Some(operation) }).into(),
        ..ExecuteMultiOperationRequest::default()
    };
    let response = client.service.execute_multi_operation(Request::new(request)).await;
    let response = response.map_err(|status| refusal(status, &workflow_id))?.into_inner();
    let mut start = None;
    let mut update = None;
    for response in response.responses.into_iter().filter_map(|response| response.response) {
        match response {
            OfOperation::StartWorkflow(started) => start = Some((started.run_id, started.started)),
            OfOperation::UpdateWorkflow(updated) => update = Some(answer(updated)),
        }
    }
    let (run_id, is_new) = start.ok_or(Error::Answer("an update with start has no answer to its start"))?;
    let update = update.ok_or(Error::Answer("an update with start has no answer to its update"))?;
    Ok(UpdateWithStartWorkflowOutput { start: StartWorkflowOutput { workflow_id, run_id, is_new }, update })
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
