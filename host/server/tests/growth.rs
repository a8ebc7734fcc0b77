//! What a run keeps and what an answer holds has a bound, whatever clients and workers send.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use host_server::{Listener, Options, Server};
use host_service::{
    ConnectOptions, RemoteService, WorkflowService, status_detail,
    workflow_service_client::WorkflowServiceClient,
};
use host_wire::{
    EventAttributes, duration_to_proto,
    temporal::api::{
        command::v1::{Command, ScheduleActivityTaskCommandAttributes, command::Attributes},
        common::v1::{ActivityType, Header, Memo, Payload, Payloads, WorkflowExecution, WorkflowType},
        enums::v1::{QueryResultType, WorkflowExecutionStatus, WorkflowTaskFailedCause},
        errordetails::v1::QueryFailedFailure,
        failure::v1::Failure,
        history::v1::HistoryEvent,
        query::v1::WorkflowQuery,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::*,
    },
};
use prost::Message;
use tonic::{Code, Request, Status};

/// What gRPC clients accept.
const CLIENT_BYTES: usize = 4 * 1024 * 1024;

type Service = Arc<dyn WorkflowService>;

fn open(folder: &Path) -> (Arc<Server>, Service) {
    let server = Arc::new(Server::open(folder, Options::default()).unwrap());
    let service = server.service();
    (server, service)
}

async fn listen(server: Arc<Server>) -> String {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}", listener.address());
    tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
    url
}

fn queue() -> Option<TaskQueue> {
    Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() })
}

fn execution(workflow_id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: String::new() })
}

fn payload(bytes: usize) -> Payload {
    Payload { data: vec![7; bytes].into(), ..Payload::default() }
}

fn payloads(bytes: usize) -> Option<Payloads> {
    Some(Payloads { payloads: vec![payload(bytes)] })
}

fn start(workflow_id: &str) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: workflow_id.to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: queue(),
        ..Default::default()
    }
}

fn signal(bytes: usize) -> SignalWorkflowExecutionRequest {
    SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("w"),
        signal_name: "signal".to_owned(),
        input: payloads(bytes),
        ..Default::default()
    }
}

async fn poll(service: &Service) -> PollWorkflowTaskQueueResponse {
    poll_for(service, "10S").await
}

async fn poll_for(service: &Service, deadline: &str) -> PollWorkflowTaskQueueResponse {
    let mut request = Request::new(PollWorkflowTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(),
        ..Default::default()
    });
    request.metadata_mut().insert("grpc-timeout", deadline.parse().unwrap());
    service.poll_workflow_task_queue(request).await.unwrap().into_inner()
}

async fn complete(
    service: &Service,
    task: &PollWorkflowTaskQueueResponse,
    attributes: Vec<Attributes>,
) -> Result<(), Status> {
    let command = |attributes| Command { attributes: Some(attributes), ..Command::default() };
    let request = RespondWorkflowTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        commands: attributes.into_iter().map(command).collect(),
        ..Default::default()
    };
    service.respond_workflow_task_completed(Request::new(request)).await.map(|_| ())
}

async fn last_event(service: &Service) -> HistoryEvent {
    let request = GetWorkflowExecutionHistoryReverseRequest {
        namespace: "default".to_owned(),
        execution: execution("w"),
        maximum_page_size: 1,
        ..Default::default()
    };
    let read = service.get_workflow_execution_history_reverse(Request::new(request)).await.unwrap();
    let history = read.into_inner().history.unwrap();
    history.events().next().unwrap().unwrap()
}

async fn describe(service: &Service) -> DescribeWorkflowExecutionResponse {
    let request =
        DescribeWorkflowExecutionRequest { namespace: "default".to_owned(), execution: execution("w") };
    service.describe_workflow_execution(Request::new(request)).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_task_for_which_too_many_events_wait_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, service) = open(folder.path());
    service.start_workflow_execution(Request::new(start("w"))).await.unwrap();
    let task = poll(&service).await;
    for _ in 0..100 {
        service.signal_workflow_execution(Request::new(signal(1))).await.unwrap();
    }
    let failed = |event: &HistoryEvent| match &event.attributes {
        Some(EventAttributes::WorkflowTaskFailedEventAttributes(failed)) => Some(failed.cause()),
        _ => None,
    };
    // Started, scheduled, started: the signals wait.
    assert_eq!(last_event(&service).await.event_id, 3);
    service.signal_workflow_execution(Request::new(signal(1))).await.unwrap();
    let next = poll(&service).await;
    let events: Vec<_> = next.history.as_ref().unwrap().events().map(Result::unwrap).collect();
    assert_eq!(failed(&events[3]), Some(WorkflowTaskFailedCause::ForceCloseCommand));
    assert_eq!(events.len(), 4 + 101 + 2);
    assert_eq!(next.attempt, 1);
    let late = complete(&service, &task, Vec::new()).await.unwrap_err();
    assert_eq!(late.code(), Code::NotFound, "{late}");
    complete(&service, &next, Vec::new()).await.unwrap();
}

#[tokio::test]
async fn signals_that_wait_count_towards_the_size_of_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, service) = open(folder.path());
    service.start_workflow_execution(Request::new(start("w"))).await.unwrap();
    poll(&service).await;
    let mut accepted = 0;
    while accepted < 200 {
        match service.signal_workflow_execution(Request::new(signal(2_000_000))).await {
            Ok(_) => accepted += 1,
            Err(closed) => {
                assert_eq!(closed.code(), Code::NotFound, "{closed}");
                break;
            }
        }
        // A worker has the task again whenever it is given out.
        poll_for(&service, "2m").await;
    }
    assert!((26..40).contains(&accepted), "{accepted} signals of 2 MB");
    let Some(EventAttributes::WorkflowExecutionTerminatedEventAttributes(terminated)) =
        last_event(&service).await.attributes
    else {
        panic!("not terminated")
    };
    assert_eq!(terminated.reason, "Workflow history size exceeds limit.");
}

fn activity(id: usize) -> Attributes {
    Attributes::ScheduleActivityTaskCommandAttributes(Box::new(ScheduleActivityTaskCommandAttributes {
        activity_id: id.to_string(),
        activity_type: Some(ActivityType { name: "activity".to_owned() }),
        start_to_close_timeout: Some(duration_to_proto(Duration::from_secs(60))),
        ..Default::default()
    }))
}

async fn heartbeat(service: &Service, task: &PollActivityTaskQueueResponse) -> Result<(), Status> {
    let request = RecordActivityTaskHeartbeatRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        details: payloads(1_900_000),
        ..Default::default()
    };
    service.record_activity_task_heartbeat(Request::new(request)).await.map(|_| ())
}

#[tokio::test]
async fn what_activities_keep_counts_and_only_the_last_heartbeat_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, service) = open(folder.path());
    service.start_workflow_execution(Request::new(start("w"))).await.unwrap();
    let task = poll(&service).await;
    complete(&service, &task, (0..5).map(activity).collect()).await.unwrap();
    let mut activities = Vec::new();
    for _ in 0..5 {
        let request = PollActivityTaskQueueRequest {
            namespace: "default".to_owned(),
            task_queue: queue(),
            ..Default::default()
        };
        let taken = service.poll_activity_task_queue(Request::new(request)).await.unwrap();
        activities.push(taken.into_inner());
    }
    for _ in 0..12 {
        heartbeat(&service, &activities[0]).await.unwrap();
    }
    for task in &activities[1..4] {
        heartbeat(&service, task).await.unwrap();
    }
    let described = describe(&service).await;
    assert!(described.encoded_len() < 8 * 1024 * 1024, "{} bytes", described.encoded_len());
    assert_eq!(described.workflow_execution_info.unwrap().status(), WorkflowExecutionStatus::Running);
    // Five times 1.9 MB are too much.
    heartbeat(&service, &activities[4]).await.unwrap();
    let request = GetWorkflowExecutionHistoryRequest {
        namespace: "default".to_owned(),
        execution: execution("w"),
        wait_new_event: true,
        history_event_filter_type: 2,
        ..Default::default()
    };
    service.get_workflow_execution_history(Request::new(request)).await.unwrap();
    let Some(EventAttributes::WorkflowExecutionTerminatedEventAttributes(terminated)) =
        last_event(&service).await.attributes
    else {
        panic!("not terminated")
    };
    assert_eq!(terminated.reason, "Workflow mutable state size exceeds limit.");
}

#[tokio::test]
async fn heartbeats_that_were_replaced_leave_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (server, service) = open(folder.path());
    service.start_workflow_execution(Request::new(start("w"))).await.unwrap();
    let task = poll(&service).await;
    complete(&service, &task, vec![activity(0)]).await.unwrap();
    let request = PollActivityTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(),
        ..Default::default()
    };
    let taken = service.poll_activity_task_queue(Request::new(request)).await.unwrap().into_inner();
    for _ in 0..40 {
        heartbeat(&service, &taken).await.unwrap();
    }
    let described = describe(&service).await;
    drop((server, service));
    let stored = std::fs::metadata(folder.path().join("runs.sqlite")).unwrap().len();
    assert!(stored < 24 * 1024 * 1024, "{stored} bytes for 40 heartbeats of 1.9 MB");
    // The run reads back as it was, with the last of them.
    let (_server, service) = open(folder.path());
    let again = describe(&service).await;
    let count = |it: &DescribeWorkflowExecutionResponse| {
        it.workflow_execution_info.clone().unwrap().state_transition_count
    };
    assert!(count(&again) >= count(&described));
    assert!(again.pending_activities[0].heartbeat_details.as_ref().unwrap().encoded_len() > 1_900_000);
}

#[tokio::test]
async fn lists_come_in_pages_that_clients_take() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, service) = open(folder.path());
    for number in 0..6 {
        let fields = [("note".to_owned(), payload(1_000_000))].into();
        let start =
            StartWorkflowExecutionRequest { memo: Some(Memo { fields }), ..start(&number.to_string()) };
        service.start_workflow_execution(Request::new(start)).await.unwrap();
    }
    let (mut found, mut next_page_token, mut pages) = (BTreeSet::new(), bytes::Bytes::new(), 0);
    loop {
        let request = ListWorkflowExecutionsRequest {
            namespace: "default".to_owned(),
            next_page_token,
            ..Default::default()
        };
        let page = service.list_workflow_executions(Request::new(request)).await.unwrap().into_inner();
        assert!(page.encoded_len() < CLIENT_BYTES, "{} bytes", page.encoded_len());
        for info in &page.executions {
            assert!(found.insert(info.execution.clone().unwrap().workflow_id), "twice");
        }
        pages += 1;
        next_page_token = page.next_page_token;
        if next_page_token.is_empty() {
            break;
        }
    }
    assert_eq!((found.len(), pages), (6, 3));
}

#[tokio::test]
async fn inputs_count_with_their_headers_and_requests_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, service) = open(folder.path());
    let header = |bytes| Some(Header { fields: [("h".to_owned(), payload(bytes))].into() });
    let refused = |result: Result<(), Status>, what: &str| {
        let status = result.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{what}: {status}");
        assert!(status.message().contains("size"), "{what}: {status}");
    };
    let with_header =
        StartWorkflowExecutionRequest { input: payloads(1_500_000), header: header(1_000_000), ..start("w") };
    let answer = service.start_workflow_execution(Request::new(with_header)).await;
    refused(answer.map(|_| ()), "start with header");
    let fields = [("note".to_owned(), payload(2_000_000))].into();
    let whole = StartWorkflowExecutionRequest {
        input: payloads(2_000_000),
        memo: Some(Memo { fields }),
        ..start("w")
    };
    refused(service.start_workflow_execution(Request::new(whole)).await.map(|_| ()), "start as a whole");
    service.start_workflow_execution(Request::new(start("w"))).await.unwrap();
    let with_header = SignalWorkflowExecutionRequest { header: header(1_000_000), ..signal(1_500_000) };
    let answer = service.signal_workflow_execution(Request::new(with_header)).await;
    refused(answer.map(|_| ()), "signal with header");
    let query = WorkflowQuery {
        query_type: "q".to_owned(),
        query_args: payloads(1_500_000),
        header: header(1_000_000),
    };
    let query = QueryWorkflowRequest {
        namespace: "default".to_owned(),
        execution: execution("w"),
        query: Some(query),
        ..Default::default()
    };
    refused(service.query_workflow(Request::new(query)).await.map(|_| ()), "query with header");
}

/// Every change of a deployment writes the whole of it.
#[tokio::test]
async fn what_is_said_of_all_versions_of_a_deployment_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, service) = open(folder.path());
    let mut said = Vec::new();
    for build_id in ["one", "two"] {
        let current = SetWorkerDeploymentCurrentVersionRequest {
            namespace: "default".to_owned(),
            deployment_name: "shop".to_owned(),
            build_id: build_id.to_owned(),
            allow_no_pollers: true,
            ..Default::default()
        };
        service.set_worker_deployment_current_version(Request::new(current)).await.unwrap();
        let metadata = UpdateWorkerDeploymentVersionMetadataRequest {
            namespace: "default".to_owned(),
            version: format!("shop.{build_id}"),
            upsert_entries: [("notes".to_owned(), payload(1_200_000))].into(),
            ..Default::default()
        };
        said.push(service.update_worker_deployment_version_metadata(Request::new(metadata)).await.is_ok());
    }
    assert_eq!(said, [true, false]);
}

fn query() -> QueryWorkflowRequest {
    QueryWorkflowRequest {
        namespace: "default".to_owned(),
        execution: execution("w"),
        query: Some(WorkflowQuery { query_type: "q".to_owned(), ..WorkflowQuery::default() }),
        ..Default::default()
    }
}

#[tokio::test]
async fn no_worker_gets_a_query_whose_caller_has_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, service) = open(folder.path());
    service.start_workflow_execution(Request::new(start("w"))).await.unwrap();
    let task = poll(&service).await;
    complete(&service, &task, Vec::new()).await.unwrap();
    let asking = service.clone();
    let asked = tokio::spawn(async move { asking.query_workflow(Request::new(query())).await });
    let describe = || DescribeTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(),
        task_queue_type: 1,
        report_stats: true,
        ..Default::default()
    };
    loop {
        let queue = service.describe_task_queue(Request::new(describe())).await.unwrap().into_inner();
        if queue.stats.unwrap().approximate_backlog_count == 1 {
            break;
        }
        tokio::task::yield_now().await;
    }
    asked.abort();
    asked.await.unwrap_err();
    let nothing = poll_for(&service, "20m").await;
    assert_eq!(nothing, PollWorkflowTaskQueueResponse::default());
}

/// Queries of one run that are open at most.
const OPEN_QUERIES: usize = 100;

/// A worker that has a query cannot be told to stop. The place of the query is free as soon as its caller has gone.
#[tokio::test]
async fn a_query_whose_caller_has_gone_holds_no_place_and_its_answer_harms_no_one() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, service) = open(folder.path());
    service.start_workflow_execution(Request::new(start("w"))).await.unwrap();
    let task = poll(&service).await;
    complete(&service, &task, Vec::new()).await.unwrap();
    let ask = || {
        let asking = service.clone();
        tokio::spawn(async move { asking.query_workflow(Request::new(query())).await })
    };
    let answer = async |task: &PollWorkflowTaskQueueResponse, text: &str| {
        let data = text.as_bytes().to_vec().into();
        let request = RespondQueryTaskCompletedRequest {
            namespace: "default".to_owned(),
            task_token: task.task_token.clone(),
            completed_type: QueryResultType::Answered.into(),
            query_result: Some(Payloads { payloads: vec![Payload { data, ..Payload::default() }] }),
            ..Default::default()
        };
        service.respond_query_task_completed(Request::new(request)).await.map(drop)
    };
    let mut asked = Vec::new();
    let mut taken = Vec::new();
    for _ in 0..OPEN_QUERIES {
        asked.push(ask());
        taken.push(poll(&service).await);
    }
    let refused = service.query_workflow(Request::new(query())).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    for asked in asked {
        asked.abort();
        asked.await.unwrap_err();
    }
    let next = ask();
    let last = poll(&service).await;
    for late in &taken {
        assert_eq!(answer(late, "late").await.unwrap_err().code(), Code::NotFound);
    }
    answer(&last, "in time").await.unwrap();
    assert_eq!(answer(&last, "twice").await.unwrap_err().code(), Code::NotFound);
    let answered = next.await.unwrap().unwrap().into_inner().query_result.unwrap();
    assert_eq!(answered.payloads[0].data, "in time");
}

#[tokio::test]
async fn the_error_of_a_query_fits_into_the_headers_of_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = open(folder.path());
    let url = listen(server).await;
    let options = ConnectOptions { address: url.clone(), ..ConnectOptions::default() };
    let service: Service = Arc::new(RemoteService::connect(&options).await.unwrap());
    let mut client = WorkflowServiceClient::connect(url).await.unwrap();
    client.start_workflow_execution(start("w")).await.unwrap();
    let task = poll(&service).await;
    complete(&service, &task, Vec::new()).await.unwrap();
    let mut asking = client.clone();
    let asked = tokio::spawn(async move { asking.query_workflow(query()).await });
    let task = poll(&service).await;
    let text = format!("no such argument: {}", "ä".repeat(50_000));
    let answer = RespondQueryTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token,
        completed_type: QueryResultType::Failed.into(),
        error_message: text.clone(),
        failure: Some(Failure { message: text.clone(), stack_trace: text, ..Failure::default() }),
        ..Default::default()
    };
    client.respond_query_task_completed(answer).await.unwrap();
    let refused = asked.await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    assert!(refused.message().len() <= 1_024, "{} bytes", refused.message().len());
    assert!(refused.message().starts_with("no such argument: ää"), "{refused}");
    assert!(refused.message().ends_with(" bytes were cut]"), "{refused}");
    let detail: QueryFailedFailure = status_detail(&refused).unwrap();
    let cause = detail.failure.unwrap().cause.unwrap();
    assert!(cause.message.starts_with("no such argument: ää"), "{}", cause.message);
}
