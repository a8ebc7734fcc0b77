//! Damaged modules: loading returns a module or an error, whatever the bytes are.
//!
//! `just mutations` tries many more of them, and prints how long refusals take.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

#[path = "support/rewrite.rs"]
mod rewrite;
mod support;
#[path = "support/tiny.rs"]
mod tiny;

use std::cell::RefCell;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use host_sandbox::{Activation, Config, Discard, Engine, RunInit};
use proptest::prelude::{ProptestConfig, any, prop};
use proptest::strategy::Strategy;
use proptest::test_runner::TestRunner;

/// The environment variable that sets another number of damaged modules than [`CASES`].
const MUTATIONS: &str = "HOST_MODULE_MUTATIONS";
/// The default number of damaged modules. Each that passes the checks is compiled.
const CASES: u32 = 200;
/// The largest number of changed bytes.
const MOST_CHANGES: usize = 5;

/// The share of damaged modules that begin as a guest of Rust, which takes a compiler without optimization seconds. The
/// others begin as one with hand-made code, so that damage hits types and the structure of the component.
const RUST_SHARE: f64 = 0.02;

/// A module without names and line tables, so that damage hits code and types.
fn original(rust: bool) -> &'static [u8] {
    static RUST: OnceLock<Vec<u8>> = OnceLock::new();
    static TINY: OnceLock<Vec<u8>> = OnceLock::new();
    if rust { RUST.get_or_init(support::small_guest) } else { TINY.get_or_init(tiny::tiny_guest) }
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let config = Config { deadline: Duration::from_millis(500), instances: 4, ..Config::default() };
        Engine::new(config).unwrap()
    })
}

/// Loads a module and activates a guest. Returns whether the module was refused.
fn exercise(bytes: &[u8]) -> bool {
    let Ok(module) = engine().load(bytes) else { return true };
    let Ok(mut instance) = module.instantiate(RunInit { random_seed: 0, sink: Box::new(Discard) }) else {
        return false;
    };
    // A result and a fault are both allowed.
    let _ = instance.activate(&support::task(vec![support::start("activity a")]), Activation::default());
    false
}

#[test]
fn the_originals_are_modules() {
    engine().load(original(false)).unwrap();
    engine().load(original(true)).unwrap();
}

/// A change of a byte.
#[derive(Clone, Copy, Debug)]
enum Change {
    Replace(u8),
    Insert(u8),
    Remove,
}

fn change() -> impl Strategy<Value = Change> {
    prop::strategy::Union::new_weighted(vec![
        (8, any::<u8>().prop_map(Change::Replace).boxed()),
        (1, any::<u8>().prop_map(Change::Insert).boxed()),
        (1, prop::strategy::Just(Change::Remove).boxed()),
    ])
}

fn damaged(
    original: &[u8],
    changes: &[(prop::sample::Index, Change)],
    cut: Option<prop::sample::Index>,
) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for (at, change) in changes {
        let at = at.index(bytes.len());
        match *change {
            Change::Replace(value) => bytes[at] = value,
            Change::Insert(value) => bytes.insert(at, value),
            Change::Remove => drop(bytes.remove(at)),
        }
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len()));
    }
    bytes
}

#[test]
fn damaged_modules_never_crash_the_loader() {
    let cases = std::env::var(MUTATIONS).map_or(CASES, |cases| cases.parse().unwrap());
    let changes = prop::collection::vec((any::<prop::sample::Index>(), change()), 1..=MOST_CHANGES);
    let cut = prop::option::weighted(0.1, any::<prop::sample::Index>());
    let refusals = RefCell::new(Vec::new());
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&(prop::bool::weighted(RUST_SHARE), changes, cut), |(rust, changes, cut)| {
            let bytes = damaged(original(rust), &changes, cut);
            let start = Instant::now();
            if exercise(&bytes) {
                refusals.borrow_mut().push(start.elapsed());
            }
            Ok(())
        })
        .unwrap();
    let mut refusals = refusals.into_inner();
    refusals.sort();
    let at = |percent: usize| refusals.get(refusals.len() * percent / 100).copied().unwrap_or_default();
    eprintln!("{} of {cases} refused; p50 {:?}, p99 {:?}", refusals.len(), at(50), at(99));
    assert!(!refusals.is_empty());
}
