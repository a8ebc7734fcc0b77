//! Storage behind a gate: what is in memory and not on disk is shown to no caller.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use host_service::WorkflowService;
use host_wire::temporal::api::{
    common::v1::{Payload, Payloads, WorkflowExecution, WorkflowType},
    taskqueue::v1::TaskQueue,
    workflowservice::v1::*,
};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};
use tonic::{Code, Request, Status};

use crate::{
    Server,
    environment::Environment,
    execution::{
        fact::{ActivityHeartbeat, Fact, UnrecordedChange},
        record::{Record, RunNumber},
    },
    options::Options,
    storage::{
        Append, BACKLOG_BYTES, Mend, Opened, Position, Row, SqliteStorage, Storage, StorageError, Synced,
    },
    watched::Watched,
};

/// Says that transitions are on disk when a test says so.
#[derive(Debug)]
struct Gated {
    storage: Box<dyn Storage>,
    gate: Arc<Watched<Synced>>,
    backlog: Arc<AtomicUsize>,
}

impl Storage for Gated {
    fn append(&self, append: Append) {
        self.storage.append(append);
    }

    fn hurry(&self) {
        self.storage.hurry();
    }

    fn prune(&self, closed_before: Vec<crate::storage::Expiry>) {
        self.storage.prune(closed_before);
    }

    fn mend(&self, mend: Mend, done: oneshot::Sender<()>) {
        self.storage.mend(mend, done);
    }

    fn synced(&self) -> Arc<Watched<Synced>> {
        self.gate.clone()
    }

    fn backlog_bytes(&self) -> usize {
        self.storage.backlog_bytes() + self.backlog.load(Ordering::Relaxed)
    }

    fn applied(&self) -> Position {
        self.storage.applied()
    }

    fn list(
        &self,
        namespace: &str,
        before: RunNumber,
        each: &mut dyn FnMut(Row) -> bool,
    ) -> Result<(), StorageError> {
        self.storage.list(namespace, before, each)
    }
}

/// A service behind a gate, and what opens it.
struct GatedService {
    server: Server,
    service: Arc<dyn WorkflowService>,
    /// How far the log really is on disk.
    synced: Arc<Watched<Synced>>,
    gate: Arc<Watched<Synced>>,
    backlog: Arc<AtomicUsize>,
}

impl GatedService {
    fn open(folder: &std::path::Path) -> Self {
        let Opened { storage, found } = SqliteStorage::open(folder).unwrap();
        let synced = storage.synced();
        let gate = Arc::new(Watched::new(Synced { position: Position::MAX, ..Synced::default() }));
        let backlog = Arc::new(AtomicUsize::new(0));
        let storage = Box::new(Gated { storage, gate: gate.clone(), backlog: backlog.clone() });
        let server =
            Server::start(Opened { storage, found }, Options::default(), Environment::of_the_machine());
        Self { service: server.service(), server, synced, gate, backlog }
    }

    fn open_gate(&self, position: Position) {
        self.gate.update(|synced| synced.position = position);
    }

    async fn start(&self, workflow_id: &str) -> Result<(), Status> {
        let request = StartWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_id: workflow_id.to_owned(),
            workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
            task_queue: Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() }),
            ..Default::default()
        };
        self.service.start_workflow_execution(Request::new(request)).await.map(drop)
    }

    /// Signals, without waiting for the answer; answers its position once the signal is in the log.
    async fn signal(&self, after: Position) -> Position {
        let service = self.service.clone();
        tokio::spawn(async move {
            let request = SignalWorkflowExecutionRequest {
                namespace: "default".to_owned(),
                workflow_execution: execution(),
                signal_name: "s".to_owned(),
                ..Default::default()
            };
            service.signal_workflow_execution(Request::new(request)).await.unwrap();
        });
        self.synced.wait_for(|synced| synced.position > after).await.position
    }

    /// Calls that show the history of the run; each answers how many events it has.
    fn reads(&self) -> Vec<(&'static str, JoinHandle<i64>)> {
        let length = |count: usize| i64::try_from(count).unwrap();
        let [one, two, three, four] = [(); 4].map(|()| self.service.clone());
        let describe = async move {
            let request =
                DescribeWorkflowExecutionRequest { namespace: "default".to_owned(), execution: execution() };
            let described = one.describe_workflow_execution(Request::new(request)).await.unwrap();
            described.into_inner().workflow_execution_info.unwrap().history_length
        };
        let history = async move {
            let request = GetWorkflowExecutionHistoryRequest {
                namespace: "default".to_owned(),
                execution: execution(),
                ..Default::default()
            };
            let read = two.get_workflow_execution_history(Request::new(request)).await.unwrap();
            length(read.into_inner().history.unwrap().len())
        };
        let reverse = async move {
            let request = GetWorkflowExecutionHistoryReverseRequest {
                namespace: "default".to_owned(),
                execution: execution(),
                ..Default::default()
            };
            let read = three.get_workflow_execution_history_reverse(Request::new(request)).await.unwrap();
            length(read.into_inner().history.unwrap().len())
        };
        let list = async move {
            let request =
                ListWorkflowExecutionsRequest { namespace: "default".to_owned(), ..Default::default() };
            let listed = four.list_workflow_executions(Request::new(request)).await.unwrap();
            listed.into_inner().executions[0].history_length
        };
        vec![
            ("describe", tokio::spawn(describe)),
            ("history", tokio::spawn(history)),
            ("reverse", tokio::spawn(reverse)),
            ("list", tokio::spawn(list)),
        ]
    }
}

fn execution() -> Option<WorkflowExecution> {
    Some(WorkflowExecution { workflow_id: "w".to_owned(), run_id: String::new() })
}

/// Longer than any of these calls takes.
const WHILE: Duration = Duration::from_millis(150);

/// Checks that a call does not answer.
async fn check_waits(reads: &mut [(&'static str, JoinHandle<i64>)]) {
    for (name, read) in reads {
        let answer = timeout(WHILE, read).await;
        assert!(answer.is_err(), "{name} shows {answer:?} events, which are not on disk");
    }
}

async fn check_shows(reads: Vec<(&'static str, JoinHandle<i64>)>, events: i64) {
    for (name, read) in reads {
        let shown = timeout(Duration::from_secs(10), read).await;
        assert_eq!(shown.unwrap().unwrap(), events, "{name}");
    }
}

#[tokio::test]
async fn no_call_shows_what_is_not_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let service = GatedService::open(folder.path());
    service.start("w").await.unwrap();
    check_shows(service.reads(), 2).await;
    // The gate was open: the start need not be on disk yet.
    let started = service.synced.wait_for(|synced| synced.position > 0).await.position;
    service.open_gate(started);
    let first = service.signal(started).await;
    let mut reads = service.reads();
    check_waits(&mut reads).await;
    // What comes later does not hold up who read before.
    let second = service.signal(first).await;
    let mut later_reads = service.reads();
    check_waits(&mut later_reads).await;
    service.open_gate(first);
    check_shows(reads, 3).await;
    check_waits(&mut later_reads).await;
    service.open_gate(second);
    check_shows(later_reads, 4).await;
}

/// A poll that goes away while it has a task, and waits for the disk, gives the task back.
#[tokio::test]
async fn a_poll_that_goes_away_gives_its_task_back() {
    let folder = tempfile::tempdir().unwrap();
    let service = GatedService::open(folder.path());
    service.start("w").await.unwrap();
    let started = service.synced.wait_for(|synced| synced.position > 0).await.position;
    service.open_gate(started);
    // The task is on disk, and what it would show is not.
    let signalled = service.signal(started).await;
    let others = service.server.service_of_others();
    let poll = || {
        let others = others.clone();
        tokio::spawn(async move {
            let request = PollWorkflowTaskQueueRequest {
                namespace: "default".to_owned(),
                task_queue: Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() }),
                ..Default::default()
            };
            others.poll_workflow_task_queue(Request::new(request)).await.unwrap().into_inner()
        })
    };
    let mut gone = poll();
    let answer = timeout(WHILE, &mut gone).await;
    assert!(answer.is_err(), "{answer:?} is not on disk");
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    service.open_gate(signalled);
    let task = timeout(Duration::from_secs(10), poll()).await.unwrap().unwrap();
    assert_eq!(task.history.unwrap().len(), 4);
}

#[tokio::test]
async fn nothing_is_accepted_while_the_backlog_is_too_large() {
    let folder = tempfile::tempdir().unwrap();
    let service = GatedService::open(folder.path());
    service.start("w").await.unwrap();
    service.backlog.store(BACKLOG_BYTES + 1, Ordering::Relaxed);
    let refused = service.start("x").await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert!(refused.message().contains("slower than what it is given"), "{refused}");
    check_shows(service.reads(), 2).await;
    service.backlog.store(0, Ordering::Relaxed);
    service.start("x").await.unwrap();
}

/// What was handed over counts until the second file has it.
#[tokio::test]
async fn the_backlog_counts_bytes_until_they_are_applied() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { storage, .. } = SqliteStorage::open(folder.path()).unwrap();
    let details = Payload { data: vec![7; 100_000].into(), ..Default::default() };
    let heartbeat = ActivityHeartbeat {
        scheduled_event_id: 5,
        time: None,
        details: Some(Payloads { payloads: vec![details] }),
    };
    let change = UnrecordedChange::ActivityHeartbeat(heartbeat);
    let record = Record { run: 0, identity: None, facts: vec![Fact::Unrecorded(change)] };
    let append = Append {
        position: 1,
        records: vec![record],
        others: Vec::new(),
        archived: Vec::new(),
        awaited: 0,
        lazy: false,
    };
    storage.append(append);
    assert!((100_000..110_000).contains(&storage.backlog_bytes()), "{}", storage.backlog_bytes());
    while storage.backlog_bytes() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
