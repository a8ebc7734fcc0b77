//! Many swaps among versions of a workflow, while runs wait, others begin and end, and the host is killed: each run ends with
//! the result of the version that began it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use test_harness::{incompatible, numbered};

use crate::{
    machine::{Machine, Running, digest},
    service::succeed,
};

/// Swaps, unless `HOST_SWAPS` says otherwise.
const SWAPS: u16 = 5;
/// Versions that the swaps go through, again and again: a rollback is one of them.
const VERSIONS: u16 = 3;
/// After so many swaps the host is killed, each time.
const KILL_AFTER: u16 = 2;
/// Runs that each version begins, and that wait for so many swaps.
const WAITS_FOR_SWAPS: u16 = 2;
const OPEN: &str = "constant-activity\nwait\nwait\ncomplete-version";
const SHORT: &str = "timer 0\nwait\ncomplete-version";

/// What the runs are on.
struct Ledger {
    /// By build id.
    versions: BTreeMap<String, u16>,
    /// Runs that wait, each with the version that began it.
    open: Vec<(String, u16)>,
    /// What runs of each version end with.
    results: BTreeMap<u16, String>,
}

pub(crate) fn each_run_ends_with_its_version() {
    let swaps = std::env::var("HOST_SWAPS").map_or(SWAPS, |swaps| swaps.parse().unwrap());
    let machine = Machine::new();
    machine.replace(&numbered(&machine.script, 0));
    let first = build(&machine.module().display().to_string());
    let versions = BTreeMap::from([(first, 0)]);
    let mut ledger = Ledger { versions, open: Vec::new(), results: BTreeMap::new() };
    let mut running = machine.start(&[]);
    let mut serving = 0;
    for swap in 0..swaps {
        begin(&running, &mut ledger, &format!("run-{swap}"), serving);
        let done = AtomicBool::new(false);
        let ended = thread::scope(|scope| {
            let load = scope.spawn(|| load(&running, swap, &done));
            serving = (serving + 1) % VERSIONS;
            let build = swap_to(&machine, serving);
            done.store(true, Ordering::Relaxed);
            ledger.versions.insert(build, serving);
            load.join().unwrap()
        });
        for (id, build, result) in ended {
            ledger.note(&id, ledger.versions[&build], result);
        }
        if swap % KILL_AFTER == KILL_AFTER - 1 {
            drop(running);
            running = machine.start(&[]);
        }
        if swap >= WAITS_FOR_SWAPS {
            end(&running, &mut ledger);
        }
    }
    while !ledger.open.is_empty() {
        end(&running, &mut ledger);
    }
    let results: BTreeSet<&String> = ledger.results.values().collect();
    assert_eq!(results.len(), ledger.results.len(), "every version has its own: {:?}", ledger.results);
}

/// Begins a run, which the version that serves takes.
fn begin(running: &Running, ledger: &mut Ledger, id: &str, serving: u16) {
    running.begin(id, OPEN);
    assert_eq!(ledger.versions[&running.builds(id, 1)[0]], serving, "{id}");
    ledger.open.push((id.to_owned(), serving));
}

/// Ends the run that waits longest.
fn end(running: &Running, ledger: &mut Ledger) {
    let (id, version) = ledger.open.remove(0);
    for tasks in [2, 3] {
        running.signal(&id);
        let builds = running.builds(&id, tasks);
        assert!(builds.iter().all(|build| ledger.versions[build] == version), "{id}: {builds:?}");
    }
    ledger.note(&id, version, result(running, &id));
}

fn result(running: &Running, id: &str) -> String {
    succeed(&running.address, &["workflow", "result", "-w", id])
}

impl Ledger {
    /// Holds a result against those of the same version.
    fn note(&mut self, id: &str, version: u16, result: String) {
        let of_version = self.results.entry(version).or_insert_with(|| result.clone());
        assert_eq!(*of_version, result, "{id}, version {version}");
    }
}

/// Tries a module with which the open runs do not agree, and then swaps to a version, whose build id this returns.
fn swap_to(machine: &Machine, version: u16) -> String {
    let refused = machine.elsewhere(&incompatible(&numbered(&machine.script, 99)));
    let output = machine.modules(&["swap", &refused, "--policy", "require"]);
    assert_eq!(output.code, 1, "{output:?}");
    let next = machine.elsewhere(&numbered(&machine.script, version));
    let output = machine.modules(&["swap", &next]);
    assert_eq!(output.code, 0, "{output:?}");
    build(&next)
}

/// Executes short runs, one after the other, until `done`. Returns of each its id, the build that executed all of it, and its
/// result.
fn load(running: &Running, swap: u16, done: &AtomicBool) -> Vec<(String, String, String)> {
    let mut ended = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let id = format!("short-{swap}-{}", ended.len());
        running.begin(&id, SHORT);
        let result = result(running, &id);
        let mut builds = running.builds(&id, 2);
        builds.dedup();
        assert_eq!(builds.len(), 1, "{id} has moved: {builds:?}");
        ended.extend(builds.pop().map(|build| (id, build, result)));
    }
    ended
}

fn build(path: &str) -> String {
    format!("wasm-sha256-{}", digest(path))
}
