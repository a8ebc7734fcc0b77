//! Damaged modules: whatever is done to the bytes, loading gives an answer.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod support;

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use guest_build::{Package, build};
use host_sandbox::{Activation, Config, Discard, Engine, RunInit};
use proptest::prelude::{ProptestConfig, any, prop, proptest};

/// Loads per run of the tests: each that survives the checks is compiled.
const CASES: u32 = 12;

/// A module without names and line tables, so that damage hits what matters.
fn original() -> &'static [u8] {
    static ORIGINAL: OnceLock<Vec<u8>> = OnceLock::new();
    ORIGINAL.get_or_init(|| {
        let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/guests"));
        let package = Package { profile: "small", ..Package::new(workspace, "plain") };
        std::fs::read(build(&package).unwrap()).unwrap()
    })
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let config = Config { deadline: Duration::from_millis(500), instances: 4, ..Config::default() };
        Engine::new(config).unwrap()
    })
}

/// Takes a module as far as it goes.
fn exercise(bytes: &[u8]) {
    let Ok(module) = engine().load(bytes) else { return };
    let Ok(mut instance) = module.instantiate(RunInit { random_seed: 0, sink: Box::new(Discard) }) else {
        return;
    };
    // Both an answer and a fault are fine.
    let _ = instance.activate(&support::task(vec![support::start("activity a")]), Activation::default());
}

#[test]
fn the_original_is_a_module() {
    engine().load(original()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_modules_never_crash_the_loader(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut bytes = original().to_vec();
        for (at, value) in flips {
            *at.get_mut(&mut bytes) = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        exercise(&bytes);
    }
}
