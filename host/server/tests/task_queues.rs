//! Task queues as clients meet them over gRPC: priorities, fairness, limits, descriptions.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::{path::Path, time::Duration};

use host_server::{Listener, Options, Server};
use host_service::workflow_service_client::WorkflowServiceClient;
use host_wire::{
    EventAttributes, duration_to_proto,
    temporal::api::{
        activity::v1::ActivityOptions,
        command::v1::{
            Command, ContinueAsNewWorkflowExecutionCommandAttributes, ScheduleActivityTaskCommandAttributes,
            StartChildWorkflowExecutionCommandAttributes, command::Attributes,
        },
        common::v1::{ActivityType, Priority, WorkflowExecution, WorkflowType},
        enums::v1::{DescribeTaskQueueMode, RateLimitSource, TaskQueueType},
        taskqueue::v1::{RateLimit, TaskQueue, TaskQueueMetadata, TaskQueueVersionSelection},
        workflow::v1::WorkflowExecutionOptions,
        workflowservice::v1::{update_task_queue_config_request::RateLimitUpdate, *},
    },
};
use prost_types::FieldMask;
use tokio::{sync::oneshot, task::JoinHandle};
use tonic::{Code, Request, transport::Channel};

type Client = WorkflowServiceClient<Channel>;

/// A service until [`Running::end`], or until the end of the test.
struct Running {
    end: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Running {
    async fn end(self) {
        drop(self.end);
        self.served.await.unwrap();
    }
}

async fn open(folder: &Path) -> (Client, Running) {
    let server = Server::open(folder, Options::default()).unwrap();
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}", listener.address());
    let (end, ends) = oneshot::channel::<()>();
    let served = tokio::spawn(async move {
        server.serve(listener, async { drop(ends.await) }).await.unwrap();
    });
    (WorkflowServiceClient::connect(url).await.unwrap(), Running { end, served })
}

fn queue() -> Option<TaskQueue> {
    Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() })
}

fn priority(priority_key: i32, fairness_key: &str, fairness_weight: f32) -> Option<Priority> {
    Some(Priority { priority_key, fairness_key: fairness_key.to_owned(), fairness_weight })
}

async fn start(client: &mut Client, id: &str, priority: Option<Priority>) {
    let request = StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: id.to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: queue(),
        priority,
        ..Default::default()
    };
    client.start_workflow_execution(request).await.unwrap();
}

async fn poll(client: &mut Client) -> PollWorkflowTaskQueueResponse {
    let request = PollWorkflowTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(),
        identity: "me".to_owned(),
        ..Default::default()
    };
    client.poll_workflow_task_queue(request).await.unwrap().into_inner()
}

fn id_of(task: &PollWorkflowTaskQueueResponse) -> String {
    task.workflow_execution.as_ref().unwrap().workflow_id.clone()
}

async fn next(client: &mut Client, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(id_of(&poll(client).await));
    }
    ids
}

async fn complete(client: &mut Client, task: &PollWorkflowTaskQueueResponse, commands: Vec<Attributes>) {
    let command = |attributes| Command { attributes: Some(attributes), ..Command::default() };
    let request = RespondWorkflowTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        commands: commands.into_iter().map(command).collect(),
        ..Default::default()
    };
    client.respond_workflow_task_completed(request).await.unwrap();
}

fn activity(id: &str, priority: Option<Priority>) -> Attributes {
    Attributes::ScheduleActivityTaskCommandAttributes(Box::new(ScheduleActivityTaskCommandAttributes {
        activity_id: id.to_owned(),
        activity_type: Some(ActivityType { name: "activity".to_owned() }),
        start_to_close_timeout: Some(duration_to_proto(Duration::from_secs(60))),
        priority,
        ..Default::default()
    }))
}

/// The next activity; nothing if none comes for about a second.
async fn try_activity(client: &mut Client, rate: Option<f64>) -> Option<PollActivityTaskQueueResponse> {
    let mut request = Request::new(PollActivityTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(),
        task_queue_metadata: rate.map(|rate| TaskQueueMetadata { max_tasks_per_second: Some(rate) }),
        ..Default::default()
    });
    request.set_timeout(Duration::from_secs(2));
    let polled = client.poll_activity_task_queue(request).await.unwrap().into_inner();
    (!polled.task_token.is_empty()).then_some(polled)
}

/// The next activity, within the time of a long poll.
async fn next_activity(client: &mut Client) -> PollActivityTaskQueueResponse {
    let request = PollActivityTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(),
        ..Default::default()
    };
    client.poll_activity_task_queue(request).await.unwrap().into_inner()
}

async fn describe(client: &mut Client, of: TaskQueueType) -> DescribeTaskQueueResponse {
    let request = DescribeTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(),
        task_queue_type: of.into(),
        report_stats: true,
        report_config: true,
        include_task_queue_status: true,
        ..Default::default()
    };
    client.describe_task_queue(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn tasks_go_by_priority_and_fairly() {
    let folder = tempfile::tempdir().unwrap();
    let (mut client, _server) = open(folder.path()).await;
    for (id, key) in [("low", 5), ("none", 0), ("high", 1), ("lower", 9), ("usual", 3)] {
        start(&mut client, id, priority(key, "", 0.0)).await;
    }
    let described = describe(&mut client, TaskQueueType::Workflow).await;
    let by_priority = described.stats_by_priority_key.iter();
    let by_priority: Vec<_> = by_priority.map(|(key, of)| (*key, of.approximate_backlog_count)).collect();
    assert_eq!(by_priority, [(1, 1), (3, 2), (5, 2)]);
    assert_eq!(described.stats.unwrap().approximate_backlog_count, 5);
    assert_eq!(described.task_queue_status.unwrap().backlog_count_hint, 5);
    assert_eq!(next(&mut client, 5).await, ["high", "none", "usual", "low", "lower"]);
    for (id, key) in [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b")] {
        start(&mut client, id, priority(0, key, 0.0)).await;
    }
    assert_eq!(next(&mut client, 4).await, ["a1", "b1", "a2", "a3"]);
    for (wrong, message) in [
        (priority(-1, "", 0.0), "PriorityKey can't be negative"),
        (priority(0, &"k".repeat(65), 0.0), "FairnessKey length exceeds limit"),
        (priority(0, "", -1.0), "FairnessWeight can't be negative"),
    ] {
        let request = StartWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_id: "wrong".to_owned(),
            workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
            task_queue: queue(),
            priority: wrong,
            ..Default::default()
        };
        let refused = client.start_workflow_execution(request).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, message));
    }
}

#[tokio::test]
async fn priorities_are_inherited_and_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut client, _server) = open(folder.path()).await;
    start(&mut client, "parent", priority(4, "tenant", 2.0)).await;
    let task = poll(&mut client).await;
    let child = StartChildWorkflowExecutionCommandAttributes {
        workflow_id: "child".to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        priority: priority(1, "", 0.0),
        ..Default::default()
    };
    let commands = vec![
        activity("own", priority(2, "", 0.0)),
        activity("inherits", None),
        Attributes::StartChildWorkflowExecutionCommandAttributes(Box::new(child)),
    ];
    complete(&mut client, &task, commands).await;
    let first = next_activity(&mut client).await;
    assert_eq!((first.activity_id.as_str(), first.priority), ("own", priority(2, "tenant", 2.0)));
    let second = next_activity(&mut client).await;
    assert_eq!((second.activity_id.as_str(), second.priority), ("inherits", priority(4, "tenant", 2.0)));
    // The child goes first, and has what it did not say from its parent.
    let task = poll(&mut client).await;
    assert_eq!(id_of(&task), "child");
    assert_eq!(started_priority(&task), priority(1, "tenant", 2.0));

    let options = UpdateWorkflowExecutionOptionsRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("child"),
        workflow_execution_options: Some(WorkflowExecutionOptions {
            priority: priority(5, "other", 0.0),
            ..Default::default()
        }),
        update_mask: Some(FieldMask { paths: vec!["priority.priority_key".to_owned()] }),
        ..Default::default()
    };
    let updated = client.update_workflow_execution_options(options).await.unwrap().into_inner();
    let changed = priority(5, "tenant", 2.0);
    assert_eq!(updated.workflow_execution_options.unwrap().priority, changed);
    let again = ContinueAsNewWorkflowExecutionCommandAttributes {
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        ..Default::default()
    };
    // The update came while the worker had the task: it closes the run with the next one.
    complete(&mut client, &task, Vec::new()).await;
    let (parent, child) = (poll(&mut client).await, poll(&mut client).await);
    assert_eq!((id_of(&parent), id_of(&child)), ("parent".to_owned(), "child".to_owned()));
    let again = Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(Box::new(again));
    complete(&mut client, &child, vec![again]).await;
    let described =
        DescribeWorkflowExecutionRequest { namespace: "default".to_owned(), execution: execution("child") };
    let described = client.describe_workflow_execution(described).await.unwrap().into_inner();
    assert_eq!(described.workflow_execution_info.unwrap().priority, changed);
}

/// The priority with which the run of a task started.
fn started_priority(task: &PollWorkflowTaskQueueResponse) -> Option<Priority> {
    let first = task.history.as_ref().unwrap().events().next().unwrap().unwrap();
    match first.attributes {
        Some(EventAttributes::WorkflowExecutionStartedEventAttributes(started)) => started.priority,
        other => panic!("{other:?}"),
    }
}

fn execution(id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution { workflow_id: id.to_owned(), run_id: String::new() })
}

#[tokio::test]
async fn an_activity_that_waits_gets_another_priority() {
    let folder = tempfile::tempdir().unwrap();
    let (mut client, _server) = open(folder.path()).await;
    start(&mut client, "w", None).await;
    let task = poll(&mut client).await;
    complete(&mut client, &task, vec![activity("1", None), activity("2", None), activity("3", None)]).await;
    let update = |id: &str, priority: Option<Priority>, paths: &[&str]| UpdateActivityOptionsRequest {
        namespace: "default".to_owned(),
        execution: execution("w"),
        activity_options: Some(ActivityOptions { priority, ..ActivityOptions::default() }),
        update_mask: Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
        activity: Some(update_activity_options_request::Activity::Id(id.to_owned())),
        ..Default::default()
    };
    let last = update("1", priority(5, "", 0.0), &["priority.priority_key"]);
    client.update_activity_options(last).await.unwrap();
    let first = update("3", priority(1, "f", 0.5), &["priority"]);
    let options = client.update_activity_options(first).await.unwrap().into_inner().activity_options;
    assert_eq!(options.unwrap().priority, priority(1, "f", 0.5));
    let wrong = client.update_activity_options(update("3", priority(-1, "", 0.0), &["priority"])).await;
    assert_eq!(wrong.unwrap_err().message(), "PriorityKey can't be negative");
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(next_activity(&mut client).await.activity_id);
    }
    assert_eq!(ids, ["3", "2", "1"]);
}

fn limit(rate: Option<f32>) -> UpdateTaskQueueConfigRequest {
    let rate_limit = rate.map(|requests_per_second| RateLimit { requests_per_second });
    UpdateTaskQueueConfigRequest {
        namespace: "default".to_owned(),
        identity: "me".to_owned(),
        task_queue: "queue".to_owned(),
        task_queue_type: TaskQueueType::Activity.into(),
        update_queue_rate_limit: Some(RateLimitUpdate { rate_limit, reason: "why".to_owned() }),
        ..Default::default()
    }
}

#[tokio::test]
async fn limits_hold_activities_back() {
    let folder = tempfile::tempdir().unwrap();
    let (mut client, server) = open(folder.path()).await;
    start(&mut client, "w", None).await;
    let task = poll(&mut client).await;
    let activities = (1..=4).map(|number| activity(&number.to_string(), None)).collect();
    complete(&mut client, &task, activities).await;
    // A worker wants one in a quarter of an hour.
    let rate = Some(0.001);
    assert!(try_activity(&mut client, rate).await.is_some());
    assert!(try_activity(&mut client, rate).await.is_none());
    let described = describe(&mut client, TaskQueueType::Activity).await;
    let effective = described.effective_rate_limit.unwrap();
    assert_eq!(
        (effective.rate_limit_source(), effective.requests_per_second),
        (RateLimitSource::Worker, 0.001)
    );
    assert_eq!(described.pollers[0].rate_per_second, 0.001);
    // Another wants as many as there are.
    assert!(try_activity(&mut client, None).await.is_some());

    // No task at all, whatever workers want; also after a restart.
    client.update_task_queue_config(limit(Some(0.0))).await.unwrap();
    assert!(try_activity(&mut client, None).await.is_none());
    drop(client);
    server.end().await;
    let (mut client, _server) = open(folder.path()).await;
    assert!(try_activity(&mut client, None).await.is_none());
    let described = describe(&mut client, TaskQueueType::Activity).await;
    assert_eq!(described.effective_rate_limit.unwrap().rate_limit_source(), RateLimitSource::Api);
    let config = described.config.unwrap().queue_rate_limit.unwrap();
    let metadata = config.metadata.unwrap();
    assert_eq!((metadata.reason.as_str(), metadata.update_identity.as_str()), ("why", "me"));
    // A poll that waits is told when the limit goes.
    let mut other = client.clone();
    let waits = tokio::spawn(async move { next_activity(&mut other).await });
    let described = client.update_task_queue_config(limit(None)).await.unwrap().into_inner();
    assert_eq!(described.config.unwrap().queue_rate_limit.unwrap().rate_limit, None);
    assert!(!waits.await.unwrap().task_token.is_empty());
}

#[tokio::test]
async fn configurations_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let (mut client, _server) = open(folder.path()).await;
    let workflow =
        |request| UpdateTaskQueueConfigRequest { task_queue_type: TaskQueueType::Workflow.into(), ..request };
    for (request, message) in [
        (workflow(limit(Some(1.0))), "Setting rate limit on workflow task queues is not allowed."),
        (limit(Some(-1.0)), "RequestsPerSecond for UpdateQueueRateLimit rate limit must be non-negative."),
        (
            UpdateTaskQueueConfigRequest { task_queue: String::new(), ..limit(Some(1.0)) },
            "missing task queue name",
        ),
        (
            UpdateTaskQueueConfigRequest {
                set_fairness_weight_overrides: [("k".to_owned(), 1.0)].into(),
                unset_fairness_weight_overrides: vec!["k".to_owned()],
                ..limit(None)
            },
            "the weight of fairness key k is both set and unset",
        ),
    ] {
        let refused = client.update_task_queue_config(request).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, message));
    }
}

#[tokio::test]
async fn queues_are_described_by_versions_too() {
    let folder = tempfile::tempdir().unwrap();
    let (mut client, _server) = open(folder.path()).await;
    start(&mut client, "first", None).await;
    poll(&mut client).await;
    start(&mut client, "second", None).await;
    let request = DescribeTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(),
        api_mode: DescribeTaskQueueMode::Enhanced.into(),
        report_stats: true,
        report_pollers: true,
        report_task_reachability: true,
        versions: Some(TaskQueueVersionSelection {
            build_ids: vec!["1.0".to_owned()],
            unversioned: true,
            all_active: false,
        }),
        ..Default::default()
    };
    let described = client.describe_task_queue(request.clone()).await.unwrap().into_inner();
    let workflow = i32::from(TaskQueueType::Workflow);
    let unversioned = &described.versions_info[""].types_info[&workflow];
    assert_eq!(unversioned.pollers[0].identity, "me");
    assert_eq!(unversioned.stats.unwrap().approximate_backlog_count, 1);
    let version = &described.versions_info["1.0"];
    assert_eq!(version.types_info[&workflow].pollers, []);
    assert_eq!((described.versions_info[""].task_reachability, version.task_reachability), (1, 3));
    let bare =
        DescribeTaskQueueRequest { report_stats: false, report_pollers: false, versions: None, ..request };
    let described = client.describe_task_queue(bare).await.unwrap().into_inner();
    let info = &described.versions_info[""].types_info[&workflow];
    assert_eq!((info.pollers.len(), info.stats), (0, None));
    let partitions = ListTaskQueuePartitionsRequest { namespace: "default".to_owned(), task_queue: queue() };
    let partitions = client.list_task_queue_partitions(partitions).await.unwrap().into_inner();
    assert_eq!(partitions.workflow_task_queue_partitions[0].key, "queue");
    assert_eq!(partitions.activity_task_queue_partitions.len(), 1);
}
