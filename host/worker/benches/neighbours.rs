//! What hostile modules cost their neighbours: how long honest workflows take that start at a fixed rate, alone and
//! beside thirty hostile modules, in turns, in one worker on the embedded service. Run it with
//! `cargo bench -p host-worker`.
//!
//! `HOST_BENCH_PAIRS` is how often the two are compared; the medians of the pairs are printed.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and panics on failure")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use host_sandbox::{CompileLimits, Engine};
use host_service::WorkflowService;
use host_wire::temporal::api::{
    enums::v1::EventType, query::v1::WorkflowQuery, workflowservice::v1::QueryWorkflowRequest,
};
use host_worker::{
    CacheConfig,
    modules::catalog::{Catalog, CatalogOptions},
};
use support::{
    bench::{self, BenchWorker, TASK_QUEUE},
    embedded::{Embedded, NAMESPACE, closing_event, execution, start, text, wait_for_event},
};
use test_harness::renamed_script;
use tokio::{
    task::JoinSet,
    time::{Instant, interval},
};
use tokio_util::sync::CancellationToken;
use tonic::Request;

type Service = Arc<dyn WorkflowService>;

/// Between two starts of honest workflows: 100 a second.
const BETWEEN_STARTS: Duration = Duration::from_millis(10);
/// What each of them does: two workflow tasks.
const HONEST: &str = "timer 1\nwait\ncomplete done";
/// How long they are measured.
const PERIOD: Duration = Duration::from_secs(10);
/// How long the hostile ones are there before: the first call of each is not known to be slow yet.
const WARM_UP: Duration = Duration::from_secs(10);
/// Pairs, unless `HOST_BENCH_PAIRS` says otherwise.
const PAIRS: usize = 5;
/// Hostile modules of each kind: 28 whose workflows run. Others are only compiled, one after another.
const MODULES: usize = 7;
/// Between two starts of workflows of one hostile module.
const BETWEEN_HOSTILE_STARTS: Duration = Duration::from_secs(2);
/// What their workflows do; those of the first kind wait, and are asked slow queries.
const KINDS: [&str; 4] = ["wait", "loop", "grow", "log-flood"];
/// Guests that the engine has room for.
const GUESTS: u32 = 1_024;
/// What the compiler may take for a module, so that it is done soon after a period.
const COMPILE: CompileLimits =
    CompileLimits { cpu: Duration::from_secs(6), elapsed: Duration::from_secs(12), memory_bytes: 4 << 30 };
/// Variables and loops of a module that keeps a compiler busy to its limit.
const BOMB: (u32, u32) = (20_000, 20_000);

fn main() -> ExitCode {
    bench::main(compare())
}

async fn compare() {
    let pairs = std::env::var("HOST_BENCH_PAIRS").map_or(PAIRS, |pairs| pairs.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let modules = modules(folder.path());
    let engine = Engine::new(host_sandbox::Config {
        instances: GUESTS,
        compile: COMPILE,
        ..host_sandbox::Config::for_tests()
    });
    let engine = engine.unwrap();
    let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
    println!("  {:>12} {:>12} {:>12} {:>12} {:>8}", "p50 alone", "p99 alone", "p50", "p99", "ratio");
    let mut rows = Vec::new();
    for _ in 0..pairs {
        let alone = measured(&engine, &modules, false).await;
        let beside = measured(&engine, &modules, true).await;
        let ratio = beside[1].as_secs_f64() / alone[1].as_secs_f64();
        let times = [alone[0], alone[1], beside[0], beside[1]];
        let [a, b, c, d] = times.map(ms);
        println!("  {a:>12} {b:>12} {c:>12} {d:>12} {ratio:>8.2}");
        rows.push((ratio, times));
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, times) = rows[rows.len() / 2];
    let [a, b, c, d] = times.map(ms);
    println!("  {a:>12} {b:>12} {c:>12} {d:>12} {ratio:>8.2}  median of {pairs}");
}

/// The honest module and the hostile ones, as files. They are the guest that executes scripts, with other names.
fn modules(folder: &Path) -> Vec<PathBuf> {
    let script = support::guest("script");
    let mut modules = vec![folder.join("honest.wasm")];
    fs::write(&modules[0], &script).unwrap();
    for number in 0..KINDS.len() * MODULES {
        let (_, module) = renamed_script(&script, number);
        modules.push(folder.join(format!("hostile-{number}.wasm")));
        fs::write(&modules[number + 1], module).unwrap();
    }
    modules
}

/// The type of a hostile module.
fn hostile_type(number: usize) -> String {
    renamed_script(&[], number).0
}

/// Median and 99th percentile of honest workflows, in a worker and a service of their own.
async fn measured(engine: &Engine, modules: &[PathBuf], hostile: bool) -> [Duration; 2] {
    let embedded = Embedded::open();
    let service = Arc::clone(&embedded.service);
    let folder = tempfile::tempdir().unwrap();
    let options = CatalogOptions::new(engine.clone(), folder.path().to_owned(), modules.to_vec());
    let worker = BenchWorker::start(&embedded, options, CacheConfig::default()).await;
    let stop = CancellationToken::new();
    let mut loads = JoinSet::new();
    let mut bombs = None;
    if hostile {
        attack(&service, &mut loads);
        bombs = Some(tokio::spawn(bomb(Arc::clone(&worker.catalog), folder.path().to_owned(), stop.clone())));
        tokio::time::sleep(WARM_UP).await;
    }
    let mut honest = JoinSet::new();
    let mut ticks = interval(BETWEEN_STARTS);
    let begin = Instant::now();
    while begin.elapsed() < PERIOD {
        let due = ticks.tick().await;
        honest.spawn(workflow(Arc::clone(&service), format!("honest-{}", honest.len()), due));
    }
    let mut latencies = honest.join_all().await;
    loads.shutdown().await;
    stop.cancel();
    worker.stop().await;
    if let Some(bombs) = bombs {
        bombs.await.unwrap();
    }
    latencies.sort();
    [50, 99].map(|percent| latencies[(latencies.len() - 1) * percent / 100])
}

/// From when a workflow is due to its result.
async fn workflow(service: Service, id: String, due: Instant) -> Duration {
    start(&*service, TASK_QUEUE, "Script", &id, text(HONEST)).await;
    let end = closing_event(&*service, &id).await;
    assert_eq!(end.event_type(), EventType::WorkflowExecutionCompleted);
    due.elapsed()
}

fn attack(service: &Service, loads: &mut JoinSet<()>) {
    for number in 0..KINDS.len() * MODULES {
        let kind = KINDS[number / MODULES];
        if number < MODULES {
            loads.spawn(asks_slow_queries(Arc::clone(service), number, kind));
        } else {
            loads.spawn(starts_again(Arc::clone(service), number, kind));
        }
    }
}

/// Gives the host modules that keep its compiler busy, one after another, each another one.
async fn bomb(catalog: Arc<Catalog>, folder: PathBuf, stop: CancellationToken) {
    for number in 0.. {
        if stop.is_cancelled() {
            return;
        }
        let bomb = folder.join(format!("bomb-{number}.wasm"));
        fs::write(&bomb, test_harness::compiler_bomb(BOMB.0 + number, BOMB.1)).unwrap();
        let catalog = Arc::clone(&catalog);
        let refused = tokio::task::spawn_blocking(move || catalog.admit_file(&bomb)).await.unwrap();
        assert!(refused.is_err(), "a bomb was compiled");
    }
}

async fn starts_again(service: Service, number: usize, script: &'static str) {
    let mut ticks = interval(BETWEEN_HOSTILE_STARTS);
    for run in 0.. {
        ticks.tick().await;
        let id = format!("hostile-{number}-{run}");
        start(&*service, TASK_QUEUE, &hostile_type(number), &id, text(script)).await;
    }
}

async fn asks_slow_queries(service: Service, number: usize, script: &'static str) {
    let id = format!("asked-{number}");
    start(&*service, TASK_QUEUE, &hostile_type(number), &id, text(script)).await;
    wait_for_event(&*service, &id, EventType::WorkflowTaskCompleted).await;
    loop {
        let request = QueryWorkflowRequest {
            namespace: NAMESPACE.to_owned(),
            execution: Some(execution(&id)),
            query: Some(WorkflowQuery { query_type: "loop".to_owned(), ..Default::default() }),
            ..Default::default()
        };
        // It fails at the deadline, or waits too long.
        let _ = service.query_workflow(Request::new(request)).await;
    }
}
