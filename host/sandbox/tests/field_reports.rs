//! Faults of wasmtime and of hosts that embed it, told to this sandbox; `tests/field-reports.md` names the
//! reports. The target has its own `main`, because modules are compiled in a child process, which runs this
//! executable.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod support;

use std::path::Path;
use std::process::ExitCode;
use std::sync::OnceLock;

use guest_build::{Package, build};
use host_sandbox::{Engine, LoadError, compile_child_main};
use libtest_mimic::{Arguments, Trial};
use support::config;

/// Sections of a component, by id.
const COMPONENT: u8 = 4;
const TYPE: u8 = 7;
const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";
/// Far more than the stack of a thread has frames for.
const DEPTH: u32 = 200_000;

fn main() -> ExitCode {
    if let Some(code) = compile_child_main() {
        return code;
    }
    let trial = Trial::test("what_is_nested_too_deeply_is_refused", || {
        what_is_nested_too_deeply_is_refused();
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

fn leb128(mut number: u32, out: &mut Vec<u8>) {
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// A type by its index, which is a number with a sign: negative ones are the types that have a name.
fn signed_leb128(mut number: u32, out: &mut Vec<u8>) {
    while number >= 0x40 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push((number & 0x7f) as u8);
}

fn section(id: u8, contents: &[u8]) -> Vec<u8> {
    let mut section = vec![id];
    leb128(u32::try_from(contents.len()).unwrap(), &mut section);
    section.extend_from_slice(contents);
    section
}

/// A module that works, and one more section.
fn with(section: &[u8]) -> Vec<u8> {
    static PLAIN: OnceLock<Vec<u8>> = OnceLock::new();
    let plain = PLAIN.get_or_init(|| {
        let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/guests"));
        let package = Package { profile: "small", ..Package::new(workspace, "plain") };
        std::fs::read(build(&package).unwrap()).unwrap()
    });
    [plain.as_slice(), section].concat()
}

/// `list<list<list<…`, each type by the index of the one before. In a component of their own, so that the first
/// has the index 0.
fn nested_lists(depth: u32) -> Vec<u8> {
    const LIST: u8 = 0x70;
    const U8: u8 = 0x7d;
    let mut types = Vec::new();
    leb128(depth, &mut types);
    types.extend([LIST, U8]);
    for index in 0..depth - 1 {
        types.push(LIST);
        signed_leb128(index, &mut types);
    }
    section(COMPONENT, &[HEADER, &section(TYPE, &types)].concat())
}

/// Component types within component types: `(component (type (component (type …`.
fn nested_declarations() -> Vec<u8> {
    const COMPONENT_TYPE: u8 = 0x41;
    const ONE_DECLARATION: u8 = 1;
    const TYPE_DECLARATION: u8 = 1;
    let mut types = vec![1];
    for _ in 0..DEPTH {
        types.extend([COMPONENT_TYPE, ONE_DECLARATION, TYPE_DECLARATION]);
    }
    types.extend([COMPONENT_TYPE, 0]);
    section(TYPE, &types)
}

/// Components within components.
fn nested_components(depth: u32) -> Vec<u8> {
    let mut component = HEADER.to_vec();
    for _ in 0..depth {
        component = [HEADER, &section(COMPONENT, &component)].concat();
    }
    section(COMPONENT, &component)
}

/// The parser of component types calls itself for each level. That ends the child process that compiles, not
/// the host.
fn what_is_nested_too_deeply_is_refused() {
    let engine = Engine::new(config()).unwrap();
    for (what, section) in [("lists", nested_lists(DEPTH)), ("declarations", nested_declarations())] {
        let error = engine.load(&with(&section)).expect_err(what);
        assert!(
            matches!(error, LoadError::Compile(_) | LoadError::Malformed { .. } | LoadError::NestedTypes),
            "{what}: {error:?}"
        );
        assert!(error.to_string().len() < 2_000, "{what}: {} bytes", error.to_string().len());
    }
    // What the compiler takes is no fault.
    engine.load(&with(&nested_lists(50))).unwrap();
    drop(engine.load(&with(&nested_components(2_000))));
}
