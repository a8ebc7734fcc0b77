//! The embedded service in this process, on a data folder of its own, and calls that tests make on it.

use std::sync::Arc;

use bytes::Bytes;
use host_server::{DEFAULT_NAMESPACE, Listener, Options, Server};
use host_service::WorkflowService;
use host_wire::temporal::api::{
    common::v1::{Payload, Payloads, WorkflowExecution, WorkflowType},
    enums::v1::{EventType, HistoryEventFilterType},
    history::v1::HistoryEvent,
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{
        GetWorkflowExecutionHistoryRequest, SignalWorkflowExecutionRequest, StartWorkflowExecutionRequest,
    },
};
use tempfile::TempDir;
use tonic::Request;

/// The namespace of all tests.
pub const NAMESPACE: &str = DEFAULT_NAMESPACE;

/// The embedded service. Closed when dropped.
pub struct Embedded {
    pub service: Arc<dyn WorkflowService>,
    server: Server,
    _folder: TempDir,
}

impl Embedded {
    pub fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::open(folder.path(), Options::default()).unwrap();
        Self { service: server.service(), server, _folder: folder }
    }

    /// Serves it on a loopback address, which it gives.
    pub async fn serve(&self) -> String {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.address().to_string();
        tokio::spawn(self.server.serve(listener, std::future::pending()));
        address
    }
}

/// Starts a workflow and returns its run id.
pub async fn start(
    service: &dyn WorkflowService,
    task_queue: &str,
    workflow_type: &str,
    workflow_id: &str,
    argument: Payload,
) -> String {
    let message = StartWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_id: workflow_id.to_owned(),
        workflow_type: Some(WorkflowType { name: workflow_type.to_owned() }),
        task_queue: Some(queue(task_queue)),
        input: Some(Payloads { payloads: vec![argument] }),
        request_id: workflow_id.to_owned(),
        ..Default::default()
    };
    service.start_workflow_execution(Request::new(message)).await.unwrap().into_inner().run_id
}

/// Signals the latest run of a workflow.
pub async fn signal(service: &dyn WorkflowService, workflow_id: &str, name: &str) {
    let message = SignalWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_execution: Some(execution(workflow_id)),
        signal_name: name.to_owned(),
        ..Default::default()
    };
    service.signal_workflow_execution(Request::new(message)).await.unwrap();
}

/// The history of a workflow's latest run, as far as it has come.
pub async fn events(service: &dyn WorkflowService, workflow_id: &str) -> Vec<HistoryEvent> {
    history_page(service, history(workflow_id)).await.0
}

/// Waits until a workflow's latest run closes: the last event.
pub async fn closing_event(service: &dyn WorkflowService, workflow_id: &str) -> HistoryEvent {
    let mut page = GetWorkflowExecutionHistoryRequest {
        wait_new_event: true,
        history_event_filter_type: HistoryEventFilterType::CloseEvent.into(),
        ..history(workflow_id)
    };
    loop {
        let (events, token) = history_page(service, page.clone()).await;
        if let Some(event) = events.into_iter().next() {
            return event;
        }
        page.next_page_token = token;
    }
}

/// Waits until a workflow's latest run has an event of a type.
pub async fn wait_for_event(
    service: &dyn WorkflowService,
    workflow_id: &str,
    event_type: EventType,
) -> HistoryEvent {
    let mut page = GetWorkflowExecutionHistoryRequest { wait_new_event: true, ..history(workflow_id) };
    loop {
        let (events, token) = history_page(service, page.clone()).await;
        if let Some(event) = events.into_iter().find(|event| event.event_type() == event_type) {
            return event;
        }
        assert!(!token.is_empty(), "{workflow_id} closed without {event_type:?}");
        page.next_page_token = token;
    }
}

fn history(workflow_id: &str) -> GetWorkflowExecutionHistoryRequest {
    GetWorkflowExecutionHistoryRequest {
        namespace: NAMESPACE.to_owned(),
        execution: Some(execution(workflow_id)),
        ..Default::default()
    }
}

async fn history_page(
    service: &dyn WorkflowService,
    page: GetWorkflowExecutionHistoryRequest,
) -> (Vec<HistoryEvent>, Bytes) {
    let page = service.get_workflow_execution_history(Request::new(page)).await.unwrap().into_inner();
    let events = page.history.unwrap_or_default().events().map(Result::unwrap).collect();
    (events, page.next_page_token)
}

/// The latest run of a workflow.
pub fn execution(workflow_id: &str) -> WorkflowExecution {
    WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: String::new() }
}

/// A task queue as requests name it.
pub fn queue(name: &str) -> TaskQueue {
    TaskQueue { name: name.to_owned(), ..Default::default() }
}

/// A payload of JSON.
pub fn json(value: &str) -> Payload {
    payload("json/plain", value)
}

/// A payload of text.
pub fn text(value: &str) -> Payload {
    payload("binary/plain", value)
}

fn payload(encoding: &str, data: &str) -> Payload {
    Payload {
        metadata: [("encoding".to_owned(), encoding.to_owned().into())].into(),
        data: data.to_owned().into(),
        ..Default::default()
    }
}
