//! Makes a data folder with everything that a folder can hold, and what the service says about it.

use std::{env, fs, path::Path, sync::Arc, time::Duration};

use host_service::{ConnectOptions, RemoteService, WorkflowService};
use host_wire::{
    duration_to_proto,
    temporal::api::{
        command::v1::{command::Attributes, *},
        common::v1::{
            ActivityType, Memo, Payload, Payloads, RetryPolicy, SearchAttributes, WorkerVersionCapabilities,
            WorkflowExecution, WorkflowType,
        },
        enums::v1::ParentClosePolicy,
        failure::v1::{ApplicationFailureInfo, Failure, failure::FailureInfo},
        taskqueue::v1::{StickyExecutionAttributes, TaskQueue},
        workflowservice::v1::*,
    },
};
use tonic::Request;

use crate::folders::dump::dump;
use crate::{Listener, Server, StorageError, environment::Clock, options::Options};

type Service = Arc<dyn WorkflowService>;

/// Timeouts that never pass in a test.
const LONG: Duration = Duration::from_secs(3_600 * 24 * 1_000);
/// Until runs that only wait have left memory and the second file has everything.
const SETTLED: Duration = Duration::from_secs(5);

/// `HOST_NEW_FOLDER=… cargo test -p host-server make_a_folder -- --ignored`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes a new folder, where HOST_NEW_FOLDER says"]
async fn make_a_folder() {
    let target = env::var_os("HOST_NEW_FOLDER").unwrap();
    let target = Path::new(&target);
    fs::create_dir_all(target).unwrap();
    let folder = tempfile::tempdir().unwrap();
    {
        let (opened, here, remote) = open(folder.path()).await;
        first_life(&here, &remote).await;
        tokio::time::sleep(SETTLED).await;
        opened.close().await;
    }
    let (opened, here, remote) = open(folder.path()).await;
    tokio::time::sleep(SETTLED).await;
    second_life(&here, &remote).await;
    // Less than a second after the first request: nothing of this life is in the second file.
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name != "lock" && !name.ends_with("-shm") {
            fs::copy(&path, target.join(name)).unwrap();
        }
    }
    let now = Clock::system().now().0;
    let said = dump(&here).await;
    fs::write(target.join("expected"), &said).unwrap();
    fs::write(target.join("time"), now.to_string()).unwrap();
    opened.close().await;
    let copy = tempfile::tempdir().unwrap();
    for name in ["log.sqlite", "log.sqlite-wal", "runs.sqlite", "runs.sqlite-wal"] {
        if target.join(name).exists() {
            fs::copy(target.join(name), copy.path().join(name)).unwrap();
        }
    }
    let (opened, here, _) = open(copy.path()).await;
    assert!(dump(&here).await == said, "the copy says something else");
    opened.close().await;
}

/// A service that a folder belongs to until this is dropped, and its listener with it.
struct Opened {
    _server: Server,
    serving: tokio::task::JoinHandle<()>,
}

impl Opened {
    async fn close(self) {
        self.serving.abort();
        drop(self.serving.await);
    }
}

async fn open(folder: &Path) -> (Opened, Service, Service) {
    // Connections of the life before end a little later than its listener.
    let server = loop {
        match Server::open(folder, Options::default()) {
            Ok(server) => break server,
            Err(StorageError::Locked { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error}"),
        }
    };
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = format!("http://{}", listener.address());
    let serve = server.serve(listener, std::future::pending());
    let serving = tokio::spawn(async move { drop(serve.await) });
    let options = ConnectOptions { address, ..ConnectOptions::default() };
    let remote = Arc::new(RemoteService::connect(&options).await.unwrap());
    let here = server.service();
    (Opened { _server: server, serving }, here, remote)
}

async fn first_life(here: &Service, remote: &Service) {
    // Closed, in every way.
    start(here, "completed", "Simple", |_| {}).await;
    let commands = vec![activity("a", |_| {}), marker(), upsert(), memo()];
    complete(here, &task(here, "completed").await, commands).await;
    finish_activity(here, "completed").await;
    complete(here, &task(here, "completed").await, vec![completion()]).await;

    start(here, "failed", "Chain", |request| {
        request.retry_policy =
            Some(RetryPolicy { maximum_attempts: 2, initial_interval: long(), ..Default::default() });
    })
    .await;
    complete(remote, &task(remote, "failed").await, vec![failure_of_workflow()]).await;

    start(here, "continued", "Chain", |_| {}).await;
    complete(remote, &task(remote, "continued").await, vec![continuation()]).await;

    start(here, "cancelled", "Simple", |_| {}).await;
    let request = RequestCancelWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("cancelled"),
        reason: "because".to_owned(),
        ..Default::default()
    };
    here.request_cancel_workflow_execution(Request::new(request)).await.unwrap();
    let cancellation = Attributes::CancelWorkflowExecutionCommandAttributes(Default::default());
    complete(remote, &task(remote, "cancelled").await, vec![cancellation]).await;

    start(here, "terminated", "Simple", |_| {}).await;
    terminate(here, "terminated").await;
    start(here, "timed-out", "Simple", |request| {
        request.workflow_run_timeout = Some(duration_to_proto(Duration::from_secs(1)));
    })
    .await;

    // Open, without anything that becomes due soon.
    start(here, "waiting", "Waits", |request| {
        request.memo = Some(Memo { fields: [("note".to_owned(), payload("memo"))].into() });
    })
    .await;
    complete(here, &task(here, "waiting").await, vec![]).await;
    start(here, "timer", "Waits", |_| {}).await;
    complete(remote, &task(remote, "timer").await, vec![timer("t"), timer("u")]).await;
    start(here, "delayed", "Waits", |request| request.workflow_start_delay = long()).await;
    start(here, "parent", "Waits", |_| {}).await;
    complete(
        here,
        &task(here, "parent").await,
        vec![child("child"), external_signal("waiting"), cancel_external("nowhere")],
    )
    .await;
    complete(here, &task(here, "child").await, vec![]).await;
    complete(here, &task(here, "parent").await, vec![]).await;
    complete(here, &task(here, "waiting").await, vec![]).await;
    start(here, "sticky", "Waits", |_| {}).await;
    let mut response = completed(&task(remote, "sticky").await, vec![]);
    response.sticky_attributes = Some(StickyExecutionAttributes {
        worker_task_queue: Some(queue("sticky-queue")),
        schedule_to_start_timeout: long(),
    });
    remote.respond_workflow_task_completed(Request::new(response)).await.unwrap();

    // Activities: waiting for a retry, for a worker, at work.
    start(here, "retrying", "Activities", |_| {}).await;
    complete(remote, &task(remote, "retrying").await, vec![activity("r", |_| {})]).await;
    fail_activity(remote, "retrying").await;
    start(here, "unstarted", "Activities", |_| {}).await;
    complete(remote, &task(remote, "unstarted").await, vec![activity("s", |_| {})]).await;
    start(here, "beating", "Activities", |_| {}).await;
    let beats = activity("b", |activity| activity.heartbeat_timeout = long());
    complete(remote, &task(remote, "beating").await, vec![beats]).await;
    beat(remote, "beating", "first").await;

    // Workflow tasks: one that no worker took, one that failed often.
    start(here, "scheduled", "Tasks", |_| {}).await;
    start(here, "failing", "Tasks", |_| {}).await;
    for _ in 0..3 {
        let token = task(remote, "failing").await.task_token;
        let request = RespondWorkflowTaskFailedRequest {
            namespace: "default".to_owned(),
            task_token: token,
            failure: Some(failure("not yet")),
            ..Default::default()
        };
        remote.respond_workflow_task_failed(Request::new(request)).await.unwrap();
    }
}

async fn second_life(here: &Service, remote: &Service) {
    let (a, b, c, d, e, f, g, h) = tokio::join!(
        async {
            signal(here, "waiting", "late").await;
            complete(remote, &task(remote, "waiting").await, vec![timer("late")]).await;
        },
        async {
            let task = task(remote, "scheduled").await;
            signal(here, "scheduled", "buffered").await;
            signal(here, "scheduled", "buffered too").await;
            drop(task);
        },
        async {
            drop(task(remote, "failing").await);
        },
        async {
            start(here, "in-log", "Simple", |_| {}).await;
            complete(here, &task(here, "in-log").await, vec![activity("l", |_| {})]).await;
            finish_activity(here, "in-log").await;
            complete(here, &task(here, "in-log").await, vec![completion()]).await;
        },
        async {
            start(here, "in-log-open", "Activities", |_| {}).await;
            complete(remote, &task(remote, "in-log-open").await, vec![activity("o", |_| {})]).await;
            beat(remote, "in-log-open", "second").await;
        },
        async { finish_activity(remote, "unstarted").await },
        async { terminate(here, "child").await },
        async { signal(here, "sticky", "wakes").await },
    );
    let _ = (a, b, c, d, e, f, g, h);
}

async fn start(
    service: &Service,
    workflow_id: &str,
    workflow_type: &str,
    change: impl FnOnce(&mut StartWorkflowExecutionRequest),
) {
    let mut request = start_request(workflow_id, workflow_type);
    change(&mut request);
    service.start_workflow_execution(Request::new(request)).await.unwrap();
}

pub(super) fn start_request(workflow_id: &str, workflow_type: &str) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: workflow_id.to_owned(),
        request_id: format!("start-{workflow_id}"),
        workflow_type: Some(WorkflowType { name: workflow_type.to_owned() }),
        task_queue: Some(queue(workflow_id)),
        input: Some(payloads("input")),
        workflow_task_timeout: Some(duration_to_proto(Duration::from_secs(120))),
        identity: "client".to_owned(),
        ..Default::default()
    }
}

async fn signal(service: &Service, workflow_id: &str, name: &str) {
    let request = SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution(workflow_id),
        signal_name: name.to_owned(),
        input: Some(payloads(name)),
        request_id: format!("{workflow_id}-{name}"),
        ..Default::default()
    };
    service.signal_workflow_execution(Request::new(request)).await.unwrap();
}

async fn terminate(service: &Service, workflow_id: &str) {
    let request = TerminateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution(workflow_id),
        reason: "no longer needed".to_owned(),
        ..Default::default()
    };
    service.terminate_workflow_execution(Request::new(request)).await.unwrap();
}

/// Every workflow has a queue of its own, named after it.
async fn task(service: &Service, name: &str) -> PollWorkflowTaskQueueResponse {
    let request = PollWorkflowTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: Some(queue(name)),
        identity: "worker".to_owned(),
        worker_version_capabilities: Some(WorkerVersionCapabilities {
            build_id: "build-1".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    service.poll_workflow_task_queue(Request::new(request)).await.unwrap().into_inner()
}

fn completed(
    task: &PollWorkflowTaskQueueResponse,
    attributes: Vec<Attributes>,
) -> RespondWorkflowTaskCompletedRequest {
    let command = |attributes| Command { attributes: Some(attributes), ..Command::default() };
    RespondWorkflowTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        identity: "worker".to_owned(),
        commands: attributes.into_iter().map(command).collect(),
        ..Default::default()
    }
}

async fn complete(service: &Service, task: &PollWorkflowTaskQueueResponse, attributes: Vec<Attributes>) {
    service.respond_workflow_task_completed(Request::new(completed(task, attributes))).await.unwrap();
}

async fn activity_token(service: &Service, name: &str) -> bytes::Bytes {
    let request = PollActivityTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: Some(queue(name)),
        identity: "worker".to_owned(),
        ..Default::default()
    };
    service.poll_activity_task_queue(Request::new(request)).await.unwrap().into_inner().task_token
}

async fn finish_activity(service: &Service, name: &str) {
    let request = RespondActivityTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: activity_token(service, name).await,
        result: Some(payloads("done")),
        ..Default::default()
    };
    service.respond_activity_task_completed(Request::new(request)).await.unwrap();
}

async fn fail_activity(service: &Service, name: &str) {
    let request = RespondActivityTaskFailedRequest {
        namespace: "default".to_owned(),
        task_token: activity_token(service, name).await,
        failure: Some(failure("try again")),
        last_heartbeat_details: Some(payloads("half")),
        ..Default::default()
    };
    service.respond_activity_task_failed(Request::new(request)).await.unwrap();
}

async fn beat(service: &Service, name: &str, details: &str) {
    let request = RecordActivityTaskHeartbeatRequest {
        namespace: "default".to_owned(),
        task_token: activity_token(service, name).await,
        details: Some(payloads(details)),
        ..Default::default()
    };
    service.record_activity_task_heartbeat(Request::new(request)).await.unwrap();
}

fn activity(id: &str, change: impl FnOnce(&mut ScheduleActivityTaskCommandAttributes)) -> Attributes {
    let mut attributes = ScheduleActivityTaskCommandAttributes {
        activity_id: id.to_owned(),
        activity_type: Some(ActivityType { name: "activity".to_owned() }),
        input: Some(payloads("input")),
        start_to_close_timeout: long(),
        retry_policy: Some(RetryPolicy {
            initial_interval: long(),
            maximum_attempts: 3,
            ..Default::default()
        }),
        ..Default::default()
    };
    change(&mut attributes);
    Attributes::ScheduleActivityTaskCommandAttributes(Box::new(attributes))
}

fn timer(id: &str) -> Attributes {
    Attributes::StartTimerCommandAttributes(Box::new(StartTimerCommandAttributes {
        timer_id: id.to_owned(),
        start_to_fire_timeout: long(),
    }))
}

fn marker() -> Attributes {
    Attributes::RecordMarkerCommandAttributes(Box::new(RecordMarkerCommandAttributes {
        marker_name: "marker".to_owned(),
        details: [("data".to_owned(), payloads("data"))].into(),
        ..Default::default()
    }))
}

fn upsert() -> Attributes {
    let fields = [("CustomKeywordField".to_owned(), payload("value"))];
    Attributes::UpsertWorkflowSearchAttributesCommandAttributes(Box::new(
        UpsertWorkflowSearchAttributesCommandAttributes {
            search_attributes: Some(SearchAttributes { indexed_fields: fields.into() }),
        },
    ))
}

fn memo() -> Attributes {
    Attributes::ModifyWorkflowPropertiesCommandAttributes(Box::new(
        ModifyWorkflowPropertiesCommandAttributes {
            upserted_memo: Some(Memo { fields: [("memo".to_owned(), payload("upserted"))].into() }),
        },
    ))
}

fn child(workflow_id: &str) -> Attributes {
    Attributes::StartChildWorkflowExecutionCommandAttributes(Box::new(
        StartChildWorkflowExecutionCommandAttributes {
            workflow_id: workflow_id.to_owned(),
            workflow_type: Some(WorkflowType { name: "Child".to_owned() }),
            task_queue: Some(queue(workflow_id)),
            parent_close_policy: ParentClosePolicy::Abandon.into(),
            ..Default::default()
        },
    ))
}

fn external_signal(workflow_id: &str) -> Attributes {
    Attributes::SignalExternalWorkflowExecutionCommandAttributes(Box::new(
        SignalExternalWorkflowExecutionCommandAttributes {
            execution: execution(workflow_id),
            signal_name: "external".to_owned(),
            ..Default::default()
        },
    ))
}

fn cancel_external(workflow_id: &str) -> Attributes {
    Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(Box::new(
        RequestCancelExternalWorkflowExecutionCommandAttributes {
            workflow_id: workflow_id.to_owned(),
            ..Default::default()
        },
    ))
}

fn completion() -> Attributes {
    Attributes::CompleteWorkflowExecutionCommandAttributes(Box::new(
        CompleteWorkflowExecutionCommandAttributes { result: Some(payloads("result")) },
    ))
}

fn continuation() -> Attributes {
    Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(Box::new(
        ContinueAsNewWorkflowExecutionCommandAttributes {
            workflow_type: Some(WorkflowType { name: "Chain".to_owned() }),
            task_queue: Some(queue("continued")),
            input: Some(payloads("next")),
            backoff_start_interval: long(),
            ..Default::default()
        },
    ))
}

fn failure_of_workflow() -> Attributes {
    Attributes::FailWorkflowExecutionCommandAttributes(Box::new(FailWorkflowExecutionCommandAttributes {
        failure: Some(failure("the workflow failed")),
    }))
}

fn failure(message: &str) -> Failure {
    Failure {
        message: message.to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
            r#type: "Error".to_owned(),
            ..ApplicationFailureInfo::default()
        })),
        ..Failure::default()
    }
}

fn execution(workflow_id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: String::new() })
}

fn queue(name: &str) -> TaskQueue {
    TaskQueue { name: name.to_owned(), ..TaskQueue::default() }
}

fn payload(text: &str) -> Payload {
    Payload {
        metadata: [("encoding".to_owned(), "json/plain".into())].into(),
        data: format!("\"{text}\"").into(),
        ..Payload::default()
    }
}

fn payloads(text: &str) -> Payloads {
    Payloads { payloads: vec![payload(text)] }
}

fn long() -> Option<prost_types::Duration> {
    Some(duration_to_proto(LONG))
}
