//! Time that is skipped, as a test client of Temporal's SDKs has it: `TestService` over gRPC.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use host_server::{Listener, Options, Server};
use host_service::{WorkflowService, test_service_client::TestServiceClient};
use host_wire::{
    duration_to_proto,
    temporal::api::{
        command::v1::{
            Command, CompleteWorkflowExecutionCommandAttributes, ScheduleActivityTaskCommandAttributes,
            StartTimerCommandAttributes, command::Attributes,
        },
        common::v1::{ActivityType, WorkflowType},
        taskqueue::v1::TaskQueue,
        testservice::v1::{
            LockTimeSkippingRequest, SleepRequest, SleepUntilRequest, UnlockTimeSkippingRequest,
        },
        workflowservice::v1::{
            PollActivityTaskQueueRequest, PollWorkflowTaskQueueRequest, PollWorkflowTaskQueueResponse,
            RespondActivityTaskCompletedRequest, RespondWorkflowTaskCompletedRequest,
            StartWorkflowExecutionRequest,
        },
    },
    timestamp_from_proto, timestamp_to_proto,
};
use tonic::{Code, Request, codec::CompressionEncoding, transport::Channel};

const DAY: Duration = Duration::from_secs(86_400);

type Service = Arc<dyn WorkflowService>;

/// The service in the process, and the calls on its time over gRPC.
async fn open(folder: &tempfile::TempDir) -> (Server, Service, TestServiceClient<Channel>) {
    let options = Options { time_skipping: true, ..Options::default() };
    let server = Server::open(folder.path(), options).unwrap();
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}", listener.address());
    tokio::spawn(server.serve(listener, std::future::pending()));
    let service = server.service();
    // As Temporal's SDKs do.
    let time = TestServiceClient::connect(url).await.unwrap().send_compressed(CompressionEncoding::Gzip);
    (server, service, time)
}

fn queue() -> Option<TaskQueue> {
    Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() })
}

async fn start(service: &Service) {
    let request = StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: "workflow".to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: queue(),
        ..Default::default()
    };
    service.start_workflow_execution(Request::new(request)).await.unwrap();
}

async fn poll(service: &Service) -> PollWorkflowTaskQueueResponse {
    let request = PollWorkflowTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(),
        ..Default::default()
    };
    service.poll_workflow_task_queue(Request::new(request)).await.unwrap().into_inner()
}

/// Completes the next workflow task with these commands.
async fn complete(service: &Service, commands: Vec<Attributes>) {
    let task = poll(service).await;
    let command = |attributes| Command { attributes: Some(attributes), ..Command::default() };
    let request = RespondWorkflowTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token,
        commands: commands.into_iter().map(command).collect(),
        ..Default::default()
    };
    service.respond_workflow_task_completed(Request::new(request)).await.unwrap();
}

fn timer(days: u32) -> Attributes {
    Attributes::StartTimerCommandAttributes(Box::new(StartTimerCommandAttributes {
        timer_id: days.to_string(),
        start_to_fire_timeout: Some(duration_to_proto(days * DAY)),
    }))
}

fn activity() -> Attributes {
    Attributes::ScheduleActivityTaskCommandAttributes(Box::new(ScheduleActivityTaskCommandAttributes {
        activity_id: "1".to_owned(),
        activity_type: Some(ActivityType { name: "activity".to_owned() }),
        start_to_close_timeout: Some(duration_to_proto(DAY)),
        ..Default::default()
    }))
}

fn completion() -> Attributes {
    Attributes::CompleteWorkflowExecutionCommandAttributes(Box::new(
        CompleteWorkflowExecutionCommandAttributes { result: None },
    ))
}

async fn now(time: &mut TestServiceClient<Channel>) -> SystemTime {
    timestamp_from_proto(time.get_current_time(()).await.unwrap().into_inner().time.unwrap())
}

/// Whole days since a moment.
async fn days(time: &mut TestServiceClient<Channel>, since: SystemTime) -> u64 {
    now(time).await.duration_since(since).unwrap().as_secs() / DAY.as_secs()
}

#[tokio::test]
async fn timers_fire_once_nothing_is_in_progress() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, service, mut time) = open(&folder).await;
    let begin = now(&mut time).await;
    start(&service).await;
    complete(&service, vec![timer(30), activity()]).await;
    time.unlock_time_skipping(UnlockTimeSkippingRequest {}).await.unwrap();
    // The activity waits for a worker, and then has one: its day does not pass either.
    assert_eq!(days(&mut time, begin).await, 0);
    let request = PollActivityTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(),
        ..Default::default()
    };
    let task = service.poll_activity_task_queue(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(days(&mut time, begin).await, 0);
    let request = RespondActivityTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token,
        ..Default::default()
    };
    service.respond_activity_task_completed(Request::new(request)).await.unwrap();
    complete(&service, vec![]).await;
    complete(&service, vec![timer(365)]).await;
    complete(&service, vec![completion()]).await;
    assert_eq!(days(&mut time, begin).await, 395);
}

#[tokio::test]
async fn locked_time_goes_on_as_usual() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, service, mut time) = open(&folder).await;
    let begin = now(&mut time).await;
    start(&service).await;
    complete(&service, vec![timer(1)]).await;
    // It is locked at the start; a sleep passes then as anywhere.
    let short = SleepRequest { duration: Some(duration_to_proto(Duration::from_millis(20))) };
    time.sleep(short).await.unwrap();
    assert_eq!(days(&mut time, begin).await, 0);
    time.lock_time_skipping(LockTimeSkippingRequest {}).await.unwrap();
    time.unlock_time_skipping(UnlockTimeSkippingRequest {}).await.unwrap();
    assert_eq!(days(&mut time, begin).await, 0);
    // A sleep that unlocks it stops at its end, although there is more to skip to, and locks it again.
    let half = SleepRequest { duration: Some(duration_to_proto(DAY / 2)) };
    time.unlock_time_skipping_with_sleep(half).await.unwrap();
    let slept = now(&mut time).await.duration_since(begin).unwrap();
    assert!(slept >= DAY / 2 && slept < DAY, "{slept:?}");
    time.unlock_time_skipping_with_sleep(half).await.unwrap();
    complete(&service, vec![completion()]).await;
    assert_eq!(days(&mut time, begin).await, 1);

    time.unlock_time_skipping(UnlockTimeSkippingRequest {}).await.unwrap();
    let more = time.unlock_time_skipping(UnlockTimeSkippingRequest {}).await.unwrap_err();
    assert_eq!(more.code(), Code::FailedPrecondition);
    let until = SleepUntilRequest { timestamp: Some(timestamp_to_proto(begin + 100 * DAY)) };
    time.sleep_until(until).await.unwrap();
    assert_eq!(days(&mut time, begin).await, 100);
    let unset = time.sleep_until(SleepUntilRequest { timestamp: None }).await.unwrap_err();
    assert_eq!(unset.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_service_of_the_machines_time_has_no_test_service() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path(), Options::default()).unwrap();
    assert!(server.time_control().is_none());
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}", listener.address());
    tokio::spawn(server.serve(listener, std::future::pending()));
    let mut time = TestServiceClient::connect(url).await.unwrap();
    assert_eq!(time.get_current_time(()).await.unwrap_err().code(), Code::Unimplemented);
}
