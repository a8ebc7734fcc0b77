//! What the benchmarks share: their `main`, and a worker on the embedded service, both in this process.

use std::{future::Future, process::ExitCode, sync::Arc};

use host_sandbox::compile_child_main;
use host_worker::{
    CacheConfig, Config, Resources, ShutdownReport, Worker,
    modules::catalog::{Catalog, CatalogOptions},
    shadow::ShadowFeed,
    workflow::SandboxThreads,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::embedded::{Embedded, NAMESPACE};

/// The queue of all workflows.
pub const TASK_QUEUE: &str = "queue";

/// Measures, unless this process is one that compiles a module.
pub fn main(measure: impl Future<Output = ()>) -> ExitCode {
    if let Some(code) = compile_child_main() {
        return code;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure);
    ExitCode::SUCCESS
}

/// A worker that polls.
pub struct BenchWorker {
    pub catalog: Arc<Catalog>,
    pub threads: Arc<SandboxThreads>,
    pub feed: Arc<ShadowFeed>,
    stop: CancellationToken,
    running: JoinHandle<ShutdownReport>,
}

impl BenchWorker {
    pub async fn start(embedded: &Embedded, options: CatalogOptions, cache: CacheConfig) -> Self {
        let catalog = tokio::task::spawn_blocking(move || Catalog::open(options)).await.unwrap();
        let catalog = Arc::new(catalog.unwrap());
        let threads = Arc::new(SandboxThreads::start(catalog.background()).unwrap());
        let resources = Resources::new(Arc::clone(&catalog), Arc::clone(&threads), None, cache);
        let feed = resources.shadow_feed();
        let config = Config::new(NAMESPACE, TASK_QUEUE);
        let worker = Worker::connect(Arc::clone(&embedded.service), resources, config).await.unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(worker.run(stop.clone()));
        Self { catalog, threads, feed, stop, running }
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}
