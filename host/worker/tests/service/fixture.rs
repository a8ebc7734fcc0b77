//! What the cases share: a service, workers in this process, and a client.

use std::{collections::BTreeSet, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use host_activities::{Executors, Options, Registry};
use host_service::{ConnectOptions, RemoteService, WorkflowService};
use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::Payload,
        deployment::v1::WorkerDeploymentVersion,
        enums::v1::{EventType, TaskQueueType},
        history::v1::HistoryEvent,
        query::v1::WorkflowQuery,
        workflowservice::v1::{
            DescribeWorkerDeploymentVersionRequest, QueryWorkflowRequest, ResetWorkflowExecutionRequest,
            SetWorkerDeploymentCurrentVersionRequest, TerminateWorkflowExecutionRequest,
        },
    },
};
use host_worker::{
    CacheConfig, CacheCounters, Config, Resources, ShutdownReport, Worker, WorkerCounters,
    deployment::{Deployment, WorkerVersion},
    modules::{
        catalog::{Catalog, CatalogOptions},
        policy::SwapPolicy,
    },
    workflow::SandboxThreads,
};
use test_harness::Temporal;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::Request;

use crate::{
    faults::Faults,
    support::{
        self,
        embedded::{self, Embedded, NAMESPACE, execution, text},
    },
};

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Runs that a worker keeps; the tests' engines have room for twice as many guests.
const CACHED_RUNS: usize = 8;

/// Which service a case runs on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Backend {
    /// The embedded one, called as a function.
    Embedded,
    /// A Temporal development server, over gRPC.
    Temporal,
}

/// A service, and a folder for the data of the hosts that work for it.
pub(crate) struct Fixture {
    service: Arc<dyn WorkflowService>,
    for_workers: Arc<dyn WorkflowService>,
    pub(crate) folder: tempfile::TempDir,
    _running: RunningService,
}

/// What ends the service when it is dropped.
#[expect(dead_code, reason = "held for its end")]
enum RunningService {
    Embedded(Embedded),
    Temporal(Temporal),
}

/// A worker that runs.
pub(crate) struct RunningWorker {
    stop: CancellationToken,
    ended: JoinHandle<ShutdownReport>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) counters: watch::Receiver<WorkerCounters>,
    pub(crate) cache_counters: watch::Receiver<CacheCounters>,
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
    /// Guests that the engine has room for; enough if it is not set.
    pub(crate) guests: Option<u32>,
    /// The worker deployment of which the worker's module is a version.
    pub(crate) deployment: Option<&'static str>,
    pub(crate) activities_per_second: Option<f64>,
}

impl Setup {
    pub(crate) fn new(task_queue: &'static str) -> Self {
        Self {
            task_queue,
            modules: Vec::new(),
            registry: Registry::new(),
            cached_runs: CACHED_RUNS,
            grace: Duration::from_secs(10),
            guests: None,
            deployment: None,
            activities_per_second: None,
        }
    }
}

impl Backend {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Temporal => "temporal",
        }
    }
}

impl Fixture {
    /// Starts a service.
    pub(crate) async fn start(backend: Backend) -> anyhow::Result<Self> {
        let (running, service): (_, Arc<dyn WorkflowService>) = match backend {
            Backend::Embedded => {
                let embedded = Embedded::open();
                let service = Arc::clone(&embedded.service);
                (RunningService::Embedded(embedded), service)
            }
            Backend::Temporal => {
                let binary = Temporal::binary().map_err(|missing| anyhow::anyhow!("{missing}"))?;
                let server = tokio::task::spawn_blocking(move || Temporal::start(binary)).await??;
                let address = server.address().to_owned();
                let options =
                    ConnectOptions { address, namespace: NAMESPACE.to_owned(), ..ConnectOptions::default() };
                let service = RemoteService::connect(&options).await?;
                (RunningService::Temporal(server), Arc::new(service))
            }
        };
        let for_workers = Arc::clone(&service);
        Ok(Self { service, for_workers, folder: tempfile::tempdir()?, _running: running })
    }

    /// The same service, of whose answers every nth is lost on the way to workers.
    pub(crate) fn with_faults(mut self, every: u32) -> Self {
        self.for_workers = Arc::new(Faults::new(Arc::clone(&self.service), every));
        self
    }

    /// The file of the module that executes its argument line by line.
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
            CatalogOptions::new(support::engine_for(setup.guests), self.folder.path().to_owned(), paths);
        let catalog = tokio::task::spawn_blocking(move || Catalog::open(options)).await.unwrap().unwrap();
        let catalog = Arc::new(catalog);
        let threads =
            SandboxThreads::start_with(NonZeroUsize::new(2).unwrap(), catalog.background()).unwrap();
        let executors = Executors::new(Arc::new(setup.registry), Options::default());
        let cache = CacheConfig { runs: setup.cached_runs, ..CacheConfig::default() };
        let resources = Resources::new(Arc::clone(&catalog), Arc::new(threads), Some(executors), cache);
        let cache_counters = resources.cache_counters();
        let version = setup.deployment.map(|name| {
            let deployment = Deployment::new(name, SwapPolicy::Pin).unwrap();
            WorkerVersion::new(deployment, catalog.serving().remove(0))
        });
        let config = Config {
            version,
            activities_per_second: setup.activities_per_second,
            shutdown_grace: setup.grace,
            ..Config::new(NAMESPACE, setup.task_queue)
        };
        let worker = Worker::connect(Arc::clone(&self.for_workers), resources, config).await.unwrap();
        let counters = worker.counters();
        let stop = CancellationToken::new();
        let ended = tokio::spawn(worker.run(stop.clone()));
        RunningWorker { stop, ended, catalog, counters, cache_counters }
    }

    /// Has a version get the tasks of new runs.
    pub(crate) async fn set_current(&self, deployment: &str, build_id: String) {
        let message = SetWorkerDeploymentCurrentVersionRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_name: deployment.to_owned(),
            build_id,
            allow_no_pollers: true,
            ..Default::default()
        };
        self.service.set_worker_deployment_current_version(Request::new(message)).await.unwrap();
    }

    /// What workers of a version polled for.
    pub(crate) async fn polled_by(&self, deployment: &str, build_id: &str) -> BTreeSet<TaskQueueType> {
        let message = DescribeWorkerDeploymentVersionRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_version: Some(WorkerDeploymentVersion {
                deployment_name: deployment.to_owned(),
                build_id: build_id.to_owned(),
            }),
            ..Default::default()
        };
        let described = self.service.describe_worker_deployment_version(Request::new(message)).await;
        let info = described.unwrap().into_inner().worker_deployment_version_info.unwrap();
        info.task_queue_infos.iter().map(|queue| queue.r#type()).collect()
    }

    /// Starts a workflow; its id is its run's name in what follows.
    pub(crate) async fn begin(&self, task_queue: &str, workflow_type: &str, id: &str, argument: &str) {
        embedded::start(&*self.service, task_queue, workflow_type, id, text(argument)).await;
    }

    /// Waits until a workflow has ended.
    pub(crate) async fn end(&self, id: &str) -> End {
        let ended = tokio::time::timeout(PATIENCE, embedded::closing_event(&*self.service, id)).await;
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

    /// The event types of a run.
    pub(crate) async fn outline(&self, id: &str) -> Vec<String> {
        let events = self.events(id).await;
        events.iter().map(|event| format!("{:?}", event.event_type())).collect()
    }

    /// The history of a run.
    pub(crate) async fn events(&self, id: &str) -> Vec<HistoryEvent> {
        embedded::events(&*self.service, id).await
    }

    /// Waits until the history of a run has an event of a type.
    pub(crate) async fn wait_for(&self, id: &str, event_type: EventType) -> HistoryEvent {
        let found = embedded::wait_for_event(&*self.service, id, event_type);
        tokio::time::timeout(PATIENCE, found).await.unwrap()
    }

    /// Asks a run, and waits for its answer.
    pub(crate) async fn query(&self, id: &str, query_type: &str) -> String {
        let query = WorkflowQuery { query_type: query_type.to_owned(), ..Default::default() };
        let message = QueryWorkflowRequest {
            namespace: NAMESPACE.to_owned(),
            execution: Some(execution(id)),
            query: Some(query),
            ..Default::default()
        };
        let answer = self.service.query_workflow(Request::new(message)).await.unwrap();
        first_text(answer.into_inner().query_result.unwrap_or_default().payloads)
    }

    /// Signals a run.
    pub(crate) async fn signal(&self, id: &str, name: &str) {
        embedded::signal(&*self.service, id, name).await;
    }

    /// Resets a run to where its second workflow task began.
    pub(crate) async fn reset_to_second_task(&self, id: &str) {
        let events = self.events(id).await;
        let mut tasks = events.iter().filter(|event| event.event_type() == EventType::WorkflowTaskCompleted);
        let second = tasks.nth(1).unwrap();
        let message = ResetWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
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
            namespace: NAMESPACE.to_owned(),
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

fn first_text(payloads: Vec<Payload>) -> String {
    let data = payloads.into_iter().next().unwrap_or_default().data;
    String::from_utf8(data.to_vec()).unwrap()
}
