//! `host run`.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use host_activities::{Executors, Registry};
use host_client::Client;
use host_sandbox::Engine;
use host_service::ConnectOptions;
use host_worker::{
    Resources, ShutdownReport, Worker,
    modules::{
        catalog::{BadFiles, Catalog, CatalogOptions},
        store::StoreAccess,
        watch::Watch,
    },
    workflow::SandboxThreads,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    exit::Usage,
    settings::{
        connection::ConnectionArgs,
        data_dir::DataDirArgs,
        embedded::{Embedded, EmbeddedArgs},
        worker::WorkerArgs,
    },
    stop,
};

const NO_MODULES: &str = "there are no workflow modules to run: --modules names them, as files or folders \
of *.wasm files.
A module is a workflow crate compiled to a WebAssembly component:
  rustup target add wasm32-wasip2
  cargo rustc --lib --crate-type cdylib --target wasm32-wasip2 --release
  host run --task-queue my-queue --modules target/wasm32-wasip2/release/my_workflows.wasm";

/// Runs workflows, and the activities of this program, for one or more task queues.
///
/// Ctrl-C stops taking tasks and lets what runs finish within the grace period; what is left goes back
/// to the service. A second Ctrl-C stops at once.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host run --task-queue greetings --modules target/wasm32-wasip2/release/greetings.wasm
  host run --task-queue orders --task-queue refunds --modules modules/ --watch
  host run --task-queue orders --modules modules/ --address temporal.example:7233 --namespace shop

Without an address the service is this process: durable in the data folder, and reached by others on
127.0.0.1:7233. A second host joins it with --address 127.0.0.1:7233.")]
pub(crate) struct Run {
    /// Task queue to poll. Again for each queue.
    #[arg(short, long = "task-queue", value_name = "QUEUE", required = true)]
    task_queues: Vec<String>,
    /// Workflow modules: files, or folders of *.wasm files.
    #[arg(short, long, value_name = "PATH", num_args = 1..)]
    modules: Vec<PathBuf>,
    /// Take new and changed module files while running. Open runs stay on the module they began with.
    #[arg(long)]
    watch: bool,
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
    connection: ConnectionArgs,
}

impl Run {
    pub(super) async fn run(mut self, registry: Registry) -> anyhow::Result<()> {
        if self.modules.is_empty() {
            return Err(Usage(NO_MODULES.to_owned()).into());
        }
        self.task_queues.sort();
        self.task_queues.dedup();
        let settings = self.connection.options(None)?;
        let (catalog, resources) = self.resources(registry).await?;
        let (client, embedded) = self.service(&settings).await?;
        let workers = self.connect(&client, &resources).await?;
        let _watch = self
            .watch
            .then(|| Watch::start(Arc::clone(&catalog)))
            .transpose()
            .context("failed to watch the modules")?;

        let shutdown = CancellationToken::new();
        stop::on_signal(shutdown.clone(), self.worker.grace_period)?;
        let mut running = JoinSet::new();
        for worker in workers {
            running.spawn(worker.run(shutdown.clone()));
        }
        for report in running.join_all().await {
            tell(&report);
        }
        if let Some(embedded) = embedded {
            embedded.stop().await?;
        }
        tracing::info!("stopped");
        Ok(())
    }

    /// The service that flags, variables or the profile name; without an address, the embedded one in this process.
    async fn service(&self, settings: &ConnectOptions) -> anyhow::Result<(Client, Option<Embedded>)> {
        if self.connection.names_a_service()? {
            let client = self.connection.connect_with(settings).await?;
            tracing::info!(address = settings.address, namespace = client.namespace(), "connected");
            return Ok((client, None));
        }
        let embedded = self.embedded.start(&self.data_dir.path()?, &settings.namespace).await?;
        let service = embedded.server.service();
        let client = Client::new(service, settings.namespace.as_str(), settings.identity.as_str());
        Ok((client, Some(embedded)))
    }

    /// What the workers share. Loads the modules.
    async fn resources(&self, registry: Registry) -> anyhow::Result<(Arc<Catalog>, Resources)> {
        let data_folder = self.data_dir.path()?;
        let sandbox = self.worker.sandbox(self.task_queues.len(), self.data_dir.compiled()?);
        let engine = Engine::new(sandbox).context("failed to start the sandbox")?;
        let access = if self.share_modules { StoreAccess::AsItIs } else { StoreAccess::Owner };
        // A host that watches goes on when a file is broken, so it starts again with that file too.
        let bad_files = if self.watch { BadFiles::KeepFormer } else { BadFiles::Refuse };
        let options = CatalogOptions { engine, data_folder, paths: self.modules.clone(), access, bad_files };
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
        Ok((catalog, resources))
    }

    async fn connect(&self, client: &Client, resources: &Resources) -> anyhow::Result<Vec<Worker>> {
        let mut workers = Vec::new();
        for task_queue in &self.task_queues {
            let config = self.worker.config(client.namespace(), client.identity(), task_queue);
            let worker = Worker::connect(Arc::clone(client.service()), resources.clone(), config)
                .await
                .with_context(|| format!("failed to start on task queue {task_queue}"))?;
            workers.push(worker);
        }
        Ok(workers)
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
