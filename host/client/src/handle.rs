//! Talking to an execution: signals, queries, cancellation, termination, its result.

mod options;

use std::marker::PhantomData;

use guest_sdk_types::{
    Callable, IntoPayloads, NamedPayloads, Payload, QueryDefinition, Returned, SignalDefinition,
    WorkflowDefinition,
};
use host_wire::{
    History, payloads_from_proto, payloads_to_proto,
    temporal::api::{
        common::v1::{Header, WorkflowExecution},
        enums::v1::WorkflowExecutionStatus,
        history::v1::HistoryEvent,
        query::v1::WorkflowQuery,
        workflowservice::v1::{
            DeleteWorkflowExecutionRequest, DescribeWorkflowExecutionRequest,
            DescribeWorkflowExecutionResponse, QueryWorkflowRequest, RequestCancelWorkflowExecutionRequest,
            SignalWorkflowExecutionRequest, TerminateWorkflowExecutionRequest,
        },
    },
};
use tonic::Request;
use uuid::Uuid;

pub use self::options::QueryOptions;
use crate::{
    client::Client,
    closed::{Closed, closes, next_run},
    error::Error,
    history::{HistoryStream, Wanted},
    interceptors::{Hook, QueryWorkflowInput, QueryWorkflowOutput, SignalWorkflowInput},
};

/// Talks to one execution of a workflow type.
pub struct WorkflowHandle<W> {
    client: Client,
    workflow_id: String,
    run_id: Option<String>,
    workflow: PhantomData<fn() -> W>,
}

impl Client {
    /// Talks to an execution that exists already. Without a run id, to its current run.
    pub fn workflow_handle<W: WorkflowDefinition>(
        &self,
        workflow_id: impl Into<String>,
        run_id: Option<String>,
    ) -> WorkflowHandle<W> {
        WorkflowHandle::new(self.clone(), workflow_id.into(), run_id)
    }
}

impl<W: WorkflowDefinition> WorkflowHandle<W> {
    pub(crate) fn new(client: Client, workflow_id: String, run_id: Option<String>) -> Self {
        Self { client, workflow_id, run_id, workflow: PhantomData }
    }

    /// The client that this handle calls with.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The workflow id.
    #[must_use]
    pub fn workflow_id(&self) -> &str {
        &self.workflow_id
    }

    /// The run id of this handle. `None`: every call is for the run that is current then.
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        self.run_id.as_deref()
    }

    /// A handle for the run that is current now.
    ///
    /// # Errors
    ///
    /// When the service does not know the execution, or cannot be reached.
    pub async fn current_run(&self) -> Result<Self, Error> {
        let info = self.describe().await?.workflow_execution_info;
        let execution = info.and_then(|info| info.execution);
        let execution = execution.ok_or(Error::Answer("a description without an execution"))?;
        Ok(Self::new(self.client.clone(), execution.workflow_id, Some(execution.run_id)))
    }

    /// Waits until the workflow is closed, and gives its result. Follows continue-as-new, retries and
    /// cron to the last run.
    ///
    /// # Errors
    ///
    /// [`Error::Workflow`] when it was closed without a result, [`Error::Payload`] when the result is
    /// of another type.
    pub async fn result(&self) -> Result<W::Output, Error> {
        self.closed().await?.value()
    }

    /// Waits until the workflow is closed. Follows continue-as-new, retries and cron to the last run.
    ///
    /// # Errors
    ///
    /// When the service does not know the execution, or cannot be reached.
    pub async fn closed(&self) -> Result<Closed, Error> {
        let mut run_id = self.run_id.clone();
        loop {
            let mut events =
                HistoryStream::new(self.client.clone(), self.execution_of(run_id), Wanted::CloseAwaited);
            let Some(event) = events.next().await? else {
                return Err(Error::Answer("a closed run has no closing event"));
            };
            match next_run(&event) {
                Some(next) => run_id = Some(next.to_owned()),
                None if closes(&event) => return Ok(Closed { event }),
                None => return Err(Error::Answer("the last event closes nothing")),
            }
        }
    }

    /// The event that closed the run, or nothing while it is open.
    ///
    /// # Errors
    ///
    /// When the service does not know the execution, or cannot be reached.
    pub async fn closed_now(&self) -> Result<Option<Closed>, Error> {
        let mut events = HistoryStream::new(self.client.clone(), self.execution(), Wanted::CloseRecorded);
        let event = events.next().await?.filter(closes);
        Ok(event.map(|event| Closed { event }))
    }

    /// The run's history so far.
    ///
    /// # Errors
    ///
    /// When the service does not know the execution, or cannot be reached.
    pub async fn fetch_history(&self) -> Result<History, Error> {
        self.history().collect().await
    }

    /// The events of the run so far, one after another.
    #[must_use]
    pub fn history(&self) -> HistoryStream {
        HistoryStream::new(self.client.clone(), self.execution(), Wanted::Recorded)
    }

    /// The events of the run, one after another, until it is closed.
    #[must_use]
    pub fn follow(&self) -> HistoryStream {
        HistoryStream::new(self.client.clone(), self.execution(), Wanted::Following)
    }

    /// The run that takes this one's place after an event of its history, if there is one.
    #[must_use]
    pub fn continued_as(&self, event: &HistoryEvent) -> Option<Self> {
        let run_id = next_run(event)?.to_owned();
        Some(Self::new(self.client.clone(), self.workflow_id.clone(), Some(run_id)))
    }

    /// The service's description of the execution: `DescribeWorkflowExecution`.
    ///
    /// # Errors
    ///
    /// When the service does not know the execution, or cannot be reached.
    pub async fn describe(&self) -> Result<DescribeWorkflowExecutionResponse, Error> {
        let request = DescribeWorkflowExecutionRequest {
            namespace: self.client.namespace.clone(),
            execution: Some(self.execution()),
        };
        let response = self.client.service.describe_workflow_execution(Request::new(request)).await?;
        Ok(response.into_inner())
    }

    /// Sends a signal.
    ///
    /// # Errors
    ///
    /// When there is no such open execution, or the service cannot be reached.
    pub async fn signal<S>(&self, signal: S, input: impl Into<S::Input>) -> Result<(), Error>
    where
        S: SignalDefinition<Workflow = W>,
    {
        let WorkflowExecution { workflow_id, run_id } = self.execution();
        let input = SignalWorkflowInput {
            workflow_id,
            run_id,
            signal_name: signal.name().to_owned(),
            arguments: arguments::<S>(input)?,
            headers: NamedPayloads::new(),
        };
        let hook: Hook<'_, _, _> = |interceptor, input, next| interceptor.signal_workflow(input, next);
        self.client.intercepted(input, hook, |client, input| Box::pin(send_signal(client, input))).await
    }

    /// Queries the workflow, open or closed. A worker of its task queue must run.
    ///
    /// # Errors
    ///
    /// [`Error::QueryRejected`] when the options say so; when the handler fails or no worker answers,
    /// [`Error::Rpc`].
    pub async fn query<Q>(
        &self,
        query: Q,
        input: impl Into<Q::Input>,
        options: QueryOptions,
    ) -> Result<Q::Output, Error>
    where
        Q: QueryDefinition<Workflow = W>,
    {
        let WorkflowExecution { workflow_id, run_id } = self.execution();
        let input = QueryWorkflowInput {
            workflow_id,
            run_id,
            query_name: query.name().to_owned(),
            arguments: arguments::<Q>(input)?,
            headers: NamedPayloads::new(),
            options,
        };
        let hook: Hook<'_, _, _> = |interceptor, input, next| interceptor.query_workflow(input, next);
        let answer =
            self.client.intercepted(input, hook, |client, input| Box::pin(send_query(client, input)));
        output(answer.await?.result.into_iter().collect())
    }

    /// Asks the workflow to end itself. It may clean up first, or refuse.
    ///
    /// # Errors
    ///
    /// When there is no such open execution, or the service cannot be reached.
    pub async fn cancel(&self, reason: impl Into<String>) -> Result<(), Error> {
        let request = RequestCancelWorkflowExecutionRequest {
            namespace: self.client.namespace.clone(),
            workflow_execution: Some(self.execution()),
            identity: self.client.identity.clone(),
            request_id: Uuid::new_v4().to_string(),
            reason: reason.into(),
            ..RequestCancelWorkflowExecutionRequest::default()
        };
        self.client.service.request_cancel_workflow_execution(Request::new(request)).await?;
        Ok(())
    }

    /// Ends the execution at once, without asking the workflow.
    ///
    /// # Errors
    ///
    /// When there is no such open execution, or the service cannot be reached.
    pub async fn terminate(&self, reason: impl Into<String>) -> Result<(), Error> {
        let request = TerminateWorkflowExecutionRequest {
            namespace: self.client.namespace.clone(),
            workflow_execution: Some(self.execution()),
            reason: reason.into(),
            identity: self.client.identity.clone(),
            ..TerminateWorkflowExecutionRequest::default()
        };
        self.client.service.terminate_workflow_execution(Request::new(request)).await?;
        Ok(())
    }

    /// Removes the execution and its history; an open one is terminated first. The service does this
    /// after it has answered.
    ///
    /// # Errors
    ///
    /// When there is no such execution, or the service cannot be reached.
    pub async fn delete(&self) -> Result<(), Error> {
        let request = DeleteWorkflowExecutionRequest {
            namespace: self.client.namespace.clone(),
            workflow_execution: Some(self.execution()),
        };
        self.client.service.delete_workflow_execution(Request::new(request)).await?;
        Ok(())
    }

    pub(crate) fn execution(&self) -> WorkflowExecution {
        self.execution_of(self.run_id.clone())
    }

    pub(crate) fn execution_of(&self, run_id: Option<String>) -> WorkflowExecution {
        WorkflowExecution { workflow_id: self.workflow_id.clone(), run_id: run_id.unwrap_or_default() }
    }
}

async fn send_signal(client: &Client, input: SignalWorkflowInput) -> Result<(), Error> {
    let SignalWorkflowInput { workflow_id, run_id, signal_name, arguments, headers } = input;
    let request = SignalWorkflowExecutionRequest {
        namespace: client.namespace.clone(),
        workflow_execution: Some(WorkflowExecution { workflow_id, run_id }),
        signal_name,
        input: payloads_to_proto(arguments),
        identity: client.identity.clone(),
        request_id: Uuid::new_v4().to_string(),
        header: header(headers),
        ..SignalWorkflowExecutionRequest::default()
    };
    client.service.signal_workflow_execution(Request::new(request)).await?;
    Ok(())
}

async fn send_query(client: &Client, input: QueryWorkflowInput) -> Result<QueryWorkflowOutput, Error> {
    let QueryWorkflowInput { workflow_id, run_id, query_name, arguments, headers, options } = input;
    let request = QueryWorkflowRequest {
        namespace: client.namespace.clone(),
        execution: Some(WorkflowExecution { workflow_id, run_id }),
        query: Some(WorkflowQuery {
            query_type: query_name,
            query_args: payloads_to_proto(arguments),
            header: header(headers),
        }),
        query_reject_condition: options.reject_condition.into(),
    };
    let response = client.service.query_workflow(Request::new(request)).await?.into_inner();
    if let Some(rejected) = response.query_rejected {
        let status = WorkflowExecutionStatus::try_from(rejected.status).unwrap_or_default();
        return Err(Error::QueryRejected(status));
    }
    Ok(QueryWorkflowOutput { result: payloads_from_proto(response.query_result).into_iter().next() })
}

/// The field `header` of a request; `None` without headers.
pub(crate) fn header(headers: NamedPayloads) -> Option<Header> {
    (!headers.is_empty()).then(|| headers.into())
}

pub(crate) fn arguments<C: Callable>(input: impl Into<C::Input>) -> Result<Vec<Payload>, Error> {
    let arguments = C::arguments(input.into());
    arguments.into_payloads().map_err(|source| Error::Payload { what: "input", source })
}

pub(crate) fn output<T: Returned>(payloads: Vec<Payload>) -> Result<T, Error> {
    T::from_payload(payloads.into_iter().next()).map_err(|source| Error::Payload { what: "result", source })
}

impl<W> Clone for WorkflowHandle<W> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            workflow_id: self.workflow_id.clone(),
            run_id: self.run_id.clone(),
            workflow: PhantomData,
        }
    }
}

impl<W> std::fmt::Debug for WorkflowHandle<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkflowHandle")
            .field("workflow_id", &self.workflow_id)
            .field("run_id", &self.run_id)
            .finish_non_exhaustive()
    }
}
