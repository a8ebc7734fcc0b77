//! An archive behind a gate: while a run is loaded, calls about others are answered.

use std::{
    path::Path,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use host_service::WorkflowService;
use host_wire::temporal::api::{
    common::v1::{WorkflowExecution, WorkflowType},
    enums::v1::WorkflowExecutionStatus as RunStatus,
    taskqueue::v1::TaskQueue,
    workflowservice::v1::*,
};
use tokio::sync::Notify;
use tonic::Request;

use crate::{
    Server,
    environment::Environment,
    execution::{
        archive::{Archive, Stored, Unreadable},
        record::RunNumber,
    },
    options::Options,
    storage::{Opened, SqliteStorage},
};

/// Longest time that the gate is closed. It is reached only when what should open it waits for what is behind it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where loading waits.
#[derive(Debug, Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    /// Told when loading has come here.
    reached: Notify,
}

impl Gate {
    fn set(&self, is_open: bool) {
        *self.is_open.lock().unwrap() = is_open;
        self.opened.notify_all();
    }

    fn wait(&self) {
        self.reached.notify_one();
        let closed = self.is_open.lock().unwrap();
        let (is_open, _) = self.opened.wait_timeout_while(closed, PATIENCE, |is_open| !*is_open).unwrap();
        assert!(*is_open, "calls wait while a run is loaded");
    }
}

#[derive(Debug)]
struct Gated {
    archive: Box<dyn Archive>,
    gate: Arc<Gate>,
}

impl Archive for Gated {
    fn latest(&self, namespace: &str, workflow_id: &str) -> Result<Option<RunNumber>, Unreadable> {
        self.archive.latest(namespace, workflow_id)
    }

    fn with_run_id(&self, run_id: &str) -> Result<Option<RunNumber>, Unreadable> {
        self.archive.with_run_id(run_id)
    }

    fn load(&self, number: RunNumber) -> Result<Stored, Unreadable> {
        self.gate.wait();
        self.archive.load(number)
    }
}

fn open(folder: &Path, gate: &Arc<Gate>) -> (Server, Arc<dyn WorkflowService>) {
    let Opened { storage, mut found } = SqliteStorage::open(folder).unwrap();
    found.archive = Box::new(Gated { archive: found.archive, gate: gate.clone() });
    let opened = Opened { storage, found };
    let server = Server::start(opened, Options::default(), Environment::of_the_machine());
    let service = server.service();
    (server, service)
}

fn execution(workflow_id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: String::new() })
}

async fn start(service: &Arc<dyn WorkflowService>, workflow_id: &str) {
    let request = StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: workflow_id.to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() }),
        ..Default::default()
    };
    service.start_workflow_execution(Request::new(request)).await.unwrap();
}

async fn describe(service: &Arc<dyn WorkflowService>, workflow_id: &str) -> RunStatus {
    let request = DescribeWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        execution: execution(workflow_id),
    };
    let described = service.describe_workflow_execution(Request::new(request)).await.unwrap().into_inner();
    described.workflow_execution_info.unwrap().status()
}

/// On one thread: neither the lock nor the thread of the runtime is held while a run is read from the disk, however
/// large it is.
#[tokio::test]
async fn calls_about_other_runs_are_answered_while_one_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Arc::new(Gate::default());
    gate.set(true);
    {
        let (_server, service) = open(folder.path(), &gate);
        start(&service, "closed").await;
        let request = TerminateWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_execution: execution("closed"),
            ..Default::default()
        };
        service.terminate_workflow_execution(Request::new(request)).await.unwrap();
        start(&service, "open").await;
    }
    let gate = Arc::new(Gate::default());
    gate.set(true);
    let (_server, service) = open(folder.path(), &gate);
    // After a start the archive is asked once which run of a workflow id is the latest.
    assert_eq!(describe(&service, "open").await, RunStatus::Running);
    gate.reached.notified().await;
    gate.set(false);
    let asking = service.clone();
    let loading = tokio::spawn(async move { describe(&asking, "closed").await });
    gate.reached.notified().await;
    let signal = SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("open"),
        signal_name: "s".to_owned(),
        ..Default::default()
    };
    service.signal_workflow_execution(Request::new(signal)).await.unwrap();
    assert_eq!(describe(&service, "open").await, RunStatus::Running);
    let poll = PollWorkflowTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() }),
        ..Default::default()
    };
    let task = service.poll_workflow_task_queue(Request::new(poll)).await.unwrap().into_inner();
    assert_eq!(task.workflow_execution.unwrap().workflow_id, "open");
    assert!(!loading.is_finished());
    gate.set(true);
    assert_eq!(loading.await.unwrap(), RunStatus::Terminated);
}

/// However many calls come while the disk is slow, few threads wait for it: threads of a runtime stay as long as there is
/// work for them now and then.
#[test]
fn calls_that_wait_for_the_archive_take_no_threads() {
    let threads = Arc::new(AtomicUsize::new(0));
    let started = threads.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_start(move || {
            started.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let gate = Arc::new(Gate::default());
        gate.set(true);
        {
            let (_server, service) = open(folder.path(), &gate);
            start(&service, "open").await;
        }
        gate.set(false);
        let (_server, service) = open(folder.path(), &gate);
        let before = threads.load(Ordering::Relaxed);
        let asking = service.clone();
        let loading = tokio::spawn(async move { describe(&asking, "open").await });
        gate.reached.notified().await;
        let starting: Vec<_> = (0..100)
            .map(|number| {
                let service = service.clone();
                tokio::spawn(async move { start(&service, &number.to_string()).await })
            })
            .collect();
        tokio::task::yield_now().await;
        let more = threads.load(Ordering::Relaxed) - before;
        gate.set(true);
        assert_eq!(loading.await.unwrap(), RunStatus::Running);
        for starting in starting {
            starting.await.unwrap();
        }
        assert!(more <= 4, "{more} threads more");
    });
}
