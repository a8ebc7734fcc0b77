//! A deployment from the first poll to its deletion, over a restart, with a clock that the test sets.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use host_service::WorkflowService;
use host_wire::temporal::api::{
    common::v1::{WorkflowExecution, WorkflowType},
    deployment::v1::{WorkerDeploymentOptions, WorkerDeploymentVersion, WorkerDeploymentVersionInfo},
    enums::v1::{
        VersioningBehavior as Behavior, WorkerDeploymentVersionStatus as VersionStatus, WorkerVersioningMode,
    },
    taskqueue::v1::TaskQueue,
    workflowservice::v1::*,
};
use tonic::{Request, Status};

use crate::{
    Server,
    deployment::{
        register::{add_version, register},
        set_current::{Change, set_current},
        set_ramping::set_ramping,
        state::{Deployment, Ramp},
    },
    environment::{Clock, Environment},
    limits,
    options::{DEFAULT_DRAINAGE_INTERVAL, Options},
    storage::SqliteStorage,
    time::Time,
};

const NAMESPACE: &str = "default";
const START: i64 = 1_700_000_000_000_000_000;
/// How long a test waits for what is to come.
const PATIENCE: Duration = Duration::from_secs(20);

struct Life {
    server: Server,
    service: Arc<dyn WorkflowService>,
    clock: Arc<AtomicI64>,
}

fn version(build_id: &str) -> WorkerDeploymentVersion {
    WorkerDeploymentVersion { deployment_name: "shop".to_owned(), build_id: build_id.to_owned() }
}

fn options(build_id: &str) -> Option<WorkerDeploymentOptions> {
    (!build_id.is_empty()).then(|| WorkerDeploymentOptions {
        deployment_name: "shop".to_owned(),
        build_id: build_id.to_owned(),
        worker_versioning_mode: WorkerVersioningMode::Versioned.into(),
    })
}

fn queue() -> Option<TaskQueue> {
    Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() })
}

impl Life {
    fn open(folder: &Path, clock: Arc<AtomicI64>) -> Self {
        let time = clock.clone();
        let clock_of_service = Clock::new(move || Time(time.load(Ordering::Relaxed)));
        let environment = Environment { clock: clock_of_service, ..Environment::of_the_machine() };
        let server = Server::start(SqliteStorage::open(folder).unwrap(), Options::default(), environment);
        Self { service: server.service(), server, clock }
    }

    fn pass(&self, time: Duration) {
        self.clock.fetch_add(i64::try_from(time.as_nanos()).unwrap(), Ordering::Relaxed);
    }

    /// A workflow task for a version; none if there is none soon.
    async fn poll(&self, build_id: &str) -> Option<PollWorkflowTaskQueueResponse> {
        let mut request = Request::new(PollWorkflowTaskQueueRequest {
            namespace: NAMESPACE.to_owned(),
            task_queue: queue(),
            identity: build_id.to_owned(),
            deployment_options: options(build_id),
            ..Default::default()
        });
        request.set_timeout(Duration::from_millis(1_200));
        let task = self.service.poll_workflow_task_queue(request).await.unwrap().into_inner();
        (!task.task_token.is_empty()).then_some(task)
    }

    /// A workflow task for a version, which is there or comes.
    async fn task(&self, build_id: &str) -> PollWorkflowTaskQueueResponse {
        let until = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < until {
            if let Some(task) = self.poll(build_id).await {
                return task;
            }
        }
        panic!("no task for {build_id}")
    }

    async fn complete(&self, build_id: &str, behavior: Behavior, task: PollWorkflowTaskQueueResponse) {
        let request = RespondWorkflowTaskCompletedRequest {
            namespace: NAMESPACE.to_owned(),
            task_token: task.task_token,
            deployment_options: options(build_id),
            versioning_behavior: behavior.into(),
            ..Default::default()
        };
        self.service.respond_workflow_task_completed(Request::new(request)).await.unwrap();
    }

    async fn start(&self, workflow_id: &str) {
        let request = StartWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_id: workflow_id.to_owned(),
            request_id: workflow_id.to_owned(),
            workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
            task_queue: queue(),
            ..Default::default()
        };
        self.service.start_workflow_execution(Request::new(request)).await.unwrap();
    }

    async fn terminate(&self, workflow_id: &str) {
        let request = TerminateWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: Some(WorkflowExecution {
                workflow_id: workflow_id.to_owned(),
                run_id: String::new(),
            }),
            ..Default::default()
        };
        self.service.terminate_workflow_execution(Request::new(request)).await.unwrap();
    }

    async fn set_current(&self, build_id: &str, identity: &str) {
        let request = SetWorkerDeploymentCurrentVersionRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_name: "shop".to_owned(),
            build_id: build_id.to_owned(),
            identity: identity.to_owned(),
            ..Default::default()
        };
        self.service.set_worker_deployment_current_version(Request::new(request)).await.unwrap();
    }

    async fn version(&self, build_id: &str) -> Result<WorkerDeploymentVersionInfo, Status> {
        let request = DescribeWorkerDeploymentVersionRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_version: Some(version(build_id)),
            ..Default::default()
        };
        let answer = self.service.describe_worker_deployment_version(Request::new(request)).await?;
        Ok(answer.into_inner().worker_deployment_version_info.unwrap())
    }

    async fn deployment(&self) -> DescribeWorkerDeploymentResponse {
        let request = DescribeWorkerDeploymentRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_name: "shop".to_owned(),
        };
        self.service.describe_worker_deployment(Request::new(request)).await.unwrap().into_inner()
    }

    /// Waits until the drainage of a version was looked for at this time.
    async fn checked(&self, build_id: &str) -> VersionStatus {
        let now = Time(self.clock.load(Ordering::Relaxed));
        // A change has it looked for at once.
        self.set_current("2", &format!("at {now:?}")).await;
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let info = self.version(build_id).await.unwrap();
            let checked = info.drainage_info.and_then(|drainage| drainage.last_checked_time);
            if checked.map(Time::from) == Some(now) {
                return info.status();
            }
            assert!(tokio::time::Instant::now() < until, "the drainage is not looked for: {info:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn delete_version(&self, build_id: &str) -> Result<(), Status> {
        let request = DeleteWorkerDeploymentVersionRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_version: Some(version(build_id)),
            ..Default::default()
        };
        self.service.delete_worker_deployment_version(Request::new(request)).await.map(|_| ())
    }
}

#[tokio::test]
async fn a_version_gets_workflows_drains_and_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicI64::new(START));
    let life = Life::open(folder.path(), clock.clone());
    life.start("before").await;
    assert!(life.poll("1").await.is_none());
    life.set_current("1", "me").await;
    // What waits already goes to the current version too.
    let task = life.task("1").await;
    life.complete("1", Behavior::Pinned, task).await;
    life.start("waits").await;
    assert!(life.poll("").await.is_none());
    let before = life.deployment().await;
    drop(life.service);
    drop(life.server);

    let life = Life::open(folder.path(), clock);
    assert_eq!(life.deployment().await, before);
    assert!(life.poll("").await.is_none());
    let task = life.task("1").await;
    life.complete("1", Behavior::AutoUpgrade, task).await;
    assert!(life.poll("2").await.is_none());
    life.set_current("2", "me").await;
    assert_eq!(life.version("1").await.unwrap().status(), VersionStatus::Draining);
    assert_eq!(
        life.delete_version("1").await.unwrap_err().message(),
        "Version cannot be deleted since it is draining."
    );
    life.pass(DEFAULT_DRAINAGE_INTERVAL);
    assert_eq!(life.checked("1").await, VersionStatus::Draining);
    life.terminate("before").await;
    life.pass(DEFAULT_DRAINAGE_INTERVAL);
    assert_eq!(life.checked("1").await, VersionStatus::Drained);
    // Its workers have not polled for so long.
    life.delete_version("1").await.unwrap();
    assert!(life.version("1").await.is_err());
    assert!(life.delete_version("2").await.is_err());
}

#[test]
fn a_deployment_has_so_many_versions() {
    let now = Time(START);
    let mut deployment = Deployment::new(NAMESPACE, "shop", now);
    for number in 0..limits::DEPLOYMENT_VERSIONS {
        let later = now.after(Duration::from_secs(u64::try_from(number).unwrap()));
        add_version(&mut deployment, &format!("{number}"), |_| true, later).unwrap();
    }
    add_version(&mut deployment, "more", |_| true, now).unwrap_err();
    let change = Change::default();
    set_current(&mut deployment, Some("0"), &change, now).unwrap();
    // The oldest that is of no use makes room.
    add_version(&mut deployment, "more", |_| false, now).unwrap();
    assert!(deployment.versions.contains_key("0") && !deployment.versions.contains_key("1"));
    assert_eq!(deployment.versions.len(), limits::DEPLOYMENT_VERSIONS);
    let other = register(
        &crate::deployment::deployments::Deployments::default(),
        NAMESPACE,
        &WorkerDeploymentVersion { deployment_name: "a.b".to_owned(), build_id: "1".to_owned() },
        ("queue", host_wire::temporal::api::enums::v1::TaskQueueType::Workflow),
        |_| false,
        now,
    );
    other.unwrap_err();
}

#[test]
fn a_ramp_ends_where_its_version_becomes_current() {
    let now = Time(START);
    let later = now.after(Duration::from_secs(1));
    let mut deployment = Deployment::new(NAMESPACE, "shop", now);
    for build in ["1", "2"] {
        add_version(&mut deployment, build, |_| false, now).unwrap();
    }
    let change = Change::default();
    set_current(&mut deployment, Some("1"), &change, now).unwrap();
    let ramp = Some(Ramp { build: Some("2".to_owned()), percentage: 5.0 });
    let token = deployment.conflict_token();
    set_ramping(&mut deployment, ramp.clone(), &change, now).unwrap();
    assert_ne!(deployment.conflict_token(), token);
    set_ramping(
        &mut deployment,
        ramp,
        &Change { token, identity: "other".to_owned(), ..Change::default() },
        now,
    )
    .unwrap_err();
    set_current(&mut deployment, Some("2"), &change, later).unwrap();
    assert_eq!(deployment.ramp, None);
    assert_eq!(deployment.versions["1"].status(), VersionStatus::Draining);
    assert_eq!(deployment.versions["2"].status(), VersionStatus::Current);
    assert_eq!(deployment.versions["2"].first_activated, Some(now.into()));
}
