//! What the worker's tests share: modules, an engine for them, and the embedded service.

#![allow(dead_code, unreachable_pub, reason = "every test target uses its own part of it")]

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

/// The same module with another digest: a custom section that says which version it is.
pub fn version(module: &[u8], version: u8) -> Vec<u8> {
    const CUSTOM_SECTION: u8 = 0;
    let section = [1, b'v', version];
    [module, &[CUSTOM_SECTION, u8::try_from(section.len()).unwrap()], &section].concat()
}

/// The guest that runs scripts, which does something else at the line `constant-activity`.
pub fn incompatible(module: &[u8]) -> Vec<u8> {
    patched(module, b"the-activity-that-tests-rename", b"an-activity-that-tests-renamed")
}

/// The guest that runs scripts, which panics at the line `constant-line`.
pub fn panicking(module: &[u8]) -> Vec<u8> {
    patched(module, b"random the-line-that-tests-turn", b"panic  the-line-that-tests-turn")
}

fn patched(module: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut module = module.to_vec();
    let at = module.windows(from.len()).position(|window| window == from).unwrap();
    module[at..at + from.len()].copy_from_slice(to);
    module
}

/// An engine that keeps what it compiled for all tests: the compiler is slow without optimization.
pub fn engine() -> Engine {
    engine_for(None)
}

/// The same with room for so many guests; enough without a number.
pub fn engine_for(guests: Option<u32>) -> Engine {
    let instances = guests.unwrap_or(16);
    let cache = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled"));
    Engine::new(Config { instances, cache, ..Config::default() }).unwrap()
}
