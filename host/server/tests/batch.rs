//! Batch operations as clients meet them: how fast, how they stop, and after a restart.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::{path::Path, sync::Arc, time::Duration};

use host_server::{Options, Server, StorageError};
use host_service::WorkflowService;
use host_wire::{
    EventAttributes, duration_to_proto,
    temporal::api::{
        batch::v1::{
            BatchOperationDeletion, BatchOperationSignal, BatchOperationTermination,
            BatchOperationUnpauseActivities, batch_operation_unpause_activities::Activity,
        },
        command::v1::{Command, ScheduleActivityTaskCommandAttributes, command::Attributes},
        common::v1::{ActivityType, WorkflowExecution, WorkflowType},
        enums::v1::{BatchOperationState as State, BatchOperationType, WorkflowExecutionStatus},
        taskqueue::v1::TaskQueue,
        workflowservice::v1::{start_batch_operation_request::Operation, *},
    },
};
use tokio::time::Instant;
use tonic::{Code, Request, Status};

type Service = Arc<dyn WorkflowService>;

const NAMESPACE: &str = "default";

fn open(folder: &Path) -> Server {
    Server::open(folder, Options::default()).unwrap()
}

/// Opens a folder again. Tasks of the service before may hold it until they see that they ended.
async fn reopen(folder: &Path) -> Server {
    loop {
        match Server::open(folder, Options::default()) {
            Err(StorageError::Locked { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
            opened => return opened.unwrap(),
        }
    }
}

fn queue() -> Option<TaskQueue> {
    Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() })
}

async fn start(service: &Service, workflow_id: &str, kind: &str) {
    let request = StartWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_id: workflow_id.to_owned(),
        workflow_type: Some(WorkflowType { name: kind.to_owned() }),
        task_queue: queue(),
        request_id: workflow_id.to_owned(),
        ..Default::default()
    };
    service.start_workflow_execution(Request::new(request)).await.unwrap();
}

async fn start_many(service: &Service, count: usize) {
    for number in 0..count {
        start(service, &format!("w{number}"), "Many").await;
    }
}

fn execution(workflow_id: &str) -> WorkflowExecution {
    WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: String::new() }
}

fn signal() -> Operation {
    let signal = "hello".to_owned();
    Operation::SignalOperation(BatchOperationSignal { signal, ..Default::default() })
}

fn termination() -> Operation {
    let identity = "operator".to_owned();
    Operation::TerminationOperation(BatchOperationTermination { identity, ..Default::default() })
}

fn request(job_id: &str, operation: Operation) -> StartBatchOperationRequest {
    StartBatchOperationRequest {
        namespace: NAMESPACE.to_owned(),
        job_id: job_id.to_owned(),
        reason: "a test".to_owned(),
        visibility_query: "WorkflowType = 'Many'".to_owned(),
        operation: Some(operation),
        ..Default::default()
    }
}

async fn begin(service: &Service, request: StartBatchOperationRequest) -> Result<(), Status> {
    service.start_batch_operation(Request::new(request)).await.map(drop)
}

async fn describe(service: &Service, job_id: &str) -> DescribeBatchOperationResponse {
    let request =
        DescribeBatchOperationRequest { namespace: NAMESPACE.to_owned(), job_id: job_id.to_owned() };
    service.describe_batch_operation(Request::new(request)).await.unwrap().into_inner()
}

async fn stop(service: &Service, job_id: &str) -> Result<(), Status> {
    let request = StopBatchOperationRequest {
        namespace: NAMESPACE.to_owned(),
        job_id: job_id.to_owned(),
        reason: "enough".to_owned(),
        ..Default::default()
    };
    service.stop_batch_operation(Request::new(request)).await.map(drop)
}

/// Waits until something is true of a batch operation.
async fn until(
    service: &Service,
    job_id: &str,
    is_so: impl Fn(&DescribeBatchOperationResponse) -> bool,
) -> DescribeBatchOperationResponse {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let described = describe(service, job_id).await;
        if is_so(&described) {
            return described;
        }
        assert!(Instant::now() < deadline, "{described:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn ended(service: &Service, job_id: &str) -> DescribeBatchOperationResponse {
    until(service, job_id, |it| it.state() != State::Running).await
}

fn counts(it: &DescribeBatchOperationResponse) -> (State, i64, i64, i64) {
    (it.state(), it.total_operation_count, it.complete_operation_count, it.failure_operation_count)
}

async fn signals(service: &Service, workflow_id: &str) -> usize {
    let request = GetWorkflowExecutionHistoryRequest {
        namespace: NAMESPACE.to_owned(),
        execution: Some(execution(workflow_id)),
        ..Default::default()
    };
    let answer = service.get_workflow_execution_history(Request::new(request)).await.unwrap().into_inner();
    let history = answer.history.unwrap();
    let is_signal = |attributes: Option<EventAttributes>| {
        matches!(attributes, Some(EventAttributes::WorkflowExecutionSignaledEventAttributes(_)))
    };
    history.events().filter(|event| is_signal(event.as_ref().unwrap().attributes.clone())).count()
}

async fn described(
    service: &Service,
    workflow_id: &str,
) -> Result<DescribeWorkflowExecutionResponse, Status> {
    let request = DescribeWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        execution: Some(execution(workflow_id)),
    };
    Ok(service.describe_workflow_execution(Request::new(request)).await?.into_inner())
}

async fn status(service: &Service, workflow_id: &str) -> WorkflowExecutionStatus {
    described(service, workflow_id).await.unwrap().workflow_execution_info.unwrap().status()
}

#[tokio::test]
async fn goes_on_after_a_restart_and_does_nothing_twice() {
    const COUNT: usize = 12;
    let folder = tempfile::tempdir().unwrap();
    {
        let server = open(folder.path());
        let service = server.service();
        start_many(&service, COUNT).await;
        let slow = StartBatchOperationRequest { max_operations_per_second: 4.0, ..request("job", signal()) };
        begin(&service, slow).await.unwrap();
        let seen = until(&service, "job", |it| it.complete_operation_count >= 3).await;
        assert_eq!(seen.total_operation_count, 12);
        assert_eq!(seen.state(), State::Running);
    }
    let server = reopen(folder.path()).await;
    let service = server.service();
    // What started after the operation is not in it.
    start(&service, "late", "Many").await;
    let end = ended(&service, "job").await;
    assert_eq!(counts(&end), (State::Completed, 12, 12, 0));
    for number in 0..COUNT {
        assert_eq!(signals(&service, &format!("w{number}")).await, 1, "w{number}");
    }
    assert_eq!(signals(&service, "late").await, 0);
    drop((service, server));
    let server = reopen(folder.path()).await;
    assert_eq!(describe(&server.service(), "job").await, end);
}

#[tokio::test]
async fn goes_at_its_pace_and_stops_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = open(folder.path());
    let service = server.service();
    start_many(&service, 5).await;
    let slow =
        StartBatchOperationRequest { max_operations_per_second: 0.01, ..request("job", termination()) };
    begin(&service, slow).await.unwrap();
    until(&service, "job", |it| it.complete_operation_count == 1).await;
    let another = begin(&service, request("another", signal())).await.unwrap_err();
    assert_eq!(another.code(), Code::ResourceExhausted);
    stop(&service, "job").await.unwrap();
    let end = describe(&service, "job").await;
    assert_eq!(counts(&end), (State::Failed, 5, 1, 0));
    assert_eq!(
        (end.operation_type(), &*end.identity, &*end.reason),
        (BatchOperationType::Terminate, "operator", "a test")
    );
    assert!(end.close_time.is_some());
    assert_eq!(stop(&service, "job").await.unwrap_err().code(), Code::NotFound);
    // The latest is the first.
    assert_eq!(status(&service, "w4").await, WorkflowExecutionStatus::Terminated);
    assert_eq!(status(&service, "w3").await, WorkflowExecutionStatus::Running);
    assert_eq!(begin(&service, request("job", signal())).await.unwrap_err().code(), Code::AlreadyExists);
    // Another one may run now; what is closed is not counted.
    begin(&service, request("another", termination())).await.unwrap();
    assert_eq!(counts(&ended(&service, "another").await), (State::Completed, 4, 4, 0));
    let page =
        ListBatchOperationsRequest { namespace: NAMESPACE.to_owned(), page_size: 1, ..Default::default() };
    let first = service.list_batch_operations(Request::new(page.clone())).await.unwrap().into_inner();
    let next = ListBatchOperationsRequest { next_page_token: first.next_page_token.clone(), ..page };
    let last = service.list_batch_operations(Request::new(next)).await.unwrap().into_inner();
    assert_eq!((&*first.operation_info[0].job_id, &*last.operation_info[0].job_id), ("another", "job"));
    assert!(last.next_page_token.is_empty());
}

#[tokio::test]
async fn deletes_named_runs_and_what_is_missing_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let server = open(folder.path());
    let service = server.service();
    start_many(&service, 3).await;
    let named = StartBatchOperationRequest {
        visibility_query: String::new(),
        executions: ["w0", "missing", "w2", "w2"].map(execution).to_vec(),
        ..request("job", Operation::DeletionOperation(BatchOperationDeletion::default()))
    };
    begin(&service, named.clone()).await.unwrap();
    assert_eq!(counts(&ended(&service, "job").await), (State::Completed, 4, 4, 0));
    for (id, is_there) in [("w0", false), ("w1", true), ("w2", false)] {
        assert_eq!(described(&service, id).await.is_ok(), is_there, "{id}");
    }
    let too_many = StartBatchOperationRequest {
        job_id: "large".to_owned(),
        executions: vec![execution("w1"); 1_001],
        ..named.clone()
    };
    let refused = begin(&service, too_many).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::InvalidArgument, "Workflow executions count exceeded.")
    );
    for wrong in [
        StartBatchOperationRequest {
            visibility_query: "WorkflowType =".to_owned(),
            ..request("a", signal())
        },
        StartBatchOperationRequest { visibility_query: "a) OR (b".to_owned(), ..request("a", signal()) },
        StartBatchOperationRequest { visibility_query: "WorkflowType = 'Many'".to_owned(), ..named },
        request("a", Operation::SignalOperation(BatchOperationSignal::default())),
    ] {
        let refused = begin(&service, wrong).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    }
}

#[tokio::test]
async fn unpauses_activities_of_a_type() {
    let folder = tempfile::tempdir().unwrap();
    let server = open(folder.path());
    let service = server.service();
    start(&service, "w", "Many").await;
    let poll = PollWorkflowTaskQueueRequest {
        namespace: NAMESPACE.to_owned(),
        task_queue: queue(),
        ..Default::default()
    };
    let task = service.poll_workflow_task_queue(Request::new(poll)).await.unwrap().into_inner();
    let commands = ["One", "Other"].map(|name| {
        let attributes = ScheduleActivityTaskCommandAttributes {
            activity_id: name.to_owned(),
            activity_type: Some(ActivityType { name: name.to_owned() }),
            start_to_close_timeout: Some(duration_to_proto(Duration::from_secs(60))),
            ..Default::default()
        };
        let attributes = Attributes::ScheduleActivityTaskCommandAttributes(Box::new(attributes));
        Command { attributes: Some(attributes), ..Command::default() }
    });
    let completed = RespondWorkflowTaskCompletedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token: task.task_token,
        commands: commands.to_vec(),
        ..Default::default()
    };
    service.respond_workflow_task_completed(Request::new(completed)).await.unwrap();
    for name in ["One", "Other"] {
        let pause = PauseActivityRequest {
            namespace: NAMESPACE.to_owned(),
            execution: Some(execution("w")),
            activity: Some(pause_activity_request::Activity::Id(name.to_owned())),
            ..Default::default()
        };
        service.pause_activity(Request::new(pause)).await.unwrap();
    }
    let unpause = Operation::UnpauseActivitiesOperation(BatchOperationUnpauseActivities {
        activity: Some(Activity::Type("One".to_owned())),
        ..Default::default()
    });
    begin(&service, request("job", unpause)).await.unwrap();
    assert_eq!(counts(&ended(&service, "job").await), (State::Completed, 1, 1, 0));
    let pending = described(&service, "w").await.unwrap().pending_activities;
    let paused: Vec<_> = pending.iter().map(|it| (&*it.activity_id, it.paused)).collect();
    assert_eq!(paused, [("One", false), ("Other", true)]);
}
