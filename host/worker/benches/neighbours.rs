//! What workflows that never return cost their neighbours: how long an activation takes from when it is
//! asked for, on the threads that a host has. Run it with `cargo bench -p host-worker`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and panics on failure")]

#[path = "../../sandbox/tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use host_sandbox::wit::workflow::host::activation::Job;
use host_sandbox::{Activation, Config, Module};
use host_worker::workflow::SandboxThreads;
use support::{ScriptRun, script, task};
use tokio::time::sleep;

/// Workflows that return at once.
const NEIGHBOURS: usize = 16;
/// Between two activations of a neighbour.
const PAUSE: Duration = Duration::from_millis(10);
/// How long each row is measured.
const PERIOD: Duration = Duration::from_secs(6);
/// Workflows that never return, at once: each runs into its deadline, and begins again.
const HOSTILE: [usize; 5] = [0, 1, 2, 4, 8];

#[tokio::main]
async fn main() {
    let module = script(Config { instances: 256, ..Config::default() });
    let threads = Arc::new(SandboxThreads::start().unwrap());
    println!("  {:<10} {:>12} {:>12} {:>12} {:>12}", "hostile", "activations", "p50", "p99", "most");
    for hostile in HOSTILE {
        let mut latencies = row(&module, &threads, hostile).await;
        latencies.sort();
        let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
        let [p50, p99, most] =
            [50, 99, 100].map(|percent| format!("{:.2} ms", at(percent).as_secs_f64() * 1e3));
        println!("  {hostile:<10} {:>12} {p50:>12} {p99:>12} {most:>12}", latencies.len());
    }
}

async fn row(module: &Module, threads: &Arc<SandboxThreads>, hostile: usize) -> Vec<Duration> {
    let over = Arc::new(AtomicBool::new(false));
    let loops: Vec<_> = (0..hostile)
        .map(|_| tokio::spawn(never_returns(module.clone(), Arc::clone(threads), Arc::clone(&over))))
        .collect();
    let neighbours: Vec<_> =
        (0..NEIGHBOURS).map(|_| tokio::spawn(neighbour(module.clone(), Arc::clone(threads)))).collect();
    let mut latencies = Vec::new();
    for neighbour in neighbours {
        latencies.extend(neighbour.await.unwrap());
    }
    over.store(true, Ordering::Relaxed);
    for hostile in loops {
        hostile.await.unwrap();
    }
    latencies
}

async fn never_returns(module: Module, threads: Arc<SandboxThreads>, over: Arc<AtomicBool>) {
    while !over.load(Ordering::Relaxed) {
        let module = module.clone();
        let outcome = threads.run(move || ScriptRun::new(&module).start("loop").map(drop)).await.unwrap();
        assert!(outcome.is_err());
    }
}

async fn neighbour(module: Module, threads: Arc<SandboxThreads>) -> Vec<Duration> {
    let mut run = ScriptRun::new(&module);
    run.start(&"timer 1\nwait\n".repeat(10_000)).unwrap();
    let begin = Instant::now();
    let mut latencies = Vec::new();
    while begin.elapsed() < PERIOD {
        let asked = Instant::now();
        let activate = move || {
            run.instance.activate(&task(vec![Job::TimerFired(1)]), Activation::default()).unwrap();
            run
        };
        run = threads.run(activate).await.unwrap();
        latencies.push(asked.elapsed());
        sleep(PAUSE).await;
    }
    latencies
}
