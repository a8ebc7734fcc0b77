//! Calls that go on while the host is killed and starts again.

use std::{future::Future, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use host_service::{ConnectOptions, RemoteService, WorkflowService};
use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::{Payload, Payloads, WorkflowExecution, WorkflowType},
        enums::v1::{HistoryEventFilterType, WorkflowIdConflictPolicy},
        query::v1::WorkflowQuery,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::{
            GetWorkflowExecutionHistoryRequest, QueryWorkflowRequest, StartWorkflowExecutionRequest,
            TerminateWorkflowExecutionRequest,
        },
    },
};
use tonic::{Code, Request, Status};

use crate::host::TASK_QUEUE;

const NAMESPACE: &str = "default";
/// Between two tries of a call that the host did not answer.
const BETWEEN_TRIES: Duration = Duration::from_millis(200);
/// Tries of one call: as long as a host may take to start again.
const TRIES: u32 = 300;

/// A client of the embedded service.
#[derive(Clone)]
pub(crate) struct Client(Arc<RemoteService>);

impl Client {
    pub(crate) async fn connect(address: &str) -> Result<Self> {
        let options = ConnectOptions {
            address: address.to_owned(),
            namespace: NAMESPACE.to_owned(),
            ..ConnectOptions::default()
        };
        Ok(Self(Arc::new(RemoteService::connect(&options).await?)))
    }

    /// Starts a workflow with a script; again is the same.
    pub(crate) async fn start(&self, workflow_type: &str, id: &str, script: &str) -> Result<()> {
        let script = Payload {
            metadata: [("encoding".to_owned(), "binary/plain".into())].into(),
            data: script.to_owned().into(),
            ..Payload::default()
        };
        let message = StartWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_id: id.to_owned(),
            workflow_type: Some(WorkflowType { name: workflow_type.to_owned() }),
            task_queue: Some(TaskQueue { name: TASK_QUEUE.to_owned(), ..TaskQueue::default() }),
            input: Some(Payloads { payloads: vec![script] }),
            request_id: id.to_owned(),
            workflow_id_conflict_policy: WorkflowIdConflictPolicy::UseExisting.into(),
            ..Default::default()
        };
        let started = insist(|| self.0.start_workflow_execution(Request::new(message.clone()))).await;
        started.with_context(|| format!("start {id}"))?;
        Ok(())
    }

    /// Waits until a workflow completes: its result as text.
    pub(crate) async fn result(&self, id: &str) -> Result<String> {
        let mut message = GetWorkflowExecutionHistoryRequest {
            namespace: NAMESPACE.to_owned(),
            execution: execution(id),
            wait_new_event: true,
            history_event_filter_type: HistoryEventFilterType::CloseEvent.into(),
            ..Default::default()
        };
        loop {
            let page = insist(|| self.0.get_workflow_execution_history(Request::new(message.clone()))).await;
            let page = page.with_context(|| format!("the result of {id}"))?;
            let Some(event) = page.history.unwrap_or_default().events().next() else {
                message.next_page_token = page.next_page_token;
                continue;
            };
            let Some(EventAttributes::WorkflowExecutionCompletedEventAttributes(completed)) =
                event?.attributes
            else {
                bail!("{id} does not complete")
            };
            let payload =
                completed.result.unwrap_or_default().payloads.into_iter().next().unwrap_or_default();
            return Ok(String::from_utf8_lossy(&payload.data).into_owned());
        }
    }

    /// Asks a workflow; an error is an answer, too.
    pub(crate) async fn query(&self, id: &str, query_type: &str) {
        let message = QueryWorkflowRequest {
            namespace: NAMESPACE.to_owned(),
            execution: execution(id),
            query: Some(WorkflowQuery { query_type: query_type.to_owned(), ..Default::default() }),
            ..Default::default()
        };
        let _ = self.0.query_workflow(Request::new(message)).await;
    }

    /// Ends a workflow, if it is there.
    pub(crate) async fn terminate(&self, id: &str) {
        let message = TerminateWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: execution(id),
            ..Default::default()
        };
        let _ = insist(|| self.0.terminate_workflow_execution(Request::new(message.clone()))).await;
    }
}

fn execution(id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution { workflow_id: id.to_owned(), run_id: String::new() })
}

/// Makes a call until the host answers it.
async fn insist<T, F>(mut call: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<tonic::Response<T>, Status>>,
{
    let mut tries = 0;
    loop {
        tries += 1;
        match call().await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if tries < TRIES && passes(&status) => tokio::time::sleep(BETWEEN_TRIES).await,
            Err(status) => return Err(status),
        }
    }
}

/// Whether a status says nothing of the call itself.
fn passes(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::Unknown
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
    )
}
