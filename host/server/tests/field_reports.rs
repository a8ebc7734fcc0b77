//! Faults that users of Temporal's server reported, told to this one through its calls;
//! `tests/field-reports.md` names the reports.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use host_server::{Options, Server};
use host_service::WorkflowService;
use host_wire::{
    duration_to_proto,
    temporal::api::{
        common::v1::{WorkflowExecution, WorkflowType},
        enums::v1::{EventType, TaskQueueKind},
        history::v1::HistoryEvent,
        taskqueue::v1::{StickyExecutionAttributes, TaskQueue},
        workflowservice::v1::*,
    },
};
use tokio::time::timeout;
use tonic::Request;

type Service = Arc<dyn WorkflowService>;

/// A sticky queue whose worker is gone delays a task by 5 s; a task that comes sooner did not wait for it.
const SOON: Duration = Duration::from_secs(3);

fn service(folder: &Path) -> (Server, Service) {
    let server = Server::open(folder, Options::default()).unwrap();
    let service = server.service();
    (server, service)
}

fn execution(workflow_id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: String::new() })
}

fn queue(name: &str, kind: TaskQueueKind) -> Option<TaskQueue> {
    Some(TaskQueue { name: name.to_owned(), kind: kind.into(), normal_name: "queue".to_owned() })
}

async fn start(service: &Service, workflow_id: &str) {
    let request = StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: workflow_id.to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: queue("queue", TaskQueueKind::Normal),
        ..Default::default()
    };
    service.start_workflow_execution(Request::new(request)).await.unwrap();
}

async fn signal(service: &Service, workflow_id: &str) {
    let request = SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution(workflow_id),
        signal_name: "s".to_owned(),
        ..Default::default()
    };
    service.signal_workflow_execution(Request::new(request)).await.unwrap();
}

async fn poll(service: &Service, queue: Option<TaskQueue>) -> PollWorkflowTaskQueueResponse {
    let request = PollWorkflowTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue,
        ..Default::default()
    };
    let polled = service.poll_workflow_task_queue(Request::new(request));
    timeout(SOON, polled).await.expect("no task came soon").unwrap().into_inner()
}

/// Completes a task without commands; the worker has the run in its cache.
async fn complete_sticky(service: &Service, task: &PollWorkflowTaskQueueResponse) {
    let request = RespondWorkflowTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        sticky_attributes: Some(StickyExecutionAttributes {
            worker_task_queue: queue("sticky", TaskQueueKind::Sticky),
            schedule_to_start_timeout: Some(duration_to_proto(Duration::from_secs(5))),
        }),
        ..Default::default()
    };
    service.respond_workflow_task_completed(Request::new(request)).await.unwrap();
}

async fn fail(service: &Service, task: &PollWorkflowTaskQueueResponse) {
    let request = RespondWorkflowTaskFailedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        ..Default::default()
    };
    service.respond_workflow_task_failed(Request::new(request)).await.unwrap();
}

/// The page of a history that a token stands for, and the token of the next.
async fn page(service: &Service, workflow_id: &str, token: Bytes) -> (Vec<HistoryEvent>, Bytes) {
    let request = GetWorkflowExecutionHistoryRequest {
        namespace: "default".to_owned(),
        execution: execution(workflow_id),
        next_page_token: token,
        ..Default::default()
    };
    let page = service.get_workflow_execution_history(Request::new(request)).await.unwrap().into_inner();
    (page.history.unwrap().events().map(Result::unwrap).collect(), page.next_page_token)
}

/// The rest of a history.
async fn rest(service: &Service, workflow_id: &str, mut token: Bytes) -> Vec<HistoryEvent> {
    let mut events = Vec::new();
    while !token.is_empty() {
        let (more, next) = page(service, workflow_id, token).await;
        events.extend(more);
        token = next;
    }
    events
}

fn ids(events: &[HistoryEvent]) -> Vec<i64> {
    events.iter().map(|event| event.event_id).collect()
}

async fn event_types(service: &Service, workflow_id: &str) -> Vec<EventType> {
    let (events, token) = page(service, workflow_id, Bytes::new()).await;
    assert!(token.is_empty());
    events.iter().map(HistoryEvent::event_type).collect()
}

/// The worker that has a run in its cache is gone, with or without a word: the next task waits for no timeout,
/// and the worker that takes it gets the whole history.
#[tokio::test]
async fn a_task_does_not_wait_for_a_worker_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, service) = service(folder.path());
    for (workflow_id, says_so) in [("vanished", false), ("stopped", true)] {
        start(&service, workflow_id).await;
        let task = poll(&service, queue("queue", TaskQueueKind::Normal)).await;
        complete_sticky(&service, &task).await;
        if says_so {
            let polling = tokio::spawn({
                let service = service.clone();
                async move { poll(&service, queue("sticky", TaskQueueKind::Sticky)).await }
            });
            // Now it waits for a task in its own queue.
            tokio::task::yield_now().await;
            signal(&service, workflow_id).await;
            let task = polling.await.unwrap();
            assert_eq!(task.history.as_ref().unwrap().events().next().unwrap().unwrap().event_id, 4);
            complete_sticky(&service, &task).await;
            let request = ShutdownWorkerRequest {
                namespace: "default".to_owned(),
                sticky_task_queue: "sticky".to_owned(),
                ..Default::default()
            };
            service.shutdown_worker(Request::new(request)).await.unwrap();
        }
        signal(&service, workflow_id).await;
        let task = poll(&service, queue("queue", TaskQueueKind::Normal)).await;
        let events: Vec<_> = task.history.as_ref().unwrap().events().map(Result::unwrap).collect();
        assert_eq!(ids(&events), (1..=task.started_event_id).collect::<Vec<_>>(), "{workflow_id}");
        complete_sticky(&service, &task).await;
        let types = event_types(&service, workflow_id).await;
        assert!(!types.contains(&EventType::WorkflowTaskTimedOut), "{workflow_id}: {types:?}");
    }
}

/// A history grows while it is read: nothing is missing between two pages.
#[tokio::test]
async fn pages_of_a_history_that_grows_have_no_gap() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, service) = service(folder.path());
    start(&service, "w").await;
    for _ in 0..300 {
        signal(&service, "w").await;
    }
    let (mut events, mut token) = page(&service, "w", Bytes::new()).await;
    let mut pages = 1;
    while !token.is_empty() {
        if pages < 3 {
            for _ in 0..300 {
                signal(&service, "w").await;
            }
            let task = poll(&service, queue("queue", TaskQueueKind::Normal)).await;
            complete_sticky(&service, &task).await;
        }
        let (more, next) = page(&service, "w", token).await;
        events.extend(more);
        token = next;
        pages += 1;
    }
    let total = 2 + 3 * 300 + 4 + 1;
    assert_eq!(ids(&events), (1..=total).collect::<Vec<_>>());
    assert_eq!(pages, 4);
}

/// The events of an attempt that is not recorded come after the last page, not after the first.
#[tokio::test]
async fn a_retried_task_has_its_own_start_at_the_end_of_the_last_page() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, service) = service(folder.path());
    start(&service, "w").await;
    for _ in 0..300 {
        signal(&service, "w").await;
    }
    for attempt in 1..=3 {
        let task = poll(&service, queue("queue", TaskQueueKind::Normal)).await;
        assert_eq!(task.attempt, attempt);
        let mut events: Vec<_> = task.history.as_ref().unwrap().events().map(Result::unwrap).collect();
        events.extend(rest(&service, "w", task.next_page_token.clone()).await);
        assert_eq!(ids(&events), (1..=task.started_event_id).collect::<Vec<_>>(), "attempt {attempt}");
        let started = events.iter().filter(|it| it.event_type() == EventType::WorkflowTaskStarted).count();
        assert_eq!(started, if attempt == 1 { 1 } else { 2 }, "attempt {attempt}");
        fail(&service, &task).await;
    }
}

/// Runs that start while a list is read do not move the others from one page to another.
#[tokio::test]
async fn pages_of_a_list_that_grows_show_each_run_once() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, service) = service(folder.path());
    for number in 0..20 {
        start(&service, &format!("old{number}")).await;
    }
    let mut listed = Vec::new();
    let mut token = Bytes::new();
    loop {
        let request = ListWorkflowExecutionsRequest {
            namespace: "default".to_owned(),
            page_size: 6,
            next_page_token: token,
            ..Default::default()
        };
        let page = service.list_workflow_executions(Request::new(request)).await.unwrap().into_inner();
        assert!(page.executions.len() <= 6, "{} in a page", page.executions.len());
        listed.extend(page.executions.into_iter().map(|info| info.execution.unwrap().workflow_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
        for number in 0..3 {
            start(&service, &format!("new{number}-{}", listed.len())).await;
        }
    }
    let old: Vec<_> = (0..20).rev().map(|number| format!("old{number}")).collect();
    assert_eq!(listed, old);
}
