//! How many open runs the gate checks in a second: runs that wait for their one activity, on the embedded service in this
//! process, on all processors. Run it with `cargo bench --workspace --bench gate`.
//!
//! `HOST_BENCH_RUNS` is how many there are.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and panics on failure")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{process::ExitCode, sync::Arc, thread};

use futures_util::{StreamExt as _, stream};
use host_sandbox::Engine;
use host_worker::{
    CacheConfig,
    gate::{Gate, RunSelection},
    modules::{LoadedModule, catalog::CatalogOptions},
    workflow::Lane,
};
use support::{
    bench::{self, BenchWorker, TASK_QUEUE},
    embedded::{Embedded, NAMESPACE, start, text, wait_for_event},
};
use tokio::time::Instant;

/// Open runs, unless `HOST_BENCH_RUNS` says otherwise.
const RUNS: usize = 100_000;
/// Workflows that are started at once.
const STARTS: usize = 100;
/// What each run does: it waits for one activity.
const HELLO: &str = "activity greet\nwait\ncomplete done";
/// Guests that the engine has room for.
const GUESTS: u32 = 2_048;

fn main() -> ExitCode {
    bench::main(measure())
}

async fn measure() {
    let runs = std::env::var("HOST_BENCH_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    let embedded = Embedded::open();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script.wasm");
    std::fs::write(&path, support::guest("script")).unwrap();
    let engine =
        Engine::new(host_sandbox::Config { instances: GUESTS, ..host_sandbox::Config::for_tests() }).unwrap();
    let options = CatalogOptions::new(engine.clone(), folder.path().to_owned(), vec![path]);
    let cache = CacheConfig { runs: 1_000, ..CacheConfig::default() };
    let worker = BenchWorker::start(&embedded, options, cache).await;
    let threads = Arc::clone(&worker.threads);
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
    worker.stop().await;
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
