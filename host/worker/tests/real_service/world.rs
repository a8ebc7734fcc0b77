//! What the tests on a real service share: a worker in this process, and a client.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use host_activities::{Executors, Options, Registry};
use host_service::{ConnectOptions, RemoteService, WorkflowService};
use host_wire::{
    EventAttributes, History,
    temporal::api::{
        common::v1::{Payload, WorkflowExecution, WorkflowType},
        enums::v1::{EventType, HistoryEventFilterType},
        history::v1::HistoryEvent,
        query::v1::WorkflowQuery,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::{
            GetWorkflowExecutionHistoryRequest, QueryWorkflowRequest, ResetWorkflowExecutionRequest,
            SignalWorkflowExecutionRequest, StartWorkflowExecutionRequest, TerminateWorkflowExecutionRequest,
        },
    },
};
use host_worker::{
    CacheConfig, Config, Resources, ShutdownReport, Worker,
    catalog::{Catalog, CatalogOptions},
    threads::SandboxThreads,
};
use test_harness::Temporal;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Request;

use crate::{faults::Faults, support};

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Runs that a worker keeps; the tests' engines have room for twice as many guests.
const CACHED_RUNS: usize = 8;

/// A service, and a folder for the data of the hosts that work for it.
pub(crate) struct World {
    _server: Temporal,
    service: Arc<dyn WorkflowService>,
    for_workers: Arc<dyn WorkflowService>,
    pub(crate) folder: tempfile::TempDir,
}

/// A worker that runs.
pub(crate) struct RunningWorker {
    stop: CancellationToken,
    ended: JoinHandle<ShutdownReport>,
    pub(crate) catalog: Arc<Catalog>,
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) event_type: EventType,
    /// The result or the failure's message.
    pub(crate) text: String,
}

/// What a worker of a test is started with.
pub(crate) struct Setup {
    pub(crate) task_queue: &'static str,
    pub(crate) modules: Vec<PathBuf>,
    pub(crate) registry: Registry,
    pub(crate) cached_runs: usize,
    pub(crate) grace: Duration,
}

impl Setup {
    pub(crate) fn new(task_queue: &'static str) -> Self {
        Self {
            task_queue,
            modules: Vec::new(),
            registry: Registry::new(),
            cached_runs: CACHED_RUNS,
            grace: Duration::from_secs(10),
        }
    }
}

impl World {
    /// Nothing, after saying why, where there is no `temporal` binary.
    pub(crate) async fn start() -> Option<Self> {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        // Another test of this process may have been first.
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        let binary = match Temporal::binary() {
            Ok(binary) => binary,
            Err(missing) => {
                eprintln!("skipped: {missing}");
                return None;
            }
        };
        let server = tokio::task::spawn_blocking(move || Temporal::start(binary)).await.unwrap().unwrap();
        let options = ConnectOptions {
            address: server.address().to_owned(),
            namespace: "default".to_owned(),
            ..ConnectOptions::default()
        };
        let service: Arc<dyn WorkflowService> = Arc::new(RemoteService::connect(&options).await.unwrap());
        let for_workers = Arc::clone(&service);
        Some(Self { _server: server, service, for_workers, folder: tempfile::tempdir().unwrap() })
    }

    /// The same service, of whose answers every nth is lost on the way to workers.
    pub(crate) fn with_faults(mut self, every: u32) -> Self {
        self.for_workers = Arc::new(Faults::new(Arc::clone(&self.service), every));
        self
    }

    /// The file of the module that does what its argument says.
    pub(crate) fn script(&self) -> PathBuf {
        let path = self.folder.path().join("script.wasm");
        if !path.exists() {
            std::fs::write(&path, support::guest("script")).unwrap();
        }
        path
    }

    /// Starts a worker. Without modules of its own it has the one that runs scripts.
    pub(crate) async fn worker(&self, setup: Setup) -> RunningWorker {
        let paths = if setup.modules.is_empty() { vec![self.script()] } else { setup.modules };
        let options =
            CatalogOptions { engine: support::engine(), data_folder: self.folder.path().to_owned(), paths };
        let catalog = tokio::task::spawn_blocking(move || Catalog::open(options)).await.unwrap().unwrap();
        let catalog = Arc::new(catalog);
        let threads = SandboxThreads::start_with(NonZeroUsize::new(2).unwrap()).unwrap();
        let executors = Executors::new(Arc::new(setup.registry), Options::default());
        let cache = CacheConfig { runs: setup.cached_runs, ..CacheConfig::default() };
        let resources = Resources::new(Arc::clone(&catalog), Arc::new(threads), Some(executors), cache);
        let config = Config { shutdown_grace: setup.grace, ..Config::new("default", setup.task_queue) };
        let worker = Worker::connect(Arc::clone(&self.for_workers), resources, config).await.unwrap();
        let stop = CancellationToken::new();
        let ended = tokio::spawn(worker.run(stop.clone()));
        RunningWorker { stop, ended, catalog }
    }

    /// Starts a workflow; its id is its run's name in what follows.
    pub(crate) async fn begin(&self, task_queue: &str, workflow_type: &str, id: &str, argument: &str) {
        let message = StartWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_id: id.to_owned(),
            workflow_type: Some(WorkflowType { name: workflow_type.to_owned() }),
            task_queue: Some(TaskQueue { name: task_queue.to_owned(), ..Default::default() }),
            input: Some(vec![text(argument)].into()),
            request_id: id.to_owned(),
            ..Default::default()
        };
        self.service.start_workflow_execution(Request::new(message)).await.unwrap();
    }

    /// Waits until a workflow has ended.
    pub(crate) async fn end(&self, id: &str) -> End {
        let ended = tokio::time::timeout(PATIENCE, self.closing_event(id)).await;
        let Ok(event) = ended else {
            panic!("workflow {id} does not end; its history: {}", self.outline(id).await.join(" "))
        };
        let text = match event.attributes.clone() {
            Some(EventAttributes::WorkflowExecutionCompletedEventAttributes(completed)) => {
                first_text(completed.result.unwrap_or_default().payloads)
            }
            Some(EventAttributes::WorkflowExecutionFailedEventAttributes(failed)) => {
                failed.failure.unwrap_or_default().message
            }
            _ => String::new(),
        };
        End { event_type: event.event_type(), text }
    }

    async fn closing_event(&self, id: &str) -> HistoryEvent {
        loop {
            let filter = HistoryEventFilterType::CloseEvent;
            let history = self.history_page(id, true, filter).await;
            if let Some(event) = history.events().next() {
                return event.unwrap();
            }
        }
    }

    /// The event types of a run.
    pub(crate) async fn outline(&self, id: &str) -> Vec<String> {
        let events = self.events(id).await;
        events.iter().map(|event| format!("{:?}", event.event_type())).collect()
    }

    /// The history of a run.
    pub(crate) async fn events(&self, id: &str) -> Vec<HistoryEvent> {
        let history = self.history_page(id, false, HistoryEventFilterType::AllEvent).await;
        history.events().map(Result::unwrap).collect()
    }

    async fn history_page(&self, id: &str, wait_new_event: bool, filter: HistoryEventFilterType) -> History {
        let message = GetWorkflowExecutionHistoryRequest {
            namespace: "default".to_owned(),
            execution: Some(execution(id)),
            wait_new_event,
            history_event_filter_type: filter.into(),
            ..Default::default()
        };
        let answer = self.service.get_workflow_execution_history(Request::new(message)).await.unwrap();
        answer.into_inner().history.unwrap_or_default()
    }

    /// Waits until the history of a run has an event of a type.
    pub(crate) async fn wait_for(&self, id: &str, event_type: EventType) -> HistoryEvent {
        let found = async {
            loop {
                let events = self.events(id).await;
                if let Some(event) = events.into_iter().find(|event| event.event_type() == event_type) {
                    return event;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap()
    }

    /// Asks a run, and waits for its answer.
    pub(crate) async fn query(&self, id: &str, query_type: &str) -> String {
        let query = WorkflowQuery { query_type: query_type.to_owned(), ..Default::default() };
        let message = QueryWorkflowRequest {
            namespace: "default".to_owned(),
            execution: Some(execution(id)),
            query: Some(query),
            ..Default::default()
        };
        let answer = self.service.query_workflow(Request::new(message)).await.unwrap();
        first_text(answer.into_inner().query_result.unwrap_or_default().payloads)
    }

    /// Signals a run.
    pub(crate) async fn signal(&self, id: &str, name: &str) {
        let message = SignalWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_execution: Some(execution(id)),
            signal_name: name.to_owned(),
            ..Default::default()
        };
        self.service.signal_workflow_execution(Request::new(message)).await.unwrap();
    }

    /// Resets a run to where its second workflow task began.
    pub(crate) async fn reset_to_second_task(&self, id: &str) {
        let events = self.events(id).await;
        let mut tasks = events.iter().filter(|event| event.event_type() == EventType::WorkflowTaskCompleted);
        let second = tasks.nth(1).unwrap();
        let message = ResetWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_execution: Some(execution(id)),
            reason: "test".to_owned(),
            workflow_task_finish_event_id: second.event_id,
            request_id: format!("reset {id}"),
            ..Default::default()
        };
        self.service.reset_workflow_execution(Request::new(message)).await.unwrap();
    }

    /// Ends a run from outside.
    pub(crate) async fn terminate(&self, id: &str) {
        let message = TerminateWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_execution: Some(execution(id)),
            ..Default::default()
        };
        self.service.terminate_workflow_execution(Request::new(message)).await.unwrap();
    }
}

impl RunningWorker {
    /// Stops it, and waits until it has ended.
    pub(crate) async fn stop(self) -> ShutdownReport {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.ended).await.unwrap().unwrap()
    }
}

impl End {
    pub(crate) fn completed(text: &str) -> Self {
        Self { event_type: EventType::WorkflowExecutionCompleted, text: text.to_owned() }
    }

    pub(crate) fn failed(text: &str) -> Self {
        Self { event_type: EventType::WorkflowExecutionFailed, text: text.to_owned() }
    }
}

fn text(data: &str) -> guest_sdk_types::Payload {
    let encoding = guest_sdk_types::Encoding::BinaryPlain;
    guest_sdk_types::Payload { encoding, data: data.into(), ..Default::default() }
}

fn execution(id: &str) -> WorkflowExecution {
    WorkflowExecution { workflow_id: id.to_owned(), run_id: String::new() }
}

fn first_text(payloads: Vec<Payload>) -> String {
    let data = payloads.into_iter().next().unwrap_or_default().data;
    String::from_utf8(data.to_vec()).unwrap()
}
