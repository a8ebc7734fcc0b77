//! `host run`.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use host_activities::{Executors, Registry};
use host_client::Client;
use host_nexus::{NexusServices, NexusWorker};
use host_page::PageOptions;
use host_sandbox::Engine;
use host_service::ConnectOptions;
use host_worker::{
    Resources, ShutdownReport, Worker,
    control::ControlSocket,
    deployment::{Deployment, VersionedWorkers},
    modules::{
        catalog::{BadFiles, Catalog, CatalogOptions, ChangedFiles},
        files,
        policy::SwapPolicy,
        store::StoreAccess,
        watch::Watch,
    },
    swap::Swapper,
    workflow::SandboxThreads,
};
use tokio::{runtime::Handle, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    exit::Usage,
    settings::{
        connection::ConnectionArgs,
        data_dir::DataDirArgs,
        embedded::{Embedded, EmbeddedArgs},
        modules::{Heal, ModuleArgs, Modules},
        page::PageArgs,
        worker::WorkerArgs,
    },
    stop,
    telemetry::MetricsArgs,
};

/// How often a host looks whether the one that takes the commands of the data folder has ended.
const TAKE_OVER_INTERVAL: Duration = Duration::from_secs(2);

/// Runs workflows, and the activities of this program, for one or more task queues.
///
/// Ctrl-C stops taking tasks and lets what runs finish within the grace period; what is left goes back
/// to the service. A second Ctrl-C stops at once.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host run --task-queue greetings --modules target/wasm32-wasip2/release/greetings.wasm
  host run --task-queue orders --task-queue refunds --modules modules/ --watch
  host run --task-queue orders --modules modules/ --address temporal.example:7233 --namespace shop
  host run --task-queue orders --modules modules/ --watch --deployment orders

Without an address the service is this process: durable in the data folder, and reached by others on
127.0.0.1:7233. A second host joins it with --address 127.0.0.1:7233.")]
pub(crate) struct Run {
    /// Task queue to poll. Again for each queue.
    #[arg(short, long = "task-queue", value_name = "QUEUE", required = true)]
    task_queues: Vec<String>,
    #[command(flatten)]
    modules: ModuleArgs,
    /// Take new and changed module files while running, by --swap-policy.
    #[arg(long)]
    watch: bool,
    /// Poll as the Worker Deployment of this name: each module is a version of it, with `wasm-sha256-` and its digest as
    /// build id. The service says which version executes a run, so a version gets new runs once it is current or ramps up
    /// (`host worker deployment set-current-version`), and none before. Definitions say whether a run stays on its version
    /// or follows the current one; where they do not, runs stay under --swap-policy pin, and follow under the others.
    #[arg(long, value_name = "NAME")]
    deployment: Option<String>,
    /// A module that follows live runs: what it would have done otherwise is reported, and thrown away.
    #[arg(long, value_name = "PATH")]
    shadow: Option<PathBuf>,
    /// Leave the permissions of the folder of modules as they are, so that hosts of other users can share it. Who may
    /// write to it runs workflows here.
    #[arg(long)]
    share_modules: bool,
    #[command(flatten)]
    data_dir: DataDirArgs,
    #[command(flatten)]
    embedded: EmbeddedArgs,
    #[command(flatten)]
    worker: WorkerArgs,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    metrics: MetricsArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl Run {
    pub(super) async fn run(mut self, registry: Registry, nexus: NexusServices) -> anyhow::Result<()> {
        let modules = self.modules.read()?;
        self.task_queues.sort();
        self.task_queues.dedup();
        let settings = self.connection.options(None)?;
        self.check_contradictions()?;
        self.page.check()?;
        let deployment = self.deployment(&modules)?;
        let health = self.metrics.start().await?;
        let (catalog, resources) = self.resources(registry, &modules, &settings.namespace).await?;
        let (client, embedded) = self.service(&settings).await?;
        let workers = self.connect(&client, &resources, deployment).await?;
        let shutdown = CancellationToken::new();
        let swapper = self.swapper(&catalog, &client, &resources, modules.swap_policy)?;
        self.start_shadow(&swapper).await?;
        let _watch = self.watch(&swapper, &shutdown)?;
        self.take_commands(swapper, &shutdown).await?;
        stop::on_signal(shutdown.clone(), self.worker.grace_period)?;
        self.page.start(self.page_options(&client, &modules)?).await?;
        let mut running = workers.start(&shutdown);
        self.start_nexus(&client, nexus, &shutdown, &mut running);
        health.ready();
        shutdown.cancelled().await;
        health.stopping();
        while let Some(ended) = running.join_next().await {
            ended?.iter().for_each(tell);
        }
        if let Some(embedded) = embedded {
            embedded.stop().await?;
        }
        tracing::info!("stopped");
        Ok(())
    }

    /// What the page shows: with the limits of guests and the signers that the host has.
    fn page_options(&self, client: &Client, modules: &Modules) -> anyhow::Result<PageOptions> {
        Ok(PageOptions {
            client: client.clone(),
            data_folder: self.data_dir.path()?,
            sandbox: self.worker.sandbox(self.task_queues.len(), self.data_dir.compiled()?),
            signers: modules.trusted(client.namespace(), &self.task_queues)?,
        })
    }

    /// Serves the operations of the program's Nexus services on each task queue.
    fn start_nexus(
        &self,
        client: &Client,
        services: NexusServices,
        shutdown: &CancellationToken,
        running: &mut JoinSet<Vec<ShutdownReport>>,
    ) {
        if services.is_empty() {
            return;
        }
        let (services, grace) = (Arc::new(services), self.worker.grace_period);
        for task_queue in &self.task_queues {
            let worker = NexusWorker::new(client.clone(), task_queue, Arc::clone(&services));
            let shutdown = shutdown.clone();
            running.spawn(async move {
                worker.run(shutdown, grace).await;
                Vec::new()
            });
        }
    }

    fn check_contradictions(&self) -> anyhow::Result<()> {
        match (self.connection.names_service()?, self.embedded.given()) {
            (Some((name, address)), Some(embedded)) => Err(Usage(format!(
                "{name} names the service at {address}, and {embedded} is for the service in this process: take one away"
            ))
            .into()),
            _ => Ok(()),
        }
    }

    /// The worker deployment that the host is to be.
    fn deployment(&self, modules: &Modules) -> anyhow::Result<Option<Deployment>> {
        let Some(name) = &self.deployment else { return Ok(None) };
        if modules.heal == Some(Heal::Auto) {
            let mistake = "with --deployment the service says which version executes a run, and the host heals none: \
                           take --heal auto, or heal in the manifest, away";
            return Err(Usage(mistake.to_owned()).into());
        }
        let deployment = Deployment::new(name, modules.swap_policy);
        Ok(Some(deployment.map_err(|error| Usage(format!("--deployment {name}: {error}")))?))
    }

    /// The service that flags, variables or the profile name; without an address, the embedded one in this process.
    async fn service(&self, settings: &ConnectOptions) -> anyhow::Result<(Client, Option<Embedded>)> {
        if let Some((name, _)) = self.connection.names_service()? {
            let client = self.connection.connect_with(settings).await?;
            tracing::info!(
                address = settings.address,
                by = name,
                namespace = client.namespace(),
                "connected"
            );
            return Ok((client, None));
        }
        let embedded = self.embedded.start(&self.data_dir.path()?, &settings.namespace).await?;
        let service = embedded.server.service();
        let client = Client::new(service, settings.namespace.as_str(), settings.identity.as_str());
        Ok((self.connection.with_codecs(client)?, Some(embedded)))
    }

    async fn start_shadow(&self, swapper: &Swapper) -> anyhow::Result<()> {
        let Some(path) = self.shadow.clone() else { return Ok(()) };
        let catalog = Arc::clone(swapper.catalog());
        // Compiling takes seconds.
        let candidate = tokio::task::spawn_blocking(move || catalog.candidate(&path)).await?;
        let candidate = candidate.context("failed to load the shadow")?;
        swapper.start_shadow(candidate, "the command line").await.context("failed to start the shadow")?;
        Ok(())
    }

    fn swapper(
        &self,
        catalog: &Arc<Catalog>,
        client: &Client,
        resources: &Resources,
        policy: SwapPolicy,
    ) -> anyhow::Result<Swapper> {
        // Threads of its own, so that a check of open runs takes none of those of workflow tasks.
        let threads = SandboxThreads::start_with(NonZeroUsize::MIN, catalog.background());
        let threads = Arc::new(threads.context("failed to start the sandbox's threads")?);
        let queues = self.task_queues.clone();
        let service = Arc::clone(client.service());
        let (catalog, feed) = (Arc::clone(catalog), resources.shadow_feed());
        let namespace = client.namespace();
        let swapper = Swapper::new(catalog, service, namespace, queues, threads, policy, feed);
        Ok(match &self.deployment {
            Some(name) => swapper.of_deployment(name),
            None => swapper,
        })
    }

    /// Has changed files taken: while the host runs, or those that changed before it started.
    fn watch(&self, swapper: &Swapper, shutdown: &CancellationToken) -> anyhow::Result<Option<Watch>> {
        let catalog = Arc::clone(swapper.catalog());
        let (swapper, shutdown) = (swapper.clone(), shutdown.clone());
        if self.watch {
            let runtime = Handle::current();
            let take = move |path: &Path| {
                let changed = swapper.file_changed(path);
                runtime.block_on(shutdown.run_until_cancelled(changed));
            };
            return Ok(Some(Watch::start(catalog, take).context("failed to watch the modules")?));
        }
        if swapper.policy() != SwapPolicy::Pin {
            let files = files::list(catalog.paths()).context("failed to read the modules")?;
            tokio::spawn(async move {
                for path in files {
                    shutdown.run_until_cancelled(swapper.file_changed(&path)).await;
                }
            });
        }
        Ok(None)
    }

    /// Takes the commands of `host modules`, and goes on with the canary of the data folder. While another host of the folder
    /// takes them, this one does what that one says.
    async fn take_commands(&self, swapper: Swapper, shutdown: &CancellationToken) -> anyhow::Result<()> {
        let folder = self.data_dir.path()?;
        if self.deployment.is_none() {
            swapper.resume_canary().await;
        }
        tokio::spawn(swapper.clone().watch_store(shutdown.clone()));
        match ControlSocket::bind(&folder) {
            Ok(socket) => lead(socket, &swapper, shutdown),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "`host modules` cannot talk to this host");
                tokio::spawn(follow(folder, swapper, shutdown.clone()));
            }
        }
        Ok(())
    }

    /// What the workers share. Loads the modules.
    async fn resources(
        &self,
        registry: Registry,
        modules: &Modules,
        namespace: &str,
    ) -> anyhow::Result<(Arc<Catalog>, Resources)> {
        let data_folder = self.data_dir.path()?;
        let sandbox = self.worker.sandbox(self.task_queues.len(), self.data_dir.compiled()?);
        let engine = Engine::new(sandbox).context("failed to start the sandbox")?;
        let access = if self.share_modules { StoreAccess::AsItIs } else { StoreAccess::Owner };
        // A host that watches goes on when a file is broken, so it starts again with that file too.
        let bad_files = if self.watch { BadFiles::KeepFormer } else { BadFiles::Refuse };
        // A module that was changed while the host was down waits for the gate as any other does.
        let changed_files = match modules.swap_policy {
            SwapPolicy::Pin => ChangedFiles::Admit,
            SwapPolicy::Upgrade | SwapPolicy::Require => ChangedFiles::KeepFormer,
        };
        let options = CatalogOptions {
            access,
            bad_files,
            changed_files,
            order: modules.order,
            signers: modules.trusted(namespace, &self.task_queues)?,
            origin: modules.origin(),
            ..CatalogOptions::new(engine, data_folder, modules.paths.clone())
        };
        // Compiling takes seconds.
        let catalog = tokio::task::spawn_blocking(move || Catalog::open(options)).await?;
        let catalog = Arc::new(catalog.context("failed to load the modules")?);
        for module in catalog.serving() {
            let types = module.types().collect::<Vec<_>>().join(", ");
            tracing::info!(types, digest = %module.digest(), "loaded a module");
        }
        let threads = Arc::new(
            SandboxThreads::start(catalog.background()).context("failed to start the sandbox's threads")?,
        );
        let executors = Executors::new(Arc::new(registry), self.worker.activities(self.task_queues.len()));
        let resources = Resources::new(Arc::clone(&catalog), threads, Some(executors), self.worker.cache());
        let resources = match modules.heal.unwrap_or_default() {
            Heal::Auto => resources,
            Heal::Never => resources.without_healing(),
        };
        Ok((catalog, resources))
    }

    async fn connect(
        &self,
        client: &Client,
        resources: &Resources,
        deployment: Option<Deployment>,
    ) -> anyhow::Result<Workers> {
        let configs = self
            .task_queues
            .iter()
            .map(|task_queue| self.worker.config(client.namespace(), client.identity(), task_queue));
        if let Some(deployment) = deployment {
            let service = Arc::clone(client.service());
            let versions =
                VersionedWorkers::connect(service, resources.clone(), deployment, configs.collect()).await;
            let versions = versions.context("failed to start the versions of the worker deployment")?;
            return Ok(Workers::Versions(Box::new(versions)));
        }
        let mut workers = Vec::new();
        for config in configs {
            let task_queue = config.task_queue.clone();
            let worker = Worker::connect(Arc::clone(client.service()), resources.clone(), config)
                .await
                .with_context(|| format!("failed to start on task queue {task_queue}"))?;
            workers.push(worker);
        }
        Ok(Workers::Plain(workers))
    }
}

/// The workers of the host.
enum Workers {
    /// One for each task queue.
    Plain(Vec<Worker>),
    /// One for each task queue and version of a worker deployment.
    Versions(Box<VersionedWorkers>),
}

impl Workers {
    fn start(self, shutdown: &CancellationToken) -> JoinSet<Vec<ShutdownReport>> {
        let mut running = JoinSet::new();
        match self {
            Self::Plain(workers) => {
                for worker in workers {
                    let shutdown = shutdown.clone();
                    running.spawn(async move { vec![worker.run(shutdown).await] });
                }
            }
            Self::Versions(versions) => {
                running.spawn(versions.run(shutdown.clone()));
            }
        }
        running
    }
}

/// Takes the commands of `host modules`, and carries out the canary.
fn lead(socket: ControlSocket, swapper: &Swapper, shutdown: &CancellationToken) {
    // A worker deployment has ramping versions instead.
    if swapper.deployment().is_none() {
        tokio::spawn(swapper.clone().watch_canary(shutdown.clone()));
        tokio::spawn(swapper.clone().watch_timed_out_runs(shutdown.clone()));
    }
    tokio::spawn(socket.serve(swapper.clone(), shutdown.clone()));
}

/// Takes part in the canary of another host of the data folder, and does what that host did once it has ended.
async fn follow(folder: PathBuf, swapper: Swapper, shutdown: CancellationToken) {
    let is_led = shutdown.child_token();
    let following = tokio::spawn(swapper.clone().follow_canary(is_led.clone()));
    while shutdown.run_until_cancelled(tokio::time::sleep(TAKE_OVER_INTERVAL)).await.is_some() {
        if let Ok(socket) = ControlSocket::bind(&folder) {
            is_led.cancel();
            // It writes what it has counted.
            drop(following.await);
            tracing::info!("takes the commands of `host modules` from now on");
            return lead(socket, &swapper, &shutdown);
        }
    }
}

fn tell(report: &ShutdownReport) {
    if report.is_clean() {
        return;
    }
    for activity in &report.activities {
        tracing::warn!(?activity, "an activity did not end in time; the service has it back");
    }
    if report.workflow_tasks > 0 {
        tracing::warn!(count = report.workflow_tasks, "workflow tasks did not end in time; they time out");
    }
}
