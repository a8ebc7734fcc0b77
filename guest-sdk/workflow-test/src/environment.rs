//! A service with time that is skipped, and a worker with the module of a crate.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use guest_sdk_types::{ActivityDefinition, WorkflowDefinition};
use host_activities::interceptors::ActivityInboundInterceptor;
use host_activities::{Activities, Definition, DuplicateActivity, Executors, Options, Registry};
use host_client::{Client, DEFAULT_NAMESPACE, Error as CallError, RpcError, StartOptions, WorkflowHandle};
use host_nexus::{DuplicateOperation, NexusService, NexusServices, NexusWorker};
use host_server::{Server, TimeControl};
use host_wire::temporal::api::{
    nexus::v1::{EndpointSpec, EndpointTarget, endpoint_target},
    operatorservice::v1::CreateNexusEndpointRequest,
};
use host_worker::{
    CacheConfig, Config, Resources, ShutdownReport, Worker,
    modules::catalog::{Catalog, CatalogOptions},
    workflow::SandboxThreads,
};
use serde::Serialize;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Request;

use crate::{error::Error, mock::ActivityMock, module};

/// The task queue that the worker of an environment polls.
const TASK_QUEUE: &str = "test";

/// How long activities that a test left running may take when its environment is shut down.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(100);

/// A service in a temporary folder, with time that is skipped, and a worker for one task queue.
///
/// Dropping it ends both.
#[derive(Debug)]
pub struct TestEnvironment {
    client: Client,
    time: TimeControl,
    stop: CancellationToken,
    worker: Option<JoinHandle<ShutdownReport>>,
    server: Server,
    _folder: TempDir,
}

/// Names how many runs the worker keeps, for environments that do not say: 0 and 1 have runs replayed all the time, which must
/// change nothing.
const CACHED_RUNS: &str = "WORKFLOW_TEST_CACHED_RUNS";

/// What an environment is started with.
#[derive(Debug, Default)]
#[must_use]
pub struct Builder {
    registry: Registry,
    nexus: NexusServices,
    duplicate: Option<DuplicateActivity>,
    duplicate_operation: Option<DuplicateOperation>,
    module: Option<PathBuf>,
    cached_runs: Option<usize>,
}

impl Builder {
    /// Serves the activities of an instance.
    pub fn activities<A: Activities>(mut self, activities: A) -> Self {
        let registered = self.registry.register_activities(activities).map(drop);
        self.note(registered)
    }

    /// Serves one activity.
    pub fn activity(mut self, definition: Definition) -> Self {
        let registered = self.registry.register(definition).map(drop);
        self.note(registered)
    }

    /// Serves a closure of the test instead of an activity.
    pub fn mock<A>(self, mock: &ActivityMock<A>) -> Self
    where
        A: ActivityDefinition<Arguments: 'static, Output: Serialize> + 'static,
    {
        self.activity(mock.definition())
    }

    /// Adds code around every attempt of an activity. The first one added is the outermost.
    pub fn activity_inbound_interceptor<I: ActivityInboundInterceptor>(mut self, interceptor: I) -> Self {
        self.registry.activity_inbound_interceptor(interceptor);
        self
    }

    /// Serves the operations of a Nexus service. Workflows reach them by an endpoint:
    /// [`TestEnvironment::create_nexus_endpoint`].
    pub fn nexus_service(mut self, service: NexusService) -> Self {
        let duplicate = self.nexus.register(service).err();
        self.duplicate_operation = self.duplicate_operation.or(duplicate);
        self
    }

    /// Runs this module. Default: the crate whose tests cargo runs, built when it is needed.
    pub fn module(self, path: impl Into<PathBuf>) -> Self {
        Self { module: Some(path.into()), ..self }
    }

    /// Keeps so many runs between their workflow tasks. Others are replayed when they have a task: with 0 every run, at every
    /// task, so that code which is not deterministic fails. Default: the environment variable
    /// `WORKFLOW_TEST_CACHED_RUNS`, or as many as a host keeps.
    pub fn cached_runs(self, runs: usize) -> Self {
        Self { cached_runs: Some(runs), ..self }
    }

    /// Starts service and worker, in the runtime that calls it.
    ///
    /// # Errors
    ///
    /// When the crate does not compile as a module (the message has the compiler's words), two activities have one
    /// name, or the sandbox or the service does not start.
    pub async fn start(self) -> Result<TestEnvironment, Error> {
        if let Some(duplicate) = self.duplicate {
            return Err(duplicate.into());
        }
        if let Some(duplicate) = self.duplicate_operation {
            return Err(duplicate.into());
        }
        let module = match self.module {
            Some(module) => module,
            None => module::of_this_crate().await?,
        };
        let io = |what: &str| {
            let what = what.to_owned();
            move |source| Error::Io { what, source }
        };
        let folder = tempfile::tempdir().map_err(io("failed to make a temporary folder"))?;
        let options =
            CatalogOptions::new(module::engine().await?, folder.path().join("modules"), vec![module]);
        // Compiling takes seconds.
        let opened = tokio::task::spawn_blocking(move || Catalog::open(options)).await;
        let catalog = opened
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
            .map_err(|error| Error::Module(error.into()))?;
        let server_options = host_server::Options { time_skipping: true, ..host_server::Options::default() };
        let server = Server::open(&folder.path().join("service"), server_options)?;
        let time = server.time_control().ok_or(Error::NoTime)?;
        let client = Client::new(server.service(), DEFAULT_NAMESPACE, "workflow-test");
        let threads = SandboxThreads::start(catalog.background()).map_err(io("failed to start threads"))?;
        let executors = Executors::new(Arc::new(self.registry), Options::default());
        let named = || std::env::var(CACHED_RUNS).ok()?.parse().ok();
        let cache = match self.cached_runs.or_else(named) {
            Some(runs) => CacheConfig { runs, ..CacheConfig::default() },
            None => CacheConfig::default(),
        };
        let resources = Resources::new(Arc::new(catalog), Arc::new(threads), Some(executors), cache);
        let config = Config { shutdown_grace: SHUTDOWN_GRACE, ..Config::new(DEFAULT_NAMESPACE, TASK_QUEUE) };
        let worker = Worker::connect(server.service(), resources, config).await?;
        let stop = CancellationToken::new();
        let worker = Some(tokio::spawn(worker.run(stop.clone())));
        if !self.nexus.is_empty() {
            let nexus = NexusWorker::new(client.clone(), TASK_QUEUE, Arc::new(self.nexus));
            tokio::spawn(nexus.run(stop.clone(), SHUTDOWN_GRACE));
        }
        Ok(TestEnvironment { client, time, stop, worker, server, _folder: folder })
    }

    fn note(self, registered: Result<(), DuplicateActivity>) -> Self {
        let duplicate = self.duplicate.or(registered.err());
        Self { duplicate, ..self }
    }
}

impl TestEnvironment {
    /// An environment with other activities or another module than those of [`TestEnvironment::new`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// An environment with the module of the crate whose tests cargo runs, and without activities.
    ///
    /// # Errors
    ///
    /// As [`Builder::start`].
    pub async fn new() -> Result<Self, Error> {
        Self::builder().start().await
    }

    /// A client, for everything that the environment has no method for. Time is not skipped while it waits.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Options to start a workflow on the task queue of the worker.
    #[must_use]
    pub fn options(&self) -> StartOptions {
        StartOptions::new(TASK_QUEUE)
    }

    /// Starts a workflow with a new workflow id.
    ///
    /// # Errors
    ///
    /// As [`Client::start_workflow`].
    pub async fn start_workflow<W: WorkflowDefinition>(
        &self,
        workflow: W,
        input: impl Into<W::Input>,
    ) -> Result<WorkflowHandle<W>, CallError> {
        self.client.start_workflow(workflow, input, self.options()).await
    }

    /// Starts a workflow and waits for its result, while time is skipped.
    ///
    /// # Errors
    ///
    /// As [`Client::execute_workflow`].
    pub async fn execute_workflow<W: WorkflowDefinition>(
        &self,
        workflow: W,
        input: impl Into<W::Input>,
    ) -> Result<W::Output, CallError> {
        let handle = self.start_workflow(workflow, input).await?;
        self.result(&handle).await
    }

    /// Waits for the result of a workflow, while time is skipped.
    ///
    /// # Errors
    ///
    /// As [`WorkflowHandle::result`].
    pub async fn result<W: WorkflowDefinition>(
        &self,
        handle: &WorkflowHandle<W>,
    ) -> Result<W::Output, CallError> {
        let _unlocked = self.time.skip();
        handle.result().await
    }

    /// Makes a Nexus endpoint, whose operations are those of [`Builder::nexus_service`].
    ///
    /// # Errors
    ///
    /// When there is one with this name, or it is no name for one.
    pub async fn create_nexus_endpoint(&self, name: impl Into<String>) -> Result<(), CallError> {
        let worker = endpoint_target::Worker {
            namespace: DEFAULT_NAMESPACE.to_owned(),
            task_queue: TASK_QUEUE.to_owned(),
        };
        let target = EndpointTarget { variant: Some(endpoint_target::Variant::Worker(worker)) };
        let spec = EndpointSpec { name: name.into(), description: None, target: Some(target) };
        let request = CreateNexusEndpointRequest { spec: Some(spec) };
        let created = self.server.operator().create_nexus_endpoint(Request::new(request)).await;
        created.map_err(RpcError::from)?;
        Ok(())
    }

    /// The time of the environment.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.time.now()
    }

    /// Lets a period pass: what is due in it happens, in its order.
    pub async fn sleep(&self, period: Duration) {
        let _unlocked = self.time.skip();
        self.time.sleep(period).await;
    }

    /// Lets time pass until a moment. Returns at once if that is past.
    pub async fn skip_to(&self, time: SystemTime) {
        let _unlocked = self.time.skip();
        self.time.sleep_until(time).await;
    }

    /// Ends worker and service, and waits for that. What a test left running is dropped.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Some(worker) = self.worker.take() {
            // A worker that panicked has said so.
            let _ = worker.await;
        }
        self.server.close();
    }
}

impl Drop for TestEnvironment {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(worker) = self.worker.take() {
            worker.abort();
        }
    }
}
