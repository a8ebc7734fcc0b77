//! What the worker's tests share: modules, an engine for them, and the embedded service.

#![allow(dead_code, unreachable_pub, unused_imports, reason = "every test target uses its own part of it")]

pub mod bench;
pub mod embedded;
pub mod live;

use std::path::Path;

use guest_build::{Package, build};
use host_sandbox::{Config, Engine};

/// The bytes of a guest of `tests/guests`.
pub fn guest(name: &str) -> Vec<u8> {
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/guests"));
    let path = build(&Package::new(workspace, name)).unwrap_or_else(|error| panic!("{error}"));
    std::fs::read(path).unwrap()
}

pub use test_harness::{compatible as version, incompatible, panicking};

/// An engine that keeps what it compiled for all tests: the compiler is slow without optimization.
pub fn engine() -> Engine {
    engine_for(None)
}

/// The same with room for so many guests; enough without a number.
pub fn engine_for(guests: Option<u32>) -> Engine {
    let instances = guests.unwrap_or(16);
    Engine::new(Config { instances, ..Config::for_tests() }).unwrap()
}
