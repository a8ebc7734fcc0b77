//! The cost of guests: instantiate, activate, save, restore and copy. Prints a table of processor time and
//! memory, as Linux counts them. Run it with `cargo bench -p host-sandbox`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and panics on failure")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Duration;

use host_sandbox::wit::workflow::host::activation::Job;
use host_sandbox::{Activation, Config, Module};
use support::{ScriptRun, script, start, task};

const GUESTS: usize = 1_000;
const ACTIVATIONS: u32 = 20_000;
const COPIES: u32 = 200;

fn main() {
    let module = script(Config { instances: 2_048, cache: None, ..Config::default() });
    making(&module);
    activating(&module);
    keeping(&module);
    copying(&module);
}

fn row(what: &str, value: impl std::fmt::Display) {
    println!("  {what:<48} {value:>12}");
}

fn micros(duration: Duration, count: u32) -> String {
    format!("{:.2} µs", duration.as_secs_f64() * 1e6 / f64::from(count))
}

fn making(module: &Module) {
    let count = 2_000;
    // The first guests warm up caches.
    for _ in 0..100 {
        ScriptRun::new(module).start("timer 1").unwrap();
    }
    let begin = cpu_time();
    for _ in 0..count {
        ScriptRun::new(module);
    }
    row("make and drop a guest", micros(cpu_time() - begin, count));
    let begin = cpu_time();
    for _ in 0..count {
        ScriptRun::new(module).start("timer 1").unwrap();
    }
    row("make, activate once and drop a guest", micros(cpu_time() - begin, count));
}

fn activating(module: &Module) {
    let mut run = ScriptRun::new(module);
    run.start(&"timer 1\nwait\n".repeat(ACTIVATIONS as usize + 1)).unwrap();
    let fired = task(vec![Job::TimerFired(1)]);
    let begin = cpu_time();
    for _ in 0..ACTIVATIONS {
        run.instance.activate(&fired, Activation::default()).unwrap();
    }
    row("activate: a timer fired, start another", micros(cpu_time() - begin, ACTIVATIONS));
}

fn keeping(module: &Module) {
    let before = resident_bytes();
    let runs: Vec<_> = (0..GUESTS)
        .map(|_| {
            let mut run = ScriptRun::new(module);
            run.instance.activate(&task(vec![start("activity a\nwait")]), Activation::default()).unwrap();
            run
        })
        .collect();
    let bytes = resident_bytes().saturating_sub(before) / GUESTS;
    row("resident memory of a guest", format!("{} KiB", bytes / 1_024));
    row("as `memory_bytes` estimates it", format!("{} KiB", runs[0].instance.memory_bytes() / 1_024));
}

fn copying(module: &Module) {
    let mut run = ScriptRun::new(module);
    run.start("activity a\nwait").unwrap();
    let begin = cpu_time();
    for _ in 0..COPIES {
        run.instance.state_hash().unwrap();
    }
    row("hash the state", micros(cpu_time() - begin, COPIES));
    let begin = cpu_time();
    for _ in 0..COPIES {
        run.instance.save().unwrap();
    }
    row("save the state", micros(cpu_time() - begin, COPIES));
    let snapshot = run.instance.save().unwrap();
    let begin = cpu_time();
    for _ in 0..COPIES {
        ScriptRun::new(module).instance.restore(&snapshot).unwrap();
    }
    row("make a guest and restore the state", micros(cpu_time() - begin, COPIES));
}

/// Processor time of this thread.
fn cpu_time() -> Duration {
    let status = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(status.split(' ').next().unwrap().parse().unwrap())
}

/// Resident memory of this process.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap_or_default() * 1_024
}
