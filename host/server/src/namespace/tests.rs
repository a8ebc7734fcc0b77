//! Retention by namespace, and deletion of namespaces, on a folder and a clock of the test's.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use host_service::{WorkflowService, operator_service_server::OperatorService as _};
use host_wire::{
    duration_to_proto,
    temporal::api::{
        common::v1::{WorkflowExecution, WorkflowType},
        operatorservice::v1::DeleteNamespaceRequest,
        schedule::v1::Schedule,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::{update_task_queue_config_request::RateLimitUpdate, *},
    },
};
use rusqlite::{Connection, types::Value};
use tonic::Request;

use crate::{
    api::open::Service,
    environment::{Clock, Environment},
    namespace::reclaim::reclaim_all,
    options::Options,
    storage::{Mend, SqliteStorage, StorageError},
    time::Time,
};

/// A service without tasks in the background: what they do, the test does.
struct World {
    service: Service,
    calls: Arc<dyn WorkflowService>,
    seconds: Arc<AtomicI64>,
}

impl World {
    async fn open(folder: &Path, at_seconds: i64) -> Self {
        let seconds = Arc::new(AtomicI64::new(at_seconds));
        let shown = seconds.clone();
        let clock = Clock::new(move || Time(shown.load(Ordering::Relaxed) * 1_000_000_000));
        let environment = Environment { clock, ..Environment::of_the_machine() };
        let opened = loop {
            // The threads of a service before may hold the folder until they see that it ended.
            match SqliteStorage::open(folder) {
                Err(StorageError::Locked { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
                opened => break opened.unwrap(),
            }
        };
        let service = Service::new(opened, Options::default(), environment);
        Self { calls: Arc::new(service.in_process()), service, seconds }
    }

    async fn register(&self, namespace: &str, retention_hours: u64) {
        let retention = Duration::from_secs(retention_hours * 60 * 60);
        let request = RegisterNamespaceRequest {
            namespace: namespace.to_owned(),
            workflow_execution_retention_period: Some(duration_to_proto(retention)),
            ..Default::default()
        };
        self.calls.register_namespace(Request::new(request)).await.unwrap();
    }

    async fn start(&self, namespace: &str, workflow_id: &str) {
        let request = StartWorkflowExecutionRequest {
            namespace: namespace.to_owned(),
            workflow_id: workflow_id.to_owned(),
            request_id: workflow_id.to_owned(),
            workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
            task_queue: queue(namespace),
            ..Default::default()
        };
        self.calls.start_workflow_execution(Request::new(request)).await.unwrap();
    }

    async fn terminate(&self, namespace: &str, workflow_id: &str) {
        let workflow_execution =
            Some(WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: String::new() });
        let request = TerminateWorkflowExecutionRequest {
            namespace: namespace.to_owned(),
            workflow_execution,
            ..Default::default()
        };
        self.calls.terminate_workflow_execution(Request::new(request)).await.unwrap();
    }

    async fn workflows(&self, namespace: &str) -> Vec<String> {
        let request = ListWorkflowExecutionsRequest { namespace: namespace.to_owned(), ..Default::default() };
        let listed = self.calls.list_workflow_executions(Request::new(request)).await.unwrap().into_inner();
        let ids = listed.executions.into_iter().map(|it| it.execution.unwrap().workflow_id);
        ids.collect()
    }

    async fn deployments(&self, namespace: &str) -> Vec<String> {
        let request = ListWorkerDeploymentsRequest { namespace: namespace.to_owned(), ..Default::default() };
        let listed = self.calls.list_worker_deployments(Request::new(request)).await.unwrap().into_inner();
        listed.worker_deployments.into_iter().map(|it| it.name).collect()
    }

    /// A run, a schedule, a worker deployment, and the configuration of a task queue, all named after the namespace.
    async fn fill(&self, namespace: &str) {
        let text = namespace.to_owned();
        self.start(namespace, namespace).await;
        let schedule = CreateScheduleRequest {
            namespace: text.clone(),
            schedule_id: text.clone(),
            request_id: text.clone(),
            schedule: Some(Schedule { action: Some(action(namespace)), ..Schedule::default() }),
            ..Default::default()
        };
        self.calls.create_schedule(Request::new(schedule)).await.unwrap();
        let current = SetWorkerDeploymentCurrentVersionRequest {
            namespace: text.clone(),
            deployment_name: text.clone(),
            build_id: "one".to_owned(),
            allow_no_pollers: true,
            ..Default::default()
        };
        self.calls.set_worker_deployment_current_version(Request::new(current)).await.unwrap();
        let config = UpdateTaskQueueConfigRequest {
            namespace: text.clone(),
            task_queue: text.clone(),
            task_queue_type: 2,
            update_queue_rate_limit: Some(RateLimitUpdate { rate_limit: None, reason: text }),
            ..Default::default()
        };
        self.calls.update_task_queue_config(Request::new(config)).await.unwrap();
    }

    async fn delete(&self, namespace: &str) -> String {
        let request =
            DeleteNamespaceRequest { namespace: namespace.to_owned(), ..DeleteNamespaceRequest::default() };
        let deleted = self.service.operator().delete_namespace(Request::new(request)).await.unwrap();
        deleted.into_inner().deleted_namespace
    }
}

fn queue(namespace: &str) -> Option<TaskQueue> {
    Some(TaskQueue { name: namespace.to_owned(), ..TaskQueue::default() })
}

fn action(namespace: &str) -> host_wire::temporal::api::schedule::v1::ScheduleAction {
    use host_wire::temporal::api::{
        schedule::v1::{ScheduleAction, schedule_action::Action},
        workflow::v1::NewWorkflowExecutionInfo,
    };
    let start = NewWorkflowExecutionInfo {
        workflow_id: namespace.to_owned(),
        workflow_type: Some(WorkflowType { name: namespace.to_owned() }),
        task_queue: queue(namespace),
        ..Default::default()
    };
    ScheduleAction { action: Some(Action::StartWorkflow(start)) }
}

/// Columns of the runs' file in which a text is, as `table.column`.
fn columns_with(folder: &Path, text: &str) -> Vec<String> {
    let file = Connection::open(folder.join("runs.sqlite")).unwrap();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
    let mut tables = file.prepare(tables).unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut found = Vec::new();
    for table in tables {
        let mut all = file.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns: Vec<String> = all.column_names().map(str::to_owned).collect();
        let mut rows = all.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for (index, column) in columns.iter().enumerate() {
                let bytes = match row.get::<_, Value>(index).unwrap() {
                    Value::Text(text) => text.into_bytes(),
                    Value::Blob(bytes) => bytes,
                    Value::Null | Value::Integer(_) | Value::Real(_) => continue,
                };
                if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                    found.push(format!("{table}.{column}"));
                }
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

#[tokio::test]
async fn closed_runs_are_kept_as_long_as_their_namespace_says() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), 1_000_000).await;
    world.register("short", 1).await;
    world.register("long", 5).await;
    for namespace in ["short", "long", "default"] {
        world.start(namespace, "open").await;
        world.start(namespace, "closed").await;
        world.terminate(namespace, "closed").await;
    }
    let archive = |world: &World| {
        // Twice: what a first one hands over is out of memory with the next.
        for _ in 0..2 {
            while world.service.shard().sweep() {}
        }
        world.service.shard().prune();
    };
    let both = ["closed".to_owned(), "open".to_owned()];
    for (hours, expected_of_short, expected_of_long) in
        [(0, &both[..], &both[..]), (2, &both[1..], &both[..]), (6, &both[1..], &both[1..])]
    {
        world.seconds.store(1_000_000 + hours * 60 * 60, Ordering::Relaxed);
        for (namespace, expected) in
            [("short", expected_of_short), ("long", expected_of_long), ("default", &both[..])]
        {
            for patience in 0.. {
                archive(&world);
                let mut found = world.workflows(namespace).await;
                found.sort();
                if found == expected {
                    break;
                }
                assert!(patience < 500, "{namespace} after {hours} h: {found:?}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

#[tokio::test]
async fn nothing_of_a_deleted_namespace_is_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), 1_000_000).await;
    for namespace in ["leaves-here", "stays-here"] {
        world.register(namespace, 1).await;
        world.fill(namespace).await;
    }
    assert!(world.delete("leaves-here").await.starts_with("leaves-here-deleted-"));
    reclaim_all(world.service.shard()).await.unwrap();
    assert_eq!(world.workflows("stays-here").await, ["stays-here"]);
    // Behind everything that was handed over before.
    world.service.shard().mend(Mend::DeleteRuns("nothing".to_owned())).await.unwrap();
    drop(world);
    let world = World::open(folder.path(), 1_000_000).await;
    let kept = columns_with(folder.path(), "stays-here");
    assert!(kept.len() >= 3, "{kept:?}");
    assert_eq!(columns_with(folder.path(), "leaves-here"), [""; 0]);
    assert_eq!(world.workflows("stays-here").await, ["stays-here"]);
    // The name is free, and what had it is not there again.
    world.register("leaves-here", 1).await;
    assert_eq!(world.workflows("leaves-here").await, [""; 0]);
    assert_eq!(world.deployments("leaves-here").await, [""; 0]);
    assert_eq!(world.deployments("stays-here").await, ["stays-here"]);
}

/// Each number of steps of the removal that were done when the process ended.
#[tokio::test]
async fn a_restart_goes_on_with_a_deletion() {
    for steps in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let world = World::open(folder.path(), 1_000_000).await;
        world.register("leaves-here", 1).await;
        world.fill("leaves-here").await;
        world.start("leaves-here", "another").await;
        world.delete("leaves-here").await;
        if steps > 0 {
            world.service.shard().mend(Mend::DeleteRuns("leaves-here".to_owned())).await.unwrap();
        }
        if steps > 1 {
            world.service.shard().delete_settings("leaves-here").await.unwrap();
        }
        drop(world);
        let world = World::open(folder.path(), 1_000_000).await;
        let request =
            ListWorkflowExecutionsRequest { namespace: "leaves-here".to_owned(), ..Default::default() };
        let refused = world.calls.list_workflow_executions(Request::new(request)).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::NotFound, "{refused}");
        reclaim_all(world.service.shard()).await.unwrap();
        world.register("leaves-here", 1).await;
        assert_eq!(world.workflows("leaves-here").await, [""; 0], "{steps} steps");
    }
}

/// A schedule and a deployment that cannot be read; what their names were is not known any more.
#[tokio::test]
async fn what_is_damaged_leaves_with_its_namespace() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), 1_000_000).await;
    world.fill("default").await;
    drop(world);
    // Brings the runs' file to the end of the log.
    drop(World::open(folder.path(), 1_000_000).await);
    let file = Connection::open(folder.path().join("runs.sqlite")).unwrap();
    let damage = "UPDATE records SET records = CAST(records || x'00' AS BLOB) WHERE kind IN (2, 5)";
    assert_eq!(file.execute(damage, []).unwrap(), 2);
    drop(file);
    for (code, life) in [(tonic::Code::DataLoss, "damaged"), (tonic::Code::NotFound, "deleted")] {
        let world = World::open(folder.path(), 1_000_000).await;
        let deployment = DescribeWorkerDeploymentRequest {
            namespace: "default".to_owned(),
            deployment_name: "damaged-deployment-0".to_owned(),
        };
        let refused = world.calls.describe_worker_deployment(Request::new(deployment)).await.unwrap_err();
        assert_eq!(refused.code(), code, "{life}: {refused}");
        let schedule = DescribeScheduleRequest {
            namespace: "default".to_owned(),
            schedule_id: "damaged-schedule-0".to_owned(),
        };
        let refused = world.calls.describe_schedule(Request::new(schedule)).await.unwrap_err();
        assert_eq!(refused.code(), code, "{life}: {refused}");
        if code == tonic::Code::DataLoss {
            world.delete("default").await;
            reclaim_all(world.service.shard()).await.unwrap();
        }
    }
}
