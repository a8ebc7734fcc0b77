//! The client: starts workflows over gRPC, and waits for each by long poll. It is the benchmark's own
//! process, which does nothing else meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use host_service::{ConnectOptions, RemoteService, WorkflowService};
use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::{Payload, Payloads, WorkflowExecution, WorkflowType},
        enums::v1::HistoryEventFilterType,
        history::v1::HistoryEvent,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::{GetWorkflowExecutionHistoryRequest, StartWorkflowExecutionRequest},
    },
};
use prost::Message;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tonic::Request;

use crate::workload::{Outcome, Workload};

pub const NAMESPACE: &str = "default";
pub const TASK_QUEUE: &str = "bench";

/// How long a service may take to answer, and then a worker to complete its first workflow.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Longest time of a workflow; longer means that it hangs.
const WORKFLOW_TIMEOUT: Duration = Duration::from_secs(180);

/// A connection to one service. Clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    service: RemoteService,
    /// Workflows started so far, for their ids.
    started: Arc<AtomicU64>,
}

impl Client {
    /// Connects as soon as the service answers.
    pub async fn connect(address: &str) -> Result<Self> {
        let options = ConnectOptions {
            address: address.to_owned(),
            namespace: NAMESPACE.to_owned(),
            identity: "bench".to_owned(),
            ..ConnectOptions::default()
        };
        let service = until_ready(|| RemoteService::connect(&options)).await?;
        Ok(Self { service, started: Arc::default() })
    }

    /// Waits until a worker does what it should, then lets things warm up for a time.
    pub async fn warm_up(&self, workload: &Workload, duration: Duration) -> Result<Outcome> {
        let workload = workload.warm_up();
        until_ready(|| self.execute(&workload)).await?;
        self.run(&workload, duration).await
    }

    /// Keeps so many workflows running for a time as the workload says, and waits for the last ones.
    pub async fn run(&self, workload: &Workload, duration: Duration) -> Result<Outcome> {
        let start = Instant::now();
        let mut lanes = JoinSet::new();
        for _ in 0..workload.at_once {
            let (client, workload) = (self.clone(), workload.clone());
            lanes.spawn(async move {
                let mut latencies = Vec::new();
                while latencies.is_empty() || start.elapsed() < duration {
                    latencies.push(client.execute(&workload).await?);
                }
                anyhow::Ok(latencies)
            });
        }
        let mut latencies = Vec::new();
        while let Some(lane) = lanes.join_next().await {
            latencies.extend(lane??);
        }
        let elapsed = start.elapsed();
        latencies.sort_unstable();
        Ok(Outcome { latencies, elapsed })
    }

    /// Starts one workflow, and waits until it is completed.
    async fn execute(&self, workload: &Workload) -> Result<Duration> {
        let start = Instant::now();
        let workflow_id = format!("bench-{}", self.started.fetch_add(1, Ordering::Relaxed));
        let request = StartWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_id: workflow_id.clone(),
            request_id: workflow_id.clone(),
            workflow_type: Some(WorkflowType { name: workload.workflow_type.to_owned() }),
            task_queue: Some(TaskQueue { name: TASK_QUEUE.to_owned(), ..TaskQueue::default() }),
            input: Some(json(workload.argument())),
            ..StartWorkflowExecutionRequest::default()
        };
        let response = self.service.start_workflow_execution(Request::new(request)).await?;
        let execution = WorkflowExecution { workflow_id, run_id: response.into_inner().run_id };
        let closed = timeout(WORKFLOW_TIMEOUT, self.closing_event(execution)).await;
        let event = closed.context("a workflow does not end")??;
        let Some(EventAttributes::WorkflowExecutionCompletedEventAttributes(_)) = event.attributes else {
            bail!("a workflow ended with {:?}", event.event_type());
        };
        Ok(start.elapsed())
    }

    async fn closing_event(&self, execution: WorkflowExecution) -> Result<HistoryEvent> {
        let mut request = GetWorkflowExecutionHistoryRequest {
            namespace: NAMESPACE.to_owned(),
            execution: Some(execution),
            wait_new_event: true,
            history_event_filter_type: HistoryEventFilterType::CloseEvent.into(),
            skip_archival: true,
            ..GetWorkflowExecutionHistoryRequest::default()
        };
        loop {
            let response = self.service.get_workflow_execution_history(Request::new(request.clone())).await?;
            let response = response.into_inner();
            if let Some(event) = response.history.unwrap_or_default().into_encoded().pop() {
                return Ok(HistoryEvent::decode(event)?);
            }
            // A long poll ends after a while, with a token for the next one.
            ensure!(!response.next_page_token.is_empty(), "a workflow ended without an event");
            request.next_page_token = response.next_page_token;
        }
    }
}

/// A service that has just been started refuses, or does not know its namespace yet.
async fn until_ready<T, E, F>(attempt: impl Fn() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let start = Instant::now();
    loop {
        match attempt().await {
            Err(_) if start.elapsed() < READY_TIMEOUT => sleep(RETRY_INTERVAL).await,
            result => return result,
        }
    }
}

fn json(text: String) -> Payloads {
    let metadata = [("encoding".to_owned(), Bytes::from_static(b"json/plain"))].into();
    Payloads { payloads: vec![Payload { metadata, data: text.into(), ..Payload::default() }] }
}
