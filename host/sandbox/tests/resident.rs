//! What guests are said to occupy is what the process occupies. One test, because it looks at the whole process.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

#[path = "support/rewrite.rs"]
mod rewrite;
mod support;

use std::process::Command;

use host_sandbox::{Config, Engine, Module};
use support::{ScriptRun, config, guest};
use wasm_encoder::{Encode as _, RawSection};

const MEMORY_SECTION: u8 = 5;
const WASM_PAGE_BYTES: u32 = 64 << 10;

/// Bytes of this process in memory that belong to no file (`proc_pid_status(5)`, `RssAnon`).
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<usize>().unwrap() << 10
}

fn load(bytes: &[u8]) -> Module {
    Engine::new(Config { instances: 300, ..config() }).unwrap().load(bytes).unwrap()
}

/// Makes guests that run a script, and compares what they say with what the process occupies.
fn check(name: &str, module: &Module, guests: usize, script: &str, at_least: usize) {
    // What the first guest of a module and of a thread takes is not that of each guest.
    drop(ScriptRun::new(module).start(script).unwrap());
    let before = resident_bytes();
    let mut runs: Vec<ScriptRun> = Vec::with_capacity(guests);
    for _ in 0..guests {
        let mut run = ScriptRun::new(module);
        run.start(script).unwrap();
        runs.push(run);
    }
    let taken = resident_bytes() - before;
    let counted: usize = runs.iter().map(|run| run.instance.memory_bytes()).sum();
    eprintln!(
        "{name}: {} KiB taken and {} KiB counted each",
        (taken / guests) >> 10,
        (counted / guests) >> 10
    );
    assert!(counted >= guests * at_least, "{name}: {counted}");
    assert!(counted.abs_diff(taken) <= taken / 10, "{name}: {counted} counted, {taken} taken");
}

/// Set in the process that measures.
const MEASURES: &str = "HOST_TEST_MEASURES_GUESTS";

#[test]
fn guests_are_counted_as_they_are() {
    let script = guest("script");
    let module = load(&script);
    let large = load(&rewrite::with_core(&script, |core| {
        let mut changed = wasm_encoder::Module::new();
        for (id, data) in rewrite::sections(core) {
            let data = if id == MEMORY_SECTION { memory(1_000) } else { data };
            changed.section(&RawSection { id, data: &data });
        }
        changed.finish()
    }));
    if std::env::var_os(MEASURES).is_none() {
        // Compiling leaves free memory in the process, which guests would take. So another process measures, for which the
        // modules are compiled now.
        let mut measures = Command::new(std::env::current_exe().unwrap());
        let measured = measures.args(["--exact", "guests_are_counted_as_they_are", "--nocapture"]);
        assert!(measured.env(MEASURES, "1").status().unwrap().success());
        return;
    }
    check("small", &module, 200, "activity a", 30 << 10);
    check("grown", &module, 20, "ballast 5000000\nactivity a", 5_000_000);
    let untouched = ScriptRun::new(&large);
    assert!(untouched.instance.memory_bytes() < 1 << 20, "{}", untouched.instance.memory_bytes());
    drop(untouched);
    // Behind all that the guest uses itself, and without growing.
    let touch = format!("touch {}\nactivity a", 100 * WASM_PAGE_BYTES);
    check("large", &large, 4, &touch, 900 * WASM_PAGE_BYTES as usize);
}

/// A memory section with a memory of so many pages.
fn memory(pages: u32) -> Vec<u8> {
    let mut section = vec![1, 0];
    pages.encode(&mut section);
    section
}
