//! Panics in transitions, which ids bring about that a test makes.

use std::{
    panic::resume_unwind,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use host_service::WorkflowService;
use host_wire::temporal::api::{
    command::v1::{
        Command, ContinueAsNewWorkflowExecutionCommandAttributes,
        SignalExternalWorkflowExecutionCommandAttributes, StartChildWorkflowExecutionCommandAttributes,
        command::Attributes,
    },
    common::v1::{WorkflowExecution, WorkflowType},
    enums::v1::WorkflowExecutionStatus as RunStatus,
    taskqueue::v1::TaskQueue,
    workflow::v1::WorkflowExecutionInfo,
    workflowservice::v1::*,
};
use tonic::{Code, Request, Status};
use uuid::Uuid;

use crate::{
    Server,
    environment::{Environment, Ids},
    options::Options,
    storage::SqliteStorage,
};

/// A service whose ids panic.
struct Panicking {
    /// Dropped after the calls of the service are.
    _server: Server,
    service: Arc<dyn WorkflowService>,
    /// The id that panics, counted from the next as 1, and those after it.
    panics: Arc<AtomicI64>,
}

impl Panicking {
    fn open(folder: &Path) -> Self {
        let panics = Arc::new(AtomicI64::new(i64::MAX));
        let counted = panics.clone();
        let ids = Ids::new(move || {
            if counted.fetch_sub(1, Ordering::Relaxed) <= 1 {
                // As a panic, without its message on stderr.
                resume_unwind(Box::new("a panic of a test"));
            }
            Uuid::new_v4()
        });
        let environment = Environment { ids, ..Environment::of_the_machine() };
        let server = Server::start(SqliteStorage::open(folder).unwrap(), Options::default(), environment);
        Self { service: server.service(), _server: server, panics }
    }

    fn panic_from(&self, id: i64) {
        self.panics.store(id, Ordering::Relaxed);
    }

    fn recover(&self) {
        self.panic_from(i64::MAX);
    }

    async fn start(&self, workflow_id: &str) -> Result<String, Status> {
        let request = StartWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_id: workflow_id.to_owned(),
            request_id: workflow_id.to_owned(),
            workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
            task_queue: Some(queue(workflow_id)),
            ..Default::default()
        };
        let started = self.service.start_workflow_execution(Request::new(request)).await?;
        Ok(started.into_inner().run_id)
    }

    async fn poll(&self, workflow_id: &str) -> Result<PollWorkflowTaskQueueResponse, Status> {
        let mut request = Request::new(PollWorkflowTaskQueueRequest {
            namespace: "default".to_owned(),
            task_queue: Some(queue(workflow_id)),
            ..Default::default()
        });
        request.set_timeout(Duration::from_millis(200));
        Ok(self.service.poll_workflow_task_queue(request).await?.into_inner())
    }

    async fn complete(
        &self,
        task: &PollWorkflowTaskQueueResponse,
        commands: Vec<Attributes>,
    ) -> Result<(), Status> {
        let command = |attributes| Command { attributes: Some(attributes), ..Command::default() };
        let request = RespondWorkflowTaskCompletedRequest {
            namespace: "default".to_owned(),
            task_token: task.task_token.clone(),
            commands: commands.into_iter().map(command).collect(),
            ..Default::default()
        };
        self.service.respond_workflow_task_completed(Request::new(request)).await.map(drop)
    }

    async fn describe(&self, workflow_id: &str) -> Result<WorkflowExecutionInfo, Status> {
        let request = DescribeWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            execution: execution(workflow_id),
        };
        let described = self.service.describe_workflow_execution(Request::new(request)).await?;
        Ok(described.into_inner().workflow_execution_info.unwrap())
    }

    async fn list(&self) -> Vec<WorkflowExecutionInfo> {
        let request = ListWorkflowExecutionsRequest { namespace: "default".to_owned(), ..Default::default() };
        self.service.list_workflow_executions(Request::new(request)).await.unwrap().into_inner().executions
    }
}

fn queue(name: &str) -> TaskQueue {
    TaskQueue { name: name.to_owned(), ..TaskQueue::default() }
}

fn execution(workflow_id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: String::new() })
}

fn continuation() -> Vec<Attributes> {
    let attributes = ContinueAsNewWorkflowExecutionCommandAttributes {
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        ..Default::default()
    };
    vec![Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(Box::new(attributes))]
}

fn child_and_signal() -> Vec<Attributes> {
    let child = StartChildWorkflowExecutionCommandAttributes {
        workflow_id: "child".to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: Some(queue("child")),
        ..Default::default()
    };
    let signal = SignalExternalWorkflowExecutionCommandAttributes {
        execution: execution("other"),
        signal_name: "s".to_owned(),
        ..Default::default()
    };
    vec![
        Attributes::StartChildWorkflowExecutionCommandAttributes(Box::new(child)),
        Attributes::SignalExternalWorkflowExecutionCommandAttributes(Box::new(signal)),
    ]
}

#[track_caller]
fn check_internal<R: std::fmt::Debug>(answer: Result<R, Status>) {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::Internal, "{status}");
    assert!(status.message().contains("a panic of a test"), "{status}");
}

#[tokio::test]
async fn a_transition_that_panics_is_dropped_whole() {
    let folder = tempfile::tempdir().unwrap();
    let service = Panicking::open(folder.path());
    service.panic_from(1);
    check_internal(service.start("w").await);
    service.recover();
    assert_eq!(service.list().await.len(), 0);
    service.start("w").await.unwrap();
    service.start("other").await.unwrap();
    // The task goes back into its queue.
    service.panic_from(1);
    check_internal(service.poll("w").await);
    service.recover();
    let task = service.poll("w").await.unwrap();
    // After events of the run were made, one of them the start of another run.
    let before = service.describe("w").await.unwrap();
    service.panic_from(2);
    check_internal(service.complete(&task, child_and_signal()).await);
    service.recover();
    assert_eq!(service.describe("w").await.unwrap(), before);
    assert_eq!(service.describe("child").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(service.list().await.len(), 2);
    // The number of the run that was not started is given to another.
    service.start("child").await.unwrap();
    service.complete(&task, child_and_signal()).await.unwrap();
    assert!(service.describe("w").await.unwrap().history_length > before.history_length);
    assert_eq!(service.describe("other").await.unwrap().history_length, 3);
    // All of it was stored as it is in memory.
    let said = service.list().await;
    drop(service);
    assert_eq!(Panicking::open(folder.path()).list().await, said);
}

#[tokio::test]
async fn a_run_that_panics_again_is_set_aside_until_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let service = Panicking::open(folder.path());
    for workflow_id in ["w", "other", "third"] {
        service.start(workflow_id).await.unwrap();
    }
    let task = service.poll("w").await.unwrap();
    service.panic_from(1);
    check_internal(service.complete(&task, continuation()).await);
    check_internal(service.complete(&task, continuation()).await);
    service.recover();
    let refused = service.complete(&task, continuation()).await.unwrap_err();
    assert_eq!(refused.code(), Code::DataLoss, "{refused}");
    assert!(refused.message().contains("a bug of the service: a panic of a test"), "{refused}");
    assert_eq!(service.describe("w").await.unwrap_err().code(), Code::DataLoss);
    assert_eq!(service.start("w").await.unwrap_err().code(), Code::DataLoss);
    let listed = service.list().await;
    let is_w = |info: &&WorkflowExecutionInfo| info.execution.as_ref().unwrap().workflow_id == "w";
    let listed_w = listed.iter().find(is_w).unwrap();
    assert!(listed_w.search_attributes.as_ref().unwrap().indexed_fields.contains_key("HostDamage"));
    assert_eq!(listed.len(), 3);
    // Others go on; a good transition in between is a new chance.
    for _ in 0..3 {
        let task = service.poll("other").await.unwrap();
        service.panic_from(1);
        check_internal(service.complete(&task, continuation()).await);
        service.recover();
        service.complete(&task, continuation()).await.unwrap();
    }
    drop(service);
    let service = Panicking::open(folder.path());
    assert_eq!(service.describe("w").await.unwrap().status(), RunStatus::Running);
}

#[tokio::test]
async fn a_run_that_was_set_aside_is_terminated_as_others_are() {
    let folder = tempfile::tempdir().unwrap();
    let service = Panicking::open(folder.path());
    service.start("w").await.unwrap();
    let task = service.poll("w").await.unwrap();
    service.panic_from(1);
    check_internal(service.complete(&task, continuation()).await);
    check_internal(service.complete(&task, continuation()).await);
    let request = TerminateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("w"),
        ..Default::default()
    };
    service.service.terminate_workflow_execution(Request::new(request)).await.unwrap();
    assert_eq!(service.describe("w").await.unwrap().status(), RunStatus::Terminated);
    service.recover();
    service.start("w").await.unwrap();
}
