//! How long it takes from a changed file to the first workflow task on the new code, what a shadow costs live workflows, and
//! how much longer workflow tasks take during a swap: pairs of the same load without and with one, in turn. On the embedded
//! service in this process. Run it with `cargo bench --workspace --bench swap`.
//!
//! `HOST_BENCH_RUNS` is how many workflows each half of a pair with a shadow executes, `HOST_BENCH_PAIRS` how many pairs there
//! are, `HOST_BENCH_RATE` how many workflows arrive in a second around a swap, and `HOST_BENCH_OPEN` how many open runs its
//! gate replays.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and panics on failure")]

#[path = "swap/latency.rs"]
mod latency;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use host_sandbox::Engine;
use host_wire::EventAttributes;
use host_worker::{
    CacheConfig,
    modules::{build_id, catalog::CatalogOptions, policy::SwapPolicy, watch::Watch},
    swap::Swapper,
    workflow::SandboxThreads,
};
use sha2::Digest as _;
use support::{
    bench::{self, BenchWorker, TASK_QUEUE},
    embedded::{Embedded, NAMESPACE, closing_event, events, start, text},
};
use tokio::{runtime::Handle, time::Instant};

/// Workflows of each half of a pair, unless `HOST_BENCH_RUNS` says otherwise.
const RUNS: usize = 2_000;
/// Pairs, unless `HOST_BENCH_PAIRS` says otherwise.
const PAIRS: usize = 5;
/// Workflows at once.
const AT_ONCE: usize = 20;
/// Files that are replaced.
const SWAPS: u8 = 10;
/// What each workflow does: three tasks, two of them after timers that fire at once.
const SCRIPT: &str = "timer 0\nwait\ntimer 0\nwait\ncomplete done";
/// Guests that the engine has room for.
const GUESTS: u32 = 2_048;

fn main() -> ExitCode {
    bench::main(measure())
}

/// A host in this process.
struct Bench {
    embedded: Embedded,
    folder: tempfile::TempDir,
    swapper: Swapper,
    script: Vec<u8>,
}

async fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let script = support::guest("script");
    let path = folder.path().join("script.wasm");
    std::fs::write(&path, &script).unwrap();
    let engine = Engine::new(host_sandbox::Config { instances: GUESTS, ..Default::default() }).unwrap();
    let options = CatalogOptions::new(engine, folder.path().join("data"), vec![path]);
    let embedded = Embedded::open();
    let cache = CacheConfig { runs: 1_000, ..CacheConfig::default() };
    let worker = BenchWorker::start(&embedded, options, cache).await;
    let background = SandboxThreads::start_with(NonZeroUsize::MIN, worker.catalog.background()).unwrap();
    let swapper = Swapper::new(
        Arc::clone(&worker.catalog),
        Arc::clone(&embedded.service),
        NAMESPACE,
        vec![TASK_QUEUE.to_owned()],
        Arc::new(background),
        SwapPolicy::Pin,
        Arc::clone(&worker.feed),
    );
    let bench = Bench { embedded, folder, swapper, script };
    bench.files_to_first_tasks().await;
    bench.shadows().await;
    bench.latencies().await;
    worker.stop().await;
}

impl Bench {
    async fn files_to_first_tasks(&self) {
        let (runtime, swapper) = (Handle::current(), self.swapper.clone());
        let take = move |path: &Path| runtime.block_on(swapper.file_changed(path));
        let _watch = Watch::start(Arc::clone(self.swapper.catalog()), take).unwrap();
        let mut took = Vec::new();
        for swap in 1..=SWAPS {
            let (bytes, beside) = (support::version(&self.script, swap), self.path("beside"));
            std::fs::write(&beside, &bytes).unwrap();
            let build = build_id::of(&host_sandbox::Digest(sha2::Sha256::digest(&bytes).into()));
            let begin = Instant::now();
            std::fs::rename(beside, self.path("script.wasm")).unwrap();
            let mut number = 0;
            while self.first_build(&format!("swap-{swap}-{number}")).await != build {
                number += 1;
            }
            took.push(begin.elapsed());
        }
        println!("from a changed file to the first task on it, {SWAPS} times: {}", spread(&mut took));
    }

    async fn first_build(&self, id: &str) -> String {
        start(&*self.embedded.service, TASK_QUEUE, "Script", id, text("complete done")).await;
        closing_event(&*self.embedded.service, id).await;
        let completed =
            events(&*self.embedded.service, id).await.into_iter().find_map(|event| match event.attributes {
                Some(EventAttributes::WorkflowTaskCompletedEventAttributes(completed)) => Some(completed),
                _ => None,
            });
        completed.unwrap().worker_version.unwrap().build_id
    }

    async fn shadows(&self) {
        let runs = from_environment("HOST_BENCH_RUNS", RUNS);
        let mut ratios = Vec::new();
        for pair in 0..from_environment("HOST_BENCH_PAIRS", PAIRS) {
            let (alone, mut latencies) = self.load(&format!("alone-{pair}"), runs).await;
            let candidate = self.path("candidate.wasm");
            std::fs::write(&candidate, support::version(&self.script, 200)).unwrap();
            let catalog = Arc::clone(self.swapper.catalog());
            let candidate = tokio::task::spawn_blocking(move || catalog.candidate(&candidate).unwrap());
            self.swapper.start_shadow(candidate.await.unwrap(), "bench").await.unwrap();
            let (beside, mut latencies_beside) = self.load(&format!("beside-{pair}"), runs).await;
            let report = self.swapper.stop_shadow("bench").await.unwrap();
            ratios.push(beside.as_secs_f64() / alone.as_secs_f64());
            println!(
                "{runs} workflows alone: {:.2} s, {}; beside a shadow: {:.2} s, {}; {} tasks followed, {} dropped, {}",
                alone.as_secs_f64(),
                spread(&mut latencies),
                beside.as_secs_f64(),
                spread(&mut latencies_beside),
                report.tasks,
                report.dropped,
                report.report.runs,
            );
        }
        ratios.sort_by(f64::total_cmp);
        println!("a shadow makes the load take {:.2} times as long (median)", ratios[ratios.len() / 2]);
    }

    /// Runs workflows: how long all took, and each.
    async fn load(&self, prefix: &str, runs: usize) -> (Duration, Vec<Duration>) {
        let begin = Instant::now();
        let latencies = stream::iter(0..runs)
            .map(|number| {
                let (service, id) = (Arc::clone(&self.embedded.service), format!("{prefix}-{number}"));
                async move {
                    let begin = Instant::now();
                    start(&*service, TASK_QUEUE, "Script", &id, text(SCRIPT)).await;
                    closing_event(&*service, &id).await;
                    begin.elapsed()
                }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        (begin.elapsed(), latencies)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn from_environment(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

fn spread(took: &mut [Duration]) -> String {
    format!("p50 {:.1} ms, p99 {:.1} ms", percentile(took, 0.5), percentile(took, 0.99))
}

/// The time, in milliseconds, within which so large a share was done.
fn percentile(took: &mut [Duration], share: f64) -> f64 {
    took.sort_unstable();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within the list")]
    let place = (took.len() as f64 * share) as usize;
    took[place.min(took.len() - 1)].as_secs_f64() * 1e3
}
