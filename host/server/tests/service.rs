//! The service as clients meet it: over gRPC and in the process, with good and bad input, and after
//! a restart.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::{path::Path, sync::Arc, time::Duration};

use host_server::{Listener, Options, ServeError, Server, StorageError};
use host_service::{
    ConnectOptions, RemoteService, WorkflowService, operator_service_client::OperatorServiceClient,
    status_detail, workflow_service_client::WorkflowServiceClient,
};
use host_wire::{
    duration_to_proto,
    temporal::api::{
        command::v1::{
            Command, CompleteWorkflowExecutionCommandAttributes, ScheduleActivityTaskCommandAttributes,
            command::Attributes,
        },
        common::v1::{ActivityType, Payload, Payloads, SearchAttributes, WorkflowExecution, WorkflowType},
        enums::v1::{EventType, HistoryEventFilterType, IndexedValueType},
        errordetails::v1::{
            NamespaceNotFoundFailure, NotFoundFailure, WorkflowExecutionAlreadyStartedFailure,
        },
        operatorservice::v1::{
            AddSearchAttributesRequest, ListSearchAttributesRequest, RemoveSearchAttributesRequest,
        },
        query::v1::WorkflowQuery,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::*,
    },
};
use tonic::{Code, Request, codec::CompressionEncoding, transport::Channel};

type Service = Arc<dyn WorkflowService>;

fn open(folder: &Path) -> Server {
    Server::open(folder, Options::default()).unwrap()
}

/// The service as remote workers have it, until the end of the test.
async fn remote(server: &Arc<Server>) -> Service {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = format!("http://{}", listener.address());
    let server = server.clone();
    tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
    let options = ConnectOptions { address, ..ConnectOptions::default() };
    Arc::new(RemoteService::connect(&options).await.unwrap())
}

/// The service over gRPC, until the end of the test.
async fn connect(server: Arc<Server>) -> WorkflowServiceClient<Channel> {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}", listener.address());
    tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
    WorkflowServiceClient::connect(url).await.unwrap()
}

fn queue() -> TaskQueue {
    TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() }
}

fn start(workflow_id: &str) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: workflow_id.to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: Some(queue()),
        ..Default::default()
    }
}

fn execution(workflow_id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: String::new() })
}

fn signal(workflow_id: &str, name: &str) -> SignalWorkflowExecutionRequest {
    SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution(workflow_id),
        signal_name: name.to_owned(),
        ..Default::default()
    }
}

async fn poll(service: &Service) -> PollWorkflowTaskQueueResponse {
    let request = PollWorkflowTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: Some(queue()),
        ..Default::default()
    };
    service.poll_workflow_task_queue(Request::new(request)).await.unwrap().into_inner()
}

async fn poll_activity(service: &Service) -> PollActivityTaskQueueResponse {
    let request = PollActivityTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: Some(queue()),
        ..Default::default()
    };
    service.poll_activity_task_queue(Request::new(request)).await.unwrap().into_inner()
}

async fn complete(service: &Service, task: &PollWorkflowTaskQueueResponse, attributes: Vec<Attributes>) {
    let command = |attributes| Command { attributes: Some(attributes), ..Command::default() };
    let request = RespondWorkflowTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        commands: attributes.into_iter().map(command).collect(),
        ..Default::default()
    };
    service.respond_workflow_task_completed(Request::new(request)).await.unwrap();
}

fn activity() -> Attributes {
    Attributes::ScheduleActivityTaskCommandAttributes(Box::new(ScheduleActivityTaskCommandAttributes {
        activity_id: "1".to_owned(),
        activity_type: Some(ActivityType { name: "activity".to_owned() }),
        start_to_close_timeout: Some(duration_to_proto(Duration::from_secs(60))),
        ..Default::default()
    }))
}

fn completion() -> Attributes {
    Attributes::CompleteWorkflowExecutionCommandAttributes(Box::new(
        CompleteWorkflowExecutionCommandAttributes { result: None },
    ))
}

async fn event_types(service: &Service, workflow_id: &str) -> Vec<EventType> {
    let request = GetWorkflowExecutionHistoryRequest {
        namespace: "default".to_owned(),
        execution: execution(workflow_id),
        ..Default::default()
    };
    let history = service.get_workflow_execution_history(Request::new(request)).await.unwrap().into_inner();
    history.history.unwrap().events().map(|event| event.unwrap().event_type()).collect()
}

/// Runs a test on a runtime of its own, so that everything that serves ends with it.
fn until_the_end<R>(test: impl Future<Output = R>) -> R {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let result = runtime.block_on(test);
    runtime.shutdown_timeout(Duration::from_secs(5));
    result
}

#[test]
fn runs_tasks_and_tokens_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (token, before) = until_the_end(async {
        let server = Arc::new(open(folder.path()));
        let service = remote(&server).await;
        service.start_workflow_execution(Request::new(start("a"))).await.unwrap();
        service.start_workflow_execution(Request::new(start("b"))).await.unwrap();
        let task = poll(&service).await;
        complete(&service, &task, vec![activity()]).await;
        let token = poll_activity(&service).await.task_token;
        service.signal_workflow_execution(Request::new(signal("b", "one"))).await.unwrap();
        (token, (event_types(&service, "a").await, event_types(&service, "b").await))
    });
    until_the_end(async {
        let server = open(folder.path());
        let service = server.service();
        assert_eq!(before, (event_types(&service, "a").await, event_types(&service, "b").await));
        let done = RespondActivityTaskCompletedRequest {
            namespace: "default".to_owned(),
            task_token: token,
            ..Default::default()
        };
        service.respond_activity_task_completed(Request::new(done)).await.unwrap();
        for _ in 0..2 {
            let task = poll(&service).await;
            complete(&service, &task, vec![completion()]).await;
        }
        let count = CountWorkflowExecutionsRequest {
            namespace: "default".to_owned(),
            query: "ExecutionStatus = 'Completed'".to_owned(),
        };
        let count = service.count_workflow_executions(Request::new(count)).await.unwrap();
        assert_eq!(count.into_inner().count, 2);
    });
}

#[test]
fn what_workers_of_the_process_had_is_tried_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    until_the_end(async {
        let server = open(folder.path());
        let service = server.service();
        service.start_workflow_execution(Request::new(start("a"))).await.unwrap();
        let task = poll(&service).await;
        complete(&service, &task, vec![activity()]).await;
        assert_eq!(poll_activity(&service).await.attempt, 1);
    });
    until_the_end(async {
        let server = open(folder.path());
        let service = server.service();
        assert_eq!(poll_activity(&service).await.attempt, 2);
    });
}

#[tokio::test]
async fn a_poll_that_is_dropped_loses_no_task() {
    let folder = tempfile::tempdir().unwrap();
    let server = open(folder.path());
    let service = server.service();
    for round in 0..50 {
        let waiting = {
            let service = service.clone();
            tokio::spawn(async move { poll(&service).await })
        };
        tokio::task::yield_now().await;
        let started = service.start_workflow_execution(Request::new(start(&format!("w{round}"))));
        tokio::select! {
            biased;
            _ = tokio::time::sleep(Duration::from_micros(100 * (round % 10))) => {}
            started = started => drop(started.unwrap()),
        }
        waiting.abort();
        let taken = waiting.await;
        // The start may have been dropped before it did anything; then there is no task.
        let list = CountWorkflowExecutionsRequest {
            namespace: "default".to_owned(),
            query: "ExecutionStatus = 'Running'".to_owned(),
        };
        let open = service.count_workflow_executions(Request::new(list)).await.unwrap().into_inner().count;
        if open == 0 {
            continue;
        }
        let task = match taken {
            Ok(task) => task,
            Err(_) => tokio::time::timeout(Duration::from_secs(5), poll(&service)).await.unwrap(),
        };
        complete(&service, &task, vec![completion()]).await;
    }
}

#[tokio::test]
async fn who_waits_for_the_end_hears_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(open(folder.path()));
    let service = server.service();
    let mut client = connect(server.clone()).await;
    service.start_workflow_execution(Request::new(start("w"))).await.unwrap();
    let wait = GetWorkflowExecutionHistoryRequest {
        namespace: "default".to_owned(),
        execution: execution("w"),
        wait_new_event: true,
        history_event_filter_type: HistoryEventFilterType::CloseEvent.into(),
        ..Default::default()
    };
    // A short deadline is answered before it passes, with a token to go on.
    let mut short = Request::new(wait.clone());
    short.set_timeout(Duration::from_millis(400));
    let answer = client.get_workflow_execution_history(short).await.unwrap().into_inner();
    assert!(answer.history.unwrap().is_empty());
    assert!(!answer.next_page_token.is_empty());
    let waiting = tokio::spawn(async move { client.get_workflow_execution_history(wait).await });
    let task = poll(&service).await;
    complete(&service, &task, vec![completion()]).await;
    let history = waiting.await.unwrap().unwrap().into_inner().history.unwrap();
    let types: Vec<_> = history.events().map(|event| event.unwrap().event_type()).collect();
    assert_eq!(types, [EventType::WorkflowExecutionCompleted]);
}

#[tokio::test]
async fn histories_come_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    let server = open(folder.path());
    let service = server.service();
    service.start_workflow_execution(Request::new(start("w"))).await.unwrap();
    for number in 0..600 {
        service.signal_workflow_execution(Request::new(signal("w", &format!("s{number}")))).await.unwrap();
    }
    let task = poll(&service).await;
    let mut ids: Vec<i64> = task.history.unwrap().events().map(|event| event.unwrap().event_id).collect();
    let mut token = task.next_page_token;
    let mut pages = 1;
    while !token.is_empty() {
        let request = GetWorkflowExecutionHistoryRequest {
            namespace: "default".to_owned(),
            execution: execution("w"),
            next_page_token: token,
            ..Default::default()
        };
        let page = service.get_workflow_execution_history(Request::new(request)).await.unwrap().into_inner();
        ids.extend(page.history.unwrap().events().map(|event| event.unwrap().event_id));
        token = page.next_page_token;
        pages += 1;
    }
    assert_eq!(ids, (1..=603).collect::<Vec<_>>());
    assert_eq!(pages, 3);
    let mut reverse = Vec::new();
    let mut token = bytes::Bytes::new();
    loop {
        let request = GetWorkflowExecutionHistoryReverseRequest {
            namespace: "default".to_owned(),
            execution: execution("w"),
            next_page_token: token,
            ..Default::default()
        };
        let page = service.get_workflow_execution_history_reverse(Request::new(request)).await.unwrap();
        let page = page.into_inner();
        reverse.extend(page.history.unwrap().events().map(|event| event.unwrap().event_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    reverse.reverse();
    assert_eq!(ids, reverse);
}

#[tokio::test]
async fn refusals_have_the_protocols_codes_and_details() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(open(folder.path()));
    let mut client = connect(server).await;
    let run_id = client.start_workflow_execution(start("w")).await.unwrap().into_inner().run_id;

    let status = client.start_workflow_execution(start("w")).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
    let detail: WorkflowExecutionAlreadyStartedFailure = status_detail(&status).unwrap();
    assert_eq!(detail.run_id, run_id);

    let other = StartWorkflowExecutionRequest { namespace: "other".to_owned(), ..start("w") };
    let status = client.start_workflow_execution(other).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let detail: NamespaceNotFoundFailure = status_detail(&status).unwrap();
    assert_eq!(detail.namespace, "other");

    let status = client.signal_workflow_execution(signal("nobody", "s")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    status_detail::<NotFoundFailure>(&status).unwrap();

    let garbled = RespondWorkflowTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: bytes::Bytes::from_static(b"\xff\xff"),
        ..Default::default()
    };
    let status = client.respond_workflow_task_completed(garbled).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);

    let status = client.list_workflow_rules(ListWorkflowRulesRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().starts_with("ListWorkflowRules is not supported"), "{}", status.message());

    let query = QueryWorkflowRequest {
        namespace: "default".to_owned(),
        execution: execution("w"),
        query: Some(WorkflowQuery { query_type: "state".to_owned(), ..WorkflowQuery::default() }),
        ..Default::default()
    };
    let mut request = Request::new(query.clone());
    request.set_timeout(Duration::from_millis(300));
    let status = client.query_workflow(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);

    let mut delayed = start("delayed");
    delayed.workflow_start_delay = Some(duration_to_proto(Duration::from_secs(3_600)));
    client.start_workflow_execution(delayed).await.unwrap();
    let query = QueryWorkflowRequest { execution: execution("delayed"), ..query };
    let status = client.query_workflow(query).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.message(), "Workflow task is not scheduled yet.");
}

#[tokio::test]
async fn foreign_page_tokens_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut client = connect(Arc::new(open(folder.path()))).await;
    client.start_workflow_execution(start("w")).await.unwrap();
    let (namespace, next_page_token) = ("default".to_owned(), bytes::Bytes::from_static(b"\xff\xff"));
    let request = ListWorkflowExecutionsRequest {
        namespace: namespace.clone(),
        next_page_token: next_page_token.clone(),
        ..Default::default()
    };
    let status = client.list_workflow_executions(request).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "Invalid NextPageToken."));
    let request = GetWorkflowExecutionHistoryRequest {
        namespace: namespace.clone(),
        execution: execution("w"),
        next_page_token: next_page_token.clone(),
        ..Default::default()
    };
    let status = client.get_workflow_execution_history(request).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "Invalid NextPageToken."));
    let request = GetWorkflowExecutionHistoryReverseRequest {
        namespace,
        execution: execution("w"),
        next_page_token,
        ..Default::default()
    };
    let status = client.get_workflow_execution_history_reverse(request).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "Invalid NextPageToken."));
}

/// What no client of the protocol sends: a method that does not exist, and bytes that are no message.
#[tokio::test]
async fn what_is_not_the_protocol_is_refused() {
    /// The field of the namespace, holding what is not UTF-8.
    #[derive(Clone, PartialEq, prost::Message)]
    struct Garbage {
        #[prost(bytes = "bytes", tag = "1")]
        namespace: bytes::Bytes,
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(open(folder.path()));
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}", listener.address());
    tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
    let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();
    let call = async |path: &'static str| {
        let mut client = tonic::client::Grpc::new(channel.clone());
        client.ready().await.unwrap();
        let garbage = Garbage { namespace: bytes::Bytes::from_static(b"\xff\xfe") };
        let codec = tonic_prost::ProstCodec::<Garbage, Garbage>::default();
        let path = http::uri::PathAndQuery::from_static(path);
        client.unary(Request::new(garbage), path, codec).await.unwrap_err().code()
    };
    assert_eq!(
        call("/temporal.api.workflowservice.v1.WorkflowService/StartWorkflowExecution").await,
        Code::Internal
    );
    assert_eq!(
        call("/temporal.api.workflowservice.v1.WorkflowService/NoSuchMethod").await,
        Code::Unimplemented
    );
    assert_eq!(call("/some.other.Service/Method").await, Code::Unimplemented);
    assert_eq!(call("/").await, Code::Unimplemented);
}

#[tokio::test]
async fn compressed_messages_are_read_and_large_ones_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(open(folder.path()));
    let client = connect(server).await;
    let with_input = |bytes: usize| StartWorkflowExecutionRequest {
        input: Some(Payloads {
            payloads: vec![Payload { data: vec![0; bytes].into(), ..Payload::default() }],
        }),
        ..start("w")
    };
    let status = client.clone().start_workflow_execution(with_input(5_000_000)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(
        status.message().starts_with("grpc: received message larger than max (50"),
        "{}",
        status.message()
    );
    let status = client.clone().start_workflow_execution(with_input(3_000_000)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let mut compressing = client.send_compressed(CompressionEncoding::Gzip);
    compressing.start_workflow_execution(with_input(1_000_000)).await.unwrap();
}

#[tokio::test]
async fn one_process_one_folder_and_one_port() {
    let folder = tempfile::tempdir().unwrap();
    let _server = open(folder.path());
    let error = Server::open(folder.path(), Options::default()).unwrap_err();
    assert!(matches!(&error, StorageError::Locked { .. }), "{error}");
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");

    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let error = Listener::bind(listener.address()).await.unwrap_err();
    assert!(matches!(&error, ServeError::Taken { .. }), "{error}");
    assert!(error.to_string().contains("--address"), "{error}");
}

#[tokio::test]
async fn damage_is_refused_by_name() {
    let overwritten = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle..].fill(0xa5);
    };
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    check_damage("log.sqlite", "log.sqlite", overwritten).await;
    check_damage("log.sqlite", "log.sqlite", cut).await;
    check_damage("runs.sqlite", "runs.sqlite", overwritten).await;
    check_damage("runs.sqlite", "runs.sqlite", cut).await;
    let text = |bytes: &mut Vec<u8>| *bytes = vec![b'x'; 5_000];
    check_damage("log.sqlite", "log.sqlite", text).await;
    check_damage("runs.sqlite", "runs.sqlite", text).await;
    let other_program = |bytes: &mut Vec<u8>| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.sqlite");
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE friend (name TEXT)").unwrap();
        drop(other);
        *bytes = std::fs::read(path).unwrap();
    };
    check_damage("log.sqlite", "log.sqlite", other_program).await;
    check_damage("runs.sqlite", "runs.sqlite", other_program).await;
    check_damage("log.sqlite", "log.sqlite", Vec::clear).await;
    check_damage("runs.sqlite", "log.sqlite", Vec::clear).await;
}

/// Damages a file; the refusal names `named` and says what to do, the second time as well.
async fn check_damage(file: &str, named: &str, damage: impl FnOnce(&mut Vec<u8>)) {
    let folder = tempfile::tempdir().unwrap();
    {
        let server = open(folder.path());
        let service = server.service();
        for number in 0..200 {
            service.start_workflow_execution(Request::new(start(&format!("w{number}")))).await.unwrap();
        }
    }
    let path = folder.path().join(file);
    let mut bytes = std::fs::read(&path).unwrap();
    damage(&mut bytes);
    std::fs::write(&path, &bytes).unwrap();
    for _ in 0..2 {
        let error = Server::open(folder.path(), Options::default()).unwrap_err();
        assert!(matches!(&error, StorageError::Damaged { .. }), "{file}: {error:?}");
        assert!(error.to_string().contains(named), "{file}: {error}");
        assert!(error.to_string().contains("from a backup"), "{file}: {error}");
    }
}

/// The log of a service that ends is cut or not; without the other file it is worth nothing.
#[tokio::test]
async fn a_missing_file_is_missed() {
    for missing in ["log.sqlite", "runs.sqlite"] {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path()).service().start_workflow_execution(Request::new(start("w"))).await.unwrap();
        std::fs::remove_file(folder.path().join(missing)).unwrap();
        let error = Server::open(folder.path(), Options::default()).unwrap_err();
        assert!(error.to_string().contains(missing), "{error}");
    }
}

/// Closed and waiting runs leave memory; whoever asks for them finds them as they were.
#[tokio::test]
async fn runs_that_left_memory_are_there() {
    const RUNS: usize = 30;
    let folder = tempfile::tempdir().unwrap();
    let server = open(folder.path());
    let service = server.service();
    let mut run_ids = Vec::new();
    for number in 0..RUNS {
        let mut request = start(&format!("w{number}"));
        // Delayed: there is no task, so it leaves memory.
        request.workflow_start_delay = Some(duration_to_proto(Duration::from_secs(3_600)));
        run_ids
            .push(service.start_workflow_execution(Request::new(request)).await.unwrap().into_inner().run_id);
    }
    for number in 0..RUNS / 2 {
        let request = TerminateWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_execution: execution(&format!("w{number}")),
            ..Default::default()
        };
        service.terminate_workflow_execution(Request::new(request)).await.unwrap();
    }
    let check = async |service: &Service| {
        let mut request = ListWorkflowExecutionsRequest {
            namespace: "default".to_owned(),
            page_size: 7,
            query: "ExecutionStatus = 'Terminated' OR WorkflowId = 'w20'".to_owned(),
            ..Default::default()
        };
        let mut listed = Vec::new();
        loop {
            let page =
                service.list_workflow_executions(Request::new(request.clone())).await.unwrap().into_inner();
            listed.extend(page.executions.into_iter().map(|info| info.execution.unwrap().workflow_id));
            request.next_page_token = page.next_page_token;
            if request.next_page_token.is_empty() {
                break;
            }
        }
        let expected = std::iter::once(20).chain((0..RUNS / 2).rev()).map(|number| format!("w{number}"));
        assert_eq!(listed, expected.collect::<Vec<_>>());
        let error = service.start_workflow_execution(Request::new(start("w20"))).await.unwrap_err();
        let detail = status_detail::<WorkflowExecutionAlreadyStartedFailure>(&error).unwrap();
        assert_eq!(detail.run_id, run_ids[20]);
    };
    check(&service).await;
    // Some sweeps, after which no run is in memory.
    tokio::time::sleep(Duration::from_secs(4)).await;
    check(&service).await;
    let signalled = signal("w21", "hello");
    service.signal_workflow_execution(Request::new(signalled)).await.unwrap();
    drop((service, server));
    let server = open(folder.path());
    check(&server.service()).await;
    let described =
        DescribeWorkflowExecutionRequest { namespace: "default".to_owned(), execution: execution("w21") };
    let described = server.service().describe_workflow_execution(Request::new(described)).await.unwrap();
    assert_eq!(described.into_inner().workflow_execution_info.unwrap().history_length, 2);
}

#[tokio::test]
async fn closed_runs_are_kept_for_the_time_of_retention() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { retention: Duration::ZERO, ..Options::default() };
    let server = Server::open(folder.path(), options()).unwrap();
    let service = server.service();
    for (id, closes) in [("open", false), ("closed", true)] {
        service.start_workflow_execution(Request::new(start(id))).await.unwrap();
        if closes {
            let request = TerminateWorkflowExecutionRequest {
                namespace: "default".to_owned(),
                workflow_execution: execution(id),
                ..Default::default()
            };
            service.terminate_workflow_execution(Request::new(request)).await.unwrap();
        }
    }
    drop((service, server));
    let server = Server::open(folder.path(), options()).unwrap();
    let request = || ListWorkflowExecutionsRequest { namespace: "default".to_owned(), ..Default::default() };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let listed = server.service().list_workflow_executions(Request::new(request())).await.unwrap();
        let ids: Vec<_> = listed
            .into_inner()
            .executions
            .into_iter()
            .map(|info| info.execution.unwrap().workflow_id)
            .collect();
        if ids == ["open"] {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{ids:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What is registered is there after a restart, and checked and filtered by.
#[test]
fn search_attributes_are_registered_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let request = |fields: &[(&str, &str)]| {
        let payload = |data: &str| Payload {
            metadata: [("encoding".to_owned(), "json/plain".into())].into(),
            data: data.to_owned().into(),
            ..Payload::default()
        };
        let fields = fields.iter().map(|(name, data)| ((*name).to_owned(), payload(data))).collect();
        StartWorkflowExecutionRequest {
            search_attributes: Some(SearchAttributes { indexed_fields: fields }),
            ..start("attributes")
        }
    };
    until_the_end(async {
        let server = Arc::new(open(folder.path()));
        let (mut client, mut operator) = clients(server.clone()).await;
        let refused = client.start_workflow_execution(request(&[("Amount", "5")])).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let added = AddSearchAttributesRequest {
            namespace: "default".to_owned(),
            search_attributes: [("Amount", IndexedValueType::Int), ("Gone", IndexedValueType::Text)]
                .map(|(name, kind)| (name.to_owned(), kind.into()))
                .into(),
        };
        operator.add_search_attributes(added).await.unwrap();
        let removed = RemoveSearchAttributesRequest {
            namespace: "default".to_owned(),
            search_attributes: vec!["Gone".to_owned()],
        };
        operator.remove_search_attributes(removed).await.unwrap();
        client.start_workflow_execution(request(&[("Amount", "5")])).await.unwrap();
    });
    until_the_end(async {
        let server = Arc::new(open(folder.path()));
        let (mut client, mut operator) = clients(server.clone()).await;
        let list = ListSearchAttributesRequest { namespace: "default".to_owned() };
        let listed = operator.list_search_attributes(list).await.unwrap().into_inner();
        assert_eq!(listed.custom_attributes, [("Amount".to_owned(), IndexedValueType::Int.into())].into());
        for (query, found) in [("Amount > 4", 1), ("Amount > 5", 0)] {
            let list = ListWorkflowExecutionsRequest {
                namespace: "default".to_owned(),
                query: query.to_owned(),
                ..Default::default()
            };
            let listed = client.list_workflow_executions(list).await.unwrap().into_inner();
            assert_eq!(listed.executions.len(), found, "{query}");
        }
        client.start_workflow_execution(request(&[("Amount", "\"5\""), ("Gone", "1")])).await.unwrap_err();
    });
}

/// Clients of both services over gRPC, until the end of the test.
async fn clients(server: Arc<Server>) -> (WorkflowServiceClient<Channel>, OperatorServiceClient<Channel>) {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}", listener.address());
    tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
    let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();
    (WorkflowServiceClient::new(channel.clone()), OperatorServiceClient::new(channel))
}
