//! Damaged modules: loading returns a module or an error, whatever the bytes are.
//!
//! `just mutations` tries many more of them, and prints how long refusals take.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

#[path = "support/rewrite.rs"]
mod rewrite;
mod support;
#[path = "support/tiny.rs"]
mod tiny;

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use host_sandbox::{Activation, Config, Discard, Engine, RunInit};
use proptest::prelude::{ProptestConfig, any, prop};
use proptest::strategy::Strategy;
use proptest::test_runner::TestRunner;

/// The environment variable that sets another number of damaged modules than [`CASES`].
const MUTATIONS: &str = "HOST_MODULE_MUTATIONS";
/// The default number of damaged modules. Each that passes the checks is compiled.
const CASES: u32 = 80;
/// The largest number of changed bytes.
const MOST_CHANGES: usize = 4;

/// The share of damaged modules that begin as a guest of Rust. The others begin as one with hand-made code, which
/// compiles in milliseconds.
const RUST_SHARE: f64 = 0.35;

/// A module without names and line tables.
struct Original {
    bytes: Vec<u8>,
    /// The sections of the component and of all that is inside. Half of the damage is spread over these and not over the
    /// bytes, most of which are code: what is short is counts, types and indices.
    sections: Vec<Range<usize>>,
}

impl Original {
    fn new(bytes: Vec<u8>) -> Self {
        let mut sections = Vec::new();
        for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
            let range = payload.unwrap().as_section().map(|(_, range)| range);
            sections.extend(range);
        }
        Self { bytes, sections }
    }

    fn get(rust: bool) -> &'static Self {
        static RUST: OnceLock<Original> = OnceLock::new();
        static TINY: OnceLock<Original> = OnceLock::new();
        if rust {
            RUST.get_or_init(|| Self::new(support::small_guest()))
        } else {
            TINY.get_or_init(|| Self::new(tiny::tiny_guest()))
        }
    }
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
    engine().load(&Original::get(false).bytes).unwrap();
    engine().load(&Original::get(true).bytes).unwrap();
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

/// Where damage is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Anywhere(prop::sample::Index),
    /// A section, and a byte of it.
    Section(prop::sample::Index, prop::sample::Index),
}

fn place() -> impl Strategy<Value = Place> {
    let index = any::<prop::sample::Index>;
    let section = (index(), index()).prop_map(|(section, byte)| Place::Section(section, byte));
    prop::strategy::Union::new(vec![index().prop_map(Place::Anywhere).boxed(), section.boxed()])
}

fn damaged(original: &Original, changes: &[(Place, Change)], cut: Option<Place>) -> Vec<u8> {
    let position = |place: &Place| match place {
        Place::Anywhere(byte) => byte.index(original.bytes.len()),
        Place::Section(section, byte) => {
            let section = section.get(&original.sections);
            section.start + byte.index(section.len())
        }
    };
    let mut bytes = original.bytes.clone();
    for (place, change) in changes {
        // Changes before may have removed some.
        let at = position(place).min(bytes.len() - 1);
        match *change {
            Change::Replace(value) => bytes[at] = value,
            Change::Insert(value) => bytes.insert(at, value),
            Change::Remove => drop(bytes.remove(at)),
        }
    }
    if let Some(cut) = cut {
        bytes.truncate(position(&cut));
    }
    bytes
}

#[test]
fn damaged_modules_never_crash_the_loader() {
    let cases = std::env::var(MUTATIONS).map_or(CASES, |cases| cases.parse().unwrap());
    let changes = prop::collection::vec((place(), change()), 1..=MOST_CHANGES);
    let cut = prop::option::weighted(0.1, place());
    let refusals = RefCell::new(Vec::new());
    let of_rust = Cell::new(0);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&(prop::bool::weighted(RUST_SHARE), changes, cut), |(rust, changes, cut)| {
            of_rust.set(of_rust.get() + u32::from(rust));
            let bytes = damaged(Original::get(rust), &changes, cut);
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
    let (refused, of_rust) = (refusals.len(), of_rust.get());
    eprintln!("{refused} of {cases} refused, {of_rust} of a Rust guest; p50 {:?}, p99 {:?}", at(50), at(99));
    assert!(!refusals.is_empty());
}
