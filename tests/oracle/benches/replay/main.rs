//! How fast histories replay: core alone, the host with a guest in the sandbox, and Temporal's Rust SDK
//! natively, on the same bytes in the same run. `cargo bench --bench replay`.
//!
//! Hello is one activity, Chain(n) n activities one after another, Fan(n) n at once; what they take and
//! give back is a string of 100 bytes. Each cell is the median of rounds in which all take turns. A name
//! as argument runs only the workloads that begin with it, `--engine` only one engine, `--rounds` more or
//! fewer rounds; for a profiler: `Chain(1000) --engine host --rounds 30`.

mod native;
mod ours;

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use bytes::Bytes;
use host_wire::{History, temporal::api::history::v1::HistoryEvent};
use prost::Message;

use native::Native;
use oracle::{process, written};
use ours::Sandboxed;

/// Rounds of which the median counts, unless told otherwise.
const ROUNDS: usize = 5;
/// How long each engine runs each workload in a round, at least.
const ROUND_TIME: Duration = Duration::from_millis(300);
/// Histories that the Rust SDK gets at once: it sets up a worker for each call.
const NATIVE_EVENTS_AT_ONCE: usize = 2_000;

const ENGINES: [&str; 3] = ["core", "host", "rust-sdk"];

struct Workload {
    name: String,
    activities: u32,
    at_once: bool,
    events: usize,
    history: Bytes,
}

impl Workload {
    fn new(name: &str, activities: u32, at_once: bool, events: &[HistoryEvent]) -> Self {
        let history: History = events.iter().collect();
        Self {
            name: name.to_owned(),
            activities,
            at_once,
            events: events.len(),
            history: history.encode_to_vec().into(),
        }
    }
}

fn workloads() -> Vec<Workload> {
    let mut workloads = vec![Workload::new("Hello", 1, false, &written::hello())];
    for count in [10, 100, 1_000, 5_000] {
        workloads.push(Workload::new(&format!("Chain({count})"), count, false, &written::chain(count)));
    }
    workloads.push(Workload::new("Fan(1000)", 1_000, true, &written::fan(1_000)));
    workloads
}

struct Engines {
    sandboxed: Sandboxed,
    native: Native,
}

impl Engines {
    /// Replays so many events or more; how many.
    fn replay(&self, engine: &str, workload: &Workload) -> Result<usize> {
        let history = &workload.history;
        match engine {
            "core" => ours::replay_core(history, workload.activities, workload.at_once)?,
            "host" => {
                self.sandboxed.replay(history)?;
            }
            _ => {
                let times = NATIVE_EVENTS_AT_ONCE / workload.events + 1;
                self.native.replay(history, times)?;
                return Ok(times * workload.events);
            }
        }
        Ok(workload.events)
    }
}

/// One engine, one workload, one round.
#[derive(Clone, Copy, Debug)]
struct Measured {
    events_per_second: f64,
    cpu_ns_per_event: f64,
    peak_bytes: u64,
}

fn measure(engines: &Engines, engine: &str, workload: &Workload) -> Result<Measured> {
    process::reset_peak();
    let resident = process::resident_bytes().unwrap_or_default();
    let cpu = process::cpu_time().unwrap_or_default();
    let start = Instant::now();
    let mut events = 0;
    while start.elapsed() < ROUND_TIME {
        events += engines.replay(engine, workload)?;
    }
    let elapsed = start.elapsed();
    let cpu = process::cpu_time().unwrap_or_default().saturating_sub(cpu);
    Ok(Measured {
        events_per_second: events as f64 / elapsed.as_secs_f64(),
        cpu_ns_per_event: cpu.as_secs_f64() * 1e9 / events as f64,
        peak_bytes: process::peak_bytes().unwrap_or_default().saturating_sub(resident),
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<()> {
    // What cargo adds, `--bench`, is no name.
    let mut arguments = env::args().skip(1).filter(|it| it != "--bench");
    let (mut name, mut only, mut count) = (String::new(), None, ROUNDS);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--engine" => only = arguments.next(),
            "--rounds" => count = arguments.next().context("how many rounds?")?.parse()?,
            _ => name = argument,
        }
    }
    let engines = Engines { sandboxed: Sandboxed::new()?, native: Native::new()? };
    let names: Vec<&str> =
        ENGINES.into_iter().filter(|it| only.as_deref().is_none_or(|only| only == *it)).collect();

    println!("| workload | engine | events/s | CPU per event | peak memory | of the Rust SDK |");
    println!("|---|---|---|---|---|---|");
    for workload in workloads().iter().filter(|workload| workload.name.starts_with(&name)) {
        let mut rounds: Vec<Vec<Measured>> = vec![Vec::new(); names.len()];
        for _ in 0..count {
            for (engine, rounds) in names.iter().zip(&mut rounds) {
                rounds.push(measure(&engines, engine, workload)?);
            }
        }
        let speed = |rounds: &[Measured]| median(rounds.iter().map(|it| it.events_per_second).collect());
        let native = rounds.last().map_or(1.0, |rounds| speed(rounds));
        for (engine, rounds) in names.iter().zip(&rounds) {
            println!(
                "| {} | {engine} | {:.0} | {:.0} ns | {:.1} MB | {:.1} × |",
                workload.name,
                speed(rounds),
                median(rounds.iter().map(|it| it.cpu_ns_per_event).collect()),
                rounds.iter().map(|it| it.peak_bytes).max().unwrap_or_default() as f64 / 1e6,
                speed(rounds) / native,
            );
        }
    }
    costs_of_a_run(&engines.sandboxed)
}

/// What a run costs before it has done anything much.
fn costs_of_a_run(sandboxed: &Sandboxed) -> Result<()> {
    let hello = Workload::new("Hello", 1, false, &written::hello());
    let statistics = sandboxed.replay(&hello.history)?;
    println!("\nA guest takes {} KB of linear memory after Hello.", statistics.memory_bytes / 1_024);
    Ok(())
}
