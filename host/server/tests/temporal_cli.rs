//! The `temporal` command line on the service.
//!
//! Needs the binary, on `PATH` or named by `HOST_TEST_TEMPORAL`.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
    sync::Arc,
    time::Duration,
};

use host_server::{Listener, Options, Server};
use host_service::WorkflowService;
use host_wire::{
    duration_to_proto,
    temporal::api::{
        command::v1::{
            Command as WorkflowCommand, CompleteWorkflowExecutionCommandAttributes,
            ScheduleActivityTaskCommandAttributes, command::Attributes,
        },
        common::v1::{ActivityType, Payload, Payloads},
        enums::v1::QueryResultType,
        taskqueue::v1::TaskQueue,
        worker::v1::WorkerHeartbeat,
        workflowservice::v1::{
            PollActivityTaskQueueRequest, PollWorkflowTaskQueueRequest, RecordWorkerHeartbeatRequest,
            RespondQueryTaskCompletedRequest, RespondWorkflowTaskCompletedRequest,
        },
    },
};
use test_harness::Temporal;
use tokio::runtime::Runtime;
use tonic::Request;

fn main() -> ExitCode {
    let cli = test_harness::test_needing(
        "the_temporal_command_line_works_on_the_service",
        Temporal::binary,
        |temporal| Runtime::new().unwrap().block_on(the_temporal_command_line_works_on_the_service(temporal)),
    );
    test_harness::run_tests(vec![cli])
}

async fn the_temporal_command_line_works_on_the_service(temporal: PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(Server::open(folder.path(), Options::default()).unwrap());
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let cli = Cli { temporal, address: listener.address().to_string() };
    let service = server.service();
    tokio::spawn({
        let server = server.clone();
        async move { server.serve(listener, std::future::pending()).await }
    });

    let start = ["--workflow-id", "w", "--type", "Type", "--task-queue", "queue", "--input", "1"];
    cli.succeeds(&["workflow", "start"], &start, "\"runId\"");
    cli.succeeds(&["workflow", "signal"], &["--workflow-id", "w", "--name", "hello"], "");
    cli.succeeds(&["workflow", "describe"], &["--workflow-id", "w"], "WORKFLOW_EXECUTION_STATUS_RUNNING");
    cli.succeeds(&["workflow", "show"], &["--workflow-id", "w"], "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED");
    cli.succeeds(&["workflow", "list"], &["--query", "ExecutionStatus = 'Running'"], "\"w\"");
    cli.succeeds(&["workflow", "count"], &[], "\"1\"");
    cli.succeeds(&["operator", "cluster", "health"], &[], "SERVING");
    cli.fails(&["workflow", "describe"], &["--workflow-id", "nobody"], "workflow not found");

    start_activity(&service).await;
    let activity = ["--workflow-id", "w", "--activity-id", "1", "--result", "42"];
    cli.succeeds(&["activity", "complete"], &activity, "");
    cli.succeeds(&["workflow", "show"], &["--workflow-id", "w"], "EVENT_TYPE_ACTIVITY_TASK_COMPLETED");

    // A worker from here on: it answers queries, and completes what is of the type `Instant`.
    let worker = tokio::spawn(run_worker(service.clone()));
    let execute = ["--workflow-id", "x", "--type", "Instant", "--task-queue", "instant"];
    cli.succeeds(&["workflow", "execute"], &execute, "COMPLETED");
    cli.succeeds(&["workflow", "result"], &["--workflow-id", "x"], "\"done\"");
    let query = ["--workflow-id", "x", "--type", "state"];
    cli.succeeds(&["workflow", "query"], &query, "\"state is fine\"");
    let signal = ["--workflow-id", "y", "--type", "Instant", "--task-queue", "instant", "--signal-name", "s"];
    cli.succeeds(&["workflow", "signal-with-start"], &signal, "\"runId\"");
    cli.succeeds(&["workflow", "show"], &["--workflow-id", "y"], "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED");
    cli.succeeds(&["task-queue", "describe"], &["--task-queue", "instant"], "stranger");
    cli.succeeds(&["task-queue", "describe"], &["--task-queue", "instant", "--legacy-mode"], "stranger");
    cli.succeeds(&["task-queue", "list-partition"], &["--task-queue", "instant"], "instant");
    let activities = ["--task-queue", "instant", "--task-queue-type", "activity"];
    let limit = ["--queue-rps-limit", "7", "--queue-rps-limit-reason", "enough"];
    cli.succeeds(&["task-queue", "config", "set"], &[&activities[..], &limit].concat(), "enough");
    cli.succeeds(&["task-queue", "config", "get"], &activities, "7");
    record_heartbeat(&service).await;
    cli.succeeds(&["worker", "list"], &["--query", "TaskQueue = 'instant'"], "\"the worker\"");
    cli.succeeds(&["worker", "describe"], &["--worker-instance-key", "the worker"], "instant");
    cli.fails(&["worker", "describe"], &["--worker-instance-key", "another"], "Worker another not found");
    cli.succeeds(&["operator", "namespace", "describe"], &["--namespace", "default"], "\"default\"");
    cli.succeeds(&["operator", "namespace", "list"], &[], "\"default\"");
    worker.abort();
    namespaces(&cli);
    deployments(&cli);

    cli.succeeds(&["workflow", "cancel"], &["--workflow-id", "w"], "");
    cli.succeeds(&["workflow", "show"], &["--workflow-id", "w"], "WORKFLOW_EXECUTION_CANCEL_REQUESTED");
    batches(&cli);
    cli.succeeds(&["workflow", "terminate"], &["--workflow-id", "w", "--reason", "enough"], "");
    cli.succeeds(&["workflow", "describe"], &["--workflow-id", "w"], "WORKFLOW_EXECUTION_STATUS_TERMINATED");
}

/// A namespace from its registration to its end.
fn namespaces(cli: &Cli) {
    let name = ["--namespace", "shop"];
    let of = |more: &[&'static str]| [&name[..], more].concat();
    let create = of(&["--description", "orders", "--email", "a@b.example", "--data", "team=one"]);
    cli.succeeds(&["operator", "namespace", "create"], &of(&["--retention", "2h"]), "");
    cli.fails(&["operator", "namespace", "create"], &create, "already exists");
    let described = cli.json(&["operator", "namespace", "describe"], &name);
    assert_eq!(described["config"]["workflowExecutionRetentionTtl"], "7200s", "{described}");
    cli.succeeds(&["operator", "namespace", "update"], &of(&["--retention", "3h", "--data", "team=two"]), "");
    cli.succeeds(&["operator", "namespace", "update"], &of(&["--description", "orders"]), "");
    let described = cli.json(&["operator", "namespace", "describe"], &name);
    assert_eq!(described["config"]["workflowExecutionRetentionTtl"], "10800s", "{described}");
    assert_eq!(described["namespaceInfo"]["description"], "orders", "{described}");
    assert_eq!(described["namespaceInfo"]["data"]["team"], "two", "{described}");
    cli.succeeds(&["operator", "namespace", "list"], &[], "\"shop\"");
    let start = of(&["--workflow-id", "w", "--type", "Type", "--task-queue", "queue"]);
    cli.succeeds(&["workflow", "start"], &start, "\"runId\"");
    cli.succeeds(&["workflow", "count"], &name, "\"1\"");
    cli.succeeds(&["operator", "namespace", "delete"], &of(&["--yes"]), "shop-deleted-");
    cli.fails(&["workflow", "count"], &name, "Namespace shop is not found");
    cli.fails(&["operator", "namespace", "delete"], &of(&["--yes"]), "shop");
}

/// A worker deployment from its first version to its end.
fn deployments(cli: &Cli) {
    let command = |name: &'static str| ["worker", "deployment", name];
    let name = ["--deployment-name", "shop"];
    let of = |build: &'static str, more: &[&'static str]| [&name[..], &["--build-id", build], more].concat();
    let describe = || cli.json(&command("describe"), &["--name", "shop"]);
    let new = ["--allow-no-pollers", "--yes"];
    cli.fails(&command("set-current-version"), &of("one", &["--yes"]), "not found");
    cli.succeeds(&command("set-current-version"), &of("one", &new), "");
    let ramp = ["--percentage", "25", "--allow-no-pollers", "--yes"];
    cli.succeeds(&command("set-ramping-version"), &of("two", &ramp), "");
    cli.succeeds(&command("list"), &[], "\"shop\"");
    let routing = describe()["routingConfig"].clone();
    assert_eq!(routing["currentVersionBuildID"], "one", "{routing}");
    assert_eq!(routing["rampingVersionBuildID"], "two", "{routing}");
    assert_eq!(routing["rampingVersionPercentage"], 25, "{routing}");
    cli.succeeds(&command("update-metadata-version"), &of("two", &["--metadata", "team=\"checkout\""]), "");
    cli.succeeds(&command("describe-version"), &of("two", &[]), "team");
    cli.succeeds(&command("update-metadata-version"), &of("two", &["--remove-entries", "team"]), "");
    let manager = |verb: &'static str| ["worker", "deployment", "manager-identity", verb];
    let ci = [&name[..], &["--manager-identity", "ci", "--yes"]].concat();
    cli.succeeds(&manager("set"), &ci, "");
    cli.fails(&command("set-current-version"), &of("two", &new), "ManagerIdentity 'ci' is set");
    cli.succeeds(&manager("unset"), &[&name[..], &["--yes"]].concat(), "");
    cli.fails(&command("delete-version"), &of("two", &[]), "current or ramping");
    cli.succeeds(&command("set-current-version"), &of("two", &["--yes"]), "");
    cli.succeeds(&command("delete-version"), &of("one", &["--skip-drainage"]), "");
    cli.fails(&command("delete"), &["--name", "shop"], "has versions");
    cli.succeeds(&command("set-current-version"), &[&name[..], &["--unversioned", "--yes"]].concat(), "");
    cli.succeeds(&command("delete-version"), &of("two", &["--skip-drainage"]), "");
    cli.succeeds(&command("delete"), &["--name", "shop"], "");
    cli.fails(&command("describe"), &["--name", "shop"], "not found");
}

/// Batch operations on the workflow `w`, one after the other.
fn batches(cli: &Cli) {
    let query = ["--query", "WorkflowType = 'Type' AND ExecutionStatus = 'Running'", "--yes"];
    let completed = "BATCH_OPERATION_STATE_COMPLETED";
    let running = "BATCH_OPERATION_STATE_RUNNING";
    for command in [
        &["workflow", "signal", "--name", "many"][..],
        &["workflow", "cancel", "--rps", "10"],
        &["workflow", "update-options", "--versioning-override-behavior", "auto_upgrade"],
        &["activity", "unpause", "--activity-type", "activity"],
        &["activity", "reset", "--match-all"],
        &["activity", "update-options", "--activity-type", "activity", "--restore-original-options"],
    ] {
        let started = cli.json(command, &query);
        let job = started["batchJobId"].as_str().unwrap().to_owned();
        let described = loop {
            let described = cli.json(&["batch", "describe"], &["--job-id", &job]);
            if described["state"] != running {
                break described;
            }
        };
        assert_eq!(described["state"], completed, "{command:?}: {described}");
        assert_eq!(described["completeOperationCount"], "1", "{command:?}: {described}");
    }
    cli.succeeds(&["batch", "list"], &["--limit", "2"], completed);
    cli.fails(&["batch", "terminate"], &["--job-id", "nothing", "--reason", "r"], "could not find Batch Job");
    cli.succeeds(&["workflow", "show"], &["--workflow-id", "w"], "\"many\"");
}

/// Gives a worker the activity that the command line completes.
async fn start_activity(service: &Arc<dyn WorkflowService>) {
    let queue = TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() };
    let poll = PollWorkflowTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: Some(queue.clone()),
        ..Default::default()
    };
    let task = service.poll_workflow_task_queue(Request::new(poll)).await.unwrap().into_inner();
    let activity = ScheduleActivityTaskCommandAttributes {
        activity_id: "1".to_owned(),
        activity_type: Some(ActivityType { name: "activity".to_owned() }),
        start_to_close_timeout: Some(duration_to_proto(Duration::from_secs(60))),
        ..Default::default()
    };
    let attributes = Attributes::ScheduleActivityTaskCommandAttributes(Box::new(activity));
    let completed = RespondWorkflowTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token,
        commands: vec![WorkflowCommand { attributes: Some(attributes), ..WorkflowCommand::default() }],
        ..Default::default()
    };
    service.respond_workflow_task_completed(Request::new(completed)).await.unwrap();
    let poll = PollActivityTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: Some(queue),
        ..Default::default()
    };
    service.poll_activity_task_queue(Request::new(poll)).await.unwrap();
}

/// What a worker says of itself.
async fn record_heartbeat(service: &Arc<dyn WorkflowService>) {
    let heartbeat = WorkerHeartbeat {
        worker_instance_key: "the worker".to_owned(),
        task_queue: "instant".to_owned(),
        ..WorkerHeartbeat::default()
    };
    let request = RecordWorkerHeartbeatRequest {
        namespace: "default".to_owned(),
        worker_heartbeat: vec![heartbeat],
        ..Default::default()
    };
    service.record_worker_heartbeat(Request::new(request)).await.unwrap();
}

async fn run_worker(service: Arc<dyn WorkflowService>) {
    let json = |text: &str| Payloads {
        payloads: vec![Payload {
            metadata: [("encoding".to_owned(), "json/plain".into())].into(),
            data: format!("\"{text}\"").into(),
            ..Payload::default()
        }],
    };
    loop {
        let poll = PollWorkflowTaskQueueRequest {
            namespace: "default".to_owned(),
            task_queue: Some(TaskQueue { name: "instant".to_owned(), ..TaskQueue::default() }),
            identity: "stranger".to_owned(),
            ..Default::default()
        };
        let task = service.poll_workflow_task_queue(Request::new(poll)).await.unwrap().into_inner();
        if task.query.is_some() {
            let answer = RespondQueryTaskCompletedRequest {
                namespace: "default".to_owned(),
                task_token: task.task_token,
                completed_type: QueryResultType::Answered.into(),
                query_result: Some(json("state is fine")),
                ..Default::default()
            };
            service.respond_query_task_completed(Request::new(answer)).await.unwrap();
        } else if !task.task_token.is_empty() {
            let result = CompleteWorkflowExecutionCommandAttributes { result: Some(json("done")) };
            let attributes = Attributes::CompleteWorkflowExecutionCommandAttributes(Box::new(result));
            let completed = RespondWorkflowTaskCompletedRequest {
                namespace: "default".to_owned(),
                task_token: task.task_token,
                commands: vec![WorkflowCommand {
                    attributes: Some(attributes),
                    ..WorkflowCommand::default()
                }],
                ..Default::default()
            };
            service.respond_workflow_task_completed(Request::new(completed)).await.unwrap();
        }
    }
}

struct Cli {
    temporal: PathBuf,
    address: String,
}

impl Cli {
    fn run(&self, command: &[&str], arguments: &[&str]) -> (bool, String) {
        let output = Command::new(&self.temporal)
            .args(command)
            .args(["--address", &self.address, "--output", "json", "--command-timeout", "30s"])
            .args(arguments)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    fn succeeds(&self, command: &[&str], arguments: &[&str], says: &str) {
        let (succeeded, said) = self.run(command, arguments);
        assert!(succeeded && said.contains(says), "{command:?} {arguments:?}: {said}");
    }

    fn json(&self, command: &[&str], arguments: &[&str]) -> serde_json::Value {
        let (succeeded, said) = self.run(command, arguments);
        assert!(succeeded, "{command:?} {arguments:?}: {said}");
        serde_json::from_str(&said).unwrap()
    }

    fn fails(&self, command: &[&str], arguments: &[&str], says: &str) {
        let (succeeded, said) = self.run(command, arguments);
        assert!(!succeeded && said.contains(says), "{command:?} {arguments:?}: {said}");
    }
}
