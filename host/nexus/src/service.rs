//! Services with their operations, as a program registers them.

use std::{collections::BTreeMap, fmt, future::Future, pin::Pin, sync::Arc};

use guest_sdk_types::{Encoding, FromPayloads, Payload};
use host_wire::temporal::api::{
    common::v1::WorkflowExecution, workflowservice::v1::RequestCancelWorkflowExecutionRequest,
};
use serde::{Serialize, de::DeserializeOwned};
use tonic::Request;

use crate::{
    context::{CancelOperationContext, StartOperationContext, WorkflowRun, WorkflowRunOperationContext},
    error::{HandlerErrorType, NexusError},
    token,
};

/// What a handler answers.
pub(crate) enum Started {
    /// The operation is done.
    Sync(Payload),
    /// It is the run of a workflow.
    Async(WorkflowRun),
}

type StartFuture = Pin<Box<dyn Future<Output = Result<Started, NexusError>> + Send>>;
type Start = Arc<dyn Fn(StartOperationContext, Payload) -> StartFuture + Send + Sync>;

/// One operation.
#[derive(Clone)]
struct Operation {
    start: Start,
    is_workflow_run: bool,
}

/// A Nexus service: operations by name.
#[derive(Clone)]
#[must_use]
pub struct NexusService {
    name: String,
    operations: BTreeMap<String, Operation>,
    /// The first name that was registered twice.
    duplicate: Option<String>,
}

impl NexusService {
    /// A service without operations.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), operations: BTreeMap::new(), duplicate: None }
    }

    /// An operation that a function answers, within the 10 s that the service waits: `sync_operation` of Temporal's SDKs.
    pub fn sync_operation<F, R, In, Out>(self, name: impl Into<String>, function: F) -> Self
    where
        F: Fn(StartOperationContext, In) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Out, NexusError>> + Send + 'static,
        In: DeserializeOwned,
        Out: Serialize,
    {
        let start = move |context: StartOperationContext, input: Payload| -> StartFuture {
            let operation = context.operation().to_owned();
            match decode(&operation, input) {
                Ok(input) => {
                    let running = function(context, input);
                    Box::pin(async move {
                        let result = running.await?;
                        let encoded = Payload::from_value(&result).map_err(|error| {
                            let message =
                                format!("failed to encode the result of operation `{operation}`: {error}");
                            NexusError::handler(HandlerErrorType::Internal, message)
                        })?;
                        Ok(Started::Sync(encoded))
                    })
                }
                Err(error) => Box::pin(std::future::ready(Err(error))),
            }
        };
        self.add(name.into(), Operation { start: Arc::new(start), is_workflow_run: false })
    }

    /// An operation that is the run of a workflow, which a function starts: `workflow_run_operation` of Temporal's SDKs.
    /// A cancellation of the operation cancels the workflow.
    pub fn workflow_run_operation<F, R, In>(self, name: impl Into<String>, function: F) -> Self
    where
        F: Fn(WorkflowRunOperationContext, In) -> R + Send + Sync + 'static,
        R: Future<Output = Result<WorkflowRun, NexusError>> + Send + 'static,
        In: DeserializeOwned,
    {
        let start = move |context: StartOperationContext, input: Payload| -> StartFuture {
            match decode(context.operation(), input) {
                Ok(input) => {
                    let running = function(WorkflowRunOperationContext(context), input);
                    Box::pin(async move { Ok(Started::Async(running.await?)) })
                }
                Err(error) => Box::pin(std::future::ready(Err(error))),
            }
        };
        self.add(name.into(), Operation { start: Arc::new(start), is_workflow_run: true })
    }

    fn add(mut self, name: String, operation: Operation) -> Self {
        if self.operations.insert(name.clone(), operation).is_some() {
            self.duplicate.get_or_insert(name);
        }
        self
    }
}

impl fmt::Debug for NexusService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations: Vec<&String> = self.operations.keys().collect();
        f.debug_struct("NexusService").field("name", &self.name).field("operations", &operations).finish()
    }
}

fn decode<In: DeserializeOwned>(operation: &str, input: Payload) -> Result<In, NexusError> {
    // An operation without input.
    let input = if input.encoding == Encoding::BinaryNull { Payload::from_json("null") } else { input };
    let decoded = <(In,)>::from_payloads(std::slice::from_ref(&input));
    decoded.map(|(input,)| input).map_err(|error| {
        let expected = std::any::type_name::<In>();
        let message = format!("failed to decode the input of operation `{operation}` as {expected}: {error}");
        NexusError::handler(HandlerErrorType::BadRequest, message)
    })
}

/// A service, or an operation of a service, is registered twice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is registered already; give one of the two another name")]
pub struct DuplicateOperation {
    what: String,
}

/// The Nexus services of a host, by name.
#[derive(Clone, Debug, Default)]
pub struct NexusServices {
    by_name: BTreeMap<String, NexusService>,
}

impl NexusServices {
    /// Registers a service.
    ///
    /// # Errors
    ///
    /// A service of this name is registered, or two of its operations have one name.
    pub fn register(&mut self, service: NexusService) -> Result<(), DuplicateOperation> {
        if let Some(operation) = &service.duplicate {
            let what = format!("operation `{operation}` of Nexus service `{}`", service.name);
            return Err(DuplicateOperation { what });
        }
        let name = service.name.clone();
        if self.by_name.contains_key(&name) {
            return Err(DuplicateOperation { what: format!("Nexus service `{name}`") });
        }
        self.by_name.insert(name, service);
        Ok(())
    }

    /// Whether there is none, so that a worker need not poll for Nexus tasks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    fn operation(&self, service: &str, operation: &str) -> Result<&Operation, NexusError> {
        let Some(found) = self.by_name.get(service) else {
            let message =
                format!("Nexus service `{service}` is not registered; known: {}", list(&self.by_name));
            return Err(NexusError::handler(HandlerErrorType::NotFound, message));
        };
        found.operations.get(operation).ok_or_else(|| {
            let known = list(&found.operations);
            let message = format!(
                "operation `{operation}` of Nexus service `{service}` is not registered; known: {known}"
            );
            NexusError::handler(HandlerErrorType::NotFound, message)
        })
    }

    /// Calls the handler of an operation.
    pub(crate) async fn start(
        &self,
        context: StartOperationContext,
        input: Payload,
    ) -> Result<Started, NexusError> {
        let operation = self.operation(context.service(), context.operation())?;
        (operation.start)(context, input).await
    }

    /// Cancels what an operation is.
    pub(crate) async fn cancel(
        &self,
        context: &CancelOperationContext,
        (service, operation): (&str, &str),
        operation_token: &str,
    ) -> Result<(), NexusError> {
        if !self.operation(service, operation)?.is_workflow_run {
            let message = format!("operation `{operation}` is answered at once and cannot be cancelled");
            return Err(NexusError::handler(HandlerErrorType::NotImplemented, message));
        }
        let Some(workflow_id) = token::workflow_id(operation_token, context.client.namespace()) else {
            let message = "the token names no workflow of this namespace";
            return Err(NexusError::handler(HandlerErrorType::BadRequest, message));
        };
        let request = RequestCancelWorkflowExecutionRequest {
            namespace: context.client.namespace().to_owned(),
            workflow_execution: Some(WorkflowExecution { workflow_id, run_id: String::new() }),
            identity: context.client.identity().to_owned(),
            ..RequestCancelWorkflowExecutionRequest::default()
        };
        let canceled = context.client.service().request_cancel_workflow_execution(Request::new(request));
        canceled.await.map(drop).map_err(NexusError::of_status)
    }
}

fn list<T>(known: &BTreeMap<String, T>) -> String {
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
