//! Guests with random code, made by wasm-smith: each gets a verdict, within the limits of a run.
//!
//! `smith/` has some of them, as core modules for the component of the guest `script`; the name of a file is its seed.
//! `just smith COUNT` tries as many others, and `just smith-corpus` makes these anew, as a change of the contract needs.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

#[path = "support/rewrite.rs"]
mod rewrite;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use host_sandbox::wit::Query;
use host_sandbox::{Activation, Config, Discard, Engine, Fault, HostFault, Instance, RunInit};
use support::{guest, start, task};

/// The environment variable with another folder of modules than `smith/`.
const FOLDER: &str = "HOST_SMITH_MODULES";
/// The longest call into a guest: many loop without end.
const DEADLINE: Duration = Duration::from_millis(100);
/// Activations of one guest, so that its later ones begin with what the first have left.
const ACTIVATIONS: u32 = 3;

/// How a module ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// It is not loaded.
    Refused,
    /// No guest of it is made, or a call fails by the guest's fault or at a limit.
    Faulted,
    /// All calls return.
    Ran,
}

#[test]
fn random_guests_get_a_verdict() {
    let folder = std::env::var_os(FOLDER).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("smith"));
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no modules", folder.display());
    let shell = guest("script");
    let config = Config { deadline: DEADLINE, instances: 4, ..Config::default() };
    let engine = Engine::new(config).unwrap();
    let mut ends: BTreeMap<End, usize> = BTreeMap::new();
    let mut slowest = (Duration::ZERO, PathBuf::new());
    for file in &files {
        let core = fs::read(file).unwrap();
        let begin = Instant::now();
        let end = exercise(&engine, &rewrite::with_core(&shell, |_| core), file);
        *ends.entry(end).or_default() += 1;
        slowest = slowest.max((begin.elapsed(), file.clone()));
    }
    eprintln!("{} modules: {ends:?}; the slowest took {:?}: {}", files.len(), slowest.0, slowest.1.display());
    let count = |end: End| ends.get(&end).copied().unwrap_or_default();
    // Else the modules are those of another contract.
    assert!(count(End::Refused) * 2 < files.len() && count(End::Ran) > 0, "few are executed: {ends:?}");
}

/// Loads a module and calls a guest of it in all ways. What is no fault of the guest fails the test.
fn exercise(engine: &Engine, bytes: &[u8], file: &Path) -> End {
    let Ok(module) = engine.load(bytes) else { return End::Refused };
    let run = RunInit { random_seed: 0, sink: Box::new(Discard) };
    let done = module.instantiate(run).and_then(|mut guest| calls(&mut guest));
    match done {
        Ok(()) => End::Ran,
        Err(Fault::Guest(_) | Fault::Limit(_)) => End::Faulted,
        Err(fault @ Fault::Host(_)) => panic!("{}: {fault}", file.display()),
    }
}

fn calls(guest: &mut Instance) -> Result<(), Fault> {
    for number in 0..ACTIVATIONS {
        let jobs = if number == 0 { vec![start("timer 1")] } else { Vec::new() };
        guest.activate(&task(jobs), Activation { replaying: number == 1, ..Activation::default() })?;
    }
    let query = Query { name: "now".to_owned(), arguments: Vec::new(), headers: Vec::new() };
    let mut asked = match guest.copy(Box::new(Discard)) {
        Ok(mut copy) => {
            assert_eq!(copy.state_hash()?, guest.state_hash()?, "a copy differs from its original");
            copy
        }
        // It is asked itself, as a host does: see `HostFault::State`.
        Err(Fault::Host(HostFault::State(_))) => return guest.query(&query).map(drop),
        Err(fault) => return Err(fault),
    };
    asked.query(&query).map(drop)
}
