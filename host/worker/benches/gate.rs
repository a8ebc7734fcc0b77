//! How many open runs the gate checks in a second: runs that wait for their one activity, on the embedded service in this
//! process, on all processors. Run it with `cargo bench --workspace --bench gate`.
//!
//! `HOST_BENCH_RUNS` is how many there are.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and panics on failure")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{path::Path, process::ExitCode, sync::Arc, thread};

use futures_util::{StreamExt as _, stream};
use host_sandbox::{Engine, compile_child_main};
use host_worker::{
    CacheConfig, Config, Resources, Worker,
    gate::{Gate, RunSelection},
    modules::{
        LoadedModule,
        catalog::{Catalog, CatalogOptions},
    },
    workflow::{Lane, SandboxThreads},
};
use support::embedded::{Embedded, NAMESPACE, start, text, wait_for_event};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Open runs, unless `HOST_BENCH_RUNS` says otherwise.
const RUNS: usize = 100_000;
/// Workflows that are started at once.
const STARTS: usize = 100;
/// What each run does: it waits for one activity.
const HELLO: &str = "activity greet\nwait\ncomplete done";
const TASK_QUEUE: &str = "queue";
/// Guests that the engine has room for.
const GUESTS: u32 = 2_048;

fn main() -> ExitCode {
    if let Some(code) = compile_child_main() {
        return code;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure());
    ExitCode::SUCCESS
}

async fn measure() {
    let runs = std::env::var("HOST_BENCH_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    let embedded = Embedded::open();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script.wasm");
    std::fs::write(&path, support::guest("script")).unwrap();
    let cache = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled"));
    let engine =
        Engine::new(host_sandbox::Config { instances: GUESTS, cache, ..Default::default() }).unwrap();
    let catalog = Catalog::open(CatalogOptions::new(engine.clone(), folder.path().to_owned(), vec![path]));
    let catalog = Arc::new(catalog.unwrap());
    let threads = Arc::new(SandboxThreads::start(catalog.background()).unwrap());
    let cache = CacheConfig { runs: 1_000, ..CacheConfig::default() };
    let resources = Resources::new(catalog, Arc::clone(&threads), None, cache);
    let config = Config::new(NAMESPACE, TASK_QUEUE);
    let worker = Worker::connect(Arc::clone(&embedded.service), resources, config).await.unwrap();
    let stop = CancellationToken::new();
    let ended = tokio::spawn(worker.run(stop.clone()));
    let begin = Instant::now();
    stream::iter(0..runs)
        .for_each_concurrent(STARTS, |number| {
            let service = Arc::clone(&embedded.service);
            async move {
                let id = number.to_string();
                start(&*service, TASK_QUEUE, "Script", &id, text(HELLO)).await;
                let scheduled = host_wire::temporal::api::enums::v1::EventType::ActivityTaskScheduled;
                wait_for_event(&*service, &id, scheduled).await;
            }
        })
        .await;
    stop.cancel();
    ended.await.unwrap();
    println!("{runs} open runs made in {:.1} s", begin.elapsed().as_secs_f64());

    let candidate = engine.load(&support::version(&support::guest("script"), 2)).unwrap();
    let candidate = Arc::new(LoadedModule::new(candidate, None));
    let gate = Gate::new(Arc::clone(&embedded.service), NAMESPACE, candidate, threads, Lane::Prompt);
    let begin = Instant::now();
    let tally = gate.check(&RunSelection::default(), |_| {}).await.unwrap();
    let seconds = begin.elapsed().as_secs_f64();
    let cpus = thread::available_parallelism().unwrap();
    println!("{} checked in {seconds:.1} s on {cpus} processors: {tally}", tally.checked());
}
