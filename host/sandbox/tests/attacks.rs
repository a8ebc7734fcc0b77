//! Attacks: each gives the expected fault, and does not affect another guest of the same engine.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod support;

use std::sync::OnceLock;
use std::time::Duration;

use host_sandbox::{Config, Engine, Fault, LoadError, Module};
use support::{ScriptRun, config, guest, render, script};

/// One engine for all attacks, so that an attack that damages the engine makes the next test fail.
fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| {
        script(Config { deadline: Duration::from_millis(1_500), memory_bytes: 16 << 20, ..config() })
    })
}

/// Runs an attack beside another guest. Checks the kind and the message of the fault, and that the other
/// guest goes on.
fn check(attack: &str, kind: &str, message: &str) -> Fault {
    let mut neighbour = ScriptRun::new(module());
    neighbour.start("activity before\nwait\nactivity after").unwrap();
    let fault = ScriptRun::new(module()).start(attack).expect_err(attack);
    let found = match &fault {
        Fault::Guest(_) => "guest",
        Fault::Limit(_) => "limit",
        Fault::Host(_) => "host",
    };
    assert_eq!(found, kind, "{attack}: {fault}");
    assert!(fault.to_string().contains(message), "{attack}: {fault}");
    assert!(!fault.to_string().contains('\n'), "{attack}: {fault}");
    let commands = neighbour.activate(support::task(Vec::new())).unwrap();
    assert_eq!(render(&commands), "activity 2 after after");
    fault
}

#[test]
fn limits() {
    for (attack, message) in [
        ("loop", "ran for more than 1500 ms"),
        ("loop-calling", "ran for more than 1500 ms"),
        ("grow", "bytes of memory, and may have 16777216"),
        ("recurse", "ran out of stack"),
        ("huge-list 9000000", "handed over more than 8388608 bytes in one call"),
        ("many-commands", "more than 16384 commands"),
        ("large-commands", "commands of one workflow task take more than 16777216 bytes"),
        ("heavy error-types", "commands of one workflow task take more than 16777216 bytes"),
        ("heavy fairness-key", "commands of one workflow task take more than 16777216 bytes"),
        ("heavy empty-payloads", "commands of one workflow task take more than 16777216 bytes"),
        ("heavy signal-target", "commands of one workflow task take more than 16777216 bytes"),
        ("heavy cancel-target", "commands of one workflow task take more than 16777216 bytes"),
        ("heavy new-run", "commands of one workflow task take more than 16777216 bytes"),
        ("heavy failure-source", "commands of one workflow task take more than 16777216 bytes"),
        ("log-flood", "logged more than 1048576 bytes"),
        ("log-places", "logged more than 1048576 bytes"),
        ("metrics-units", "logged more than 1048576 bytes"),
        ("print-flood", "logged more than 1048576 bytes"),
        ("metrics-flood", "logged more than 1048576 bytes"),
        ("random-flood", "random bytes"),
        ("random-huge", "random bytes at once"),
        ("stream-flood", "more than 1024 random streams"),
        ("patch-flood", "more than 4096 patches"),
        ("long-name", "a name of 100000 bytes"),
        ("handle-flood", "more than 1000 handles"),
    ] {
        check(attack, "limit", message);
    }
}

#[test]
fn misuse() {
    for (attack, message) in [
        ("panic at the disco", "the workflow panicked: at the disco, at "),
        ("abort", "it aborted"),
        ("sleep", "wasi:clocks/monotonic-clock#subscribe-duration, which no workflow may: a workflow waits"),
        ("exit", "wasi:cli/exit#exit"),
        ("thread", "the workflow panicked: failed to spawn thread"),
        ("thread", ": a workflow has no threads: `join!`"),
        ("bad-call", "undefined element"),
        ("not-utf8", "utf-8"),
        ("bad-pointer", "out of bounds"),
        ("empty-failure", "a failure with 0 links"),
        ("long-failure", "a failure with 1000 links"),
        ("refuse-links 65", "a failure with 65 links"),
        ("cancel-timer 7", "it cancelled timer 7, and there is none"),
        ("cancel-activity 1", "it cancelled activity 1, and there is none"),
        ("nexus", "there is none"),
        ("refuse the task", "the task"),
    ] {
        check(attack, "guest", message);
    }
}

#[test]
fn places_of_panics_are_cut() {
    let fault = check("long-place", "guest", "the workflow panicked: lost, at fff");
    assert!(fault.to_string().len() < 2_000, "{} bytes", fault.to_string().len());
}

#[test]
fn backtraces_name_functions_and_places() {
    let fault = check("panic-deep down", "guest", "the workflow panicked: deep: down, at ");
    for part in ["  0: script::attack::inner\n", "at /workspace/script/src/attack.rs:", ": activate\n"] {
        assert!(fault.details().contains(part), "no {part:?} in:\n{}", fault.details());
    }
    assert!(!fault.details().contains("panicking"), "{}", fault.details());
}

#[test]
fn queries_may_not_ask_for_anything() {
    let mut run = ScriptRun::new(module());
    run.start("activity a").unwrap();
    let fault = run.query("activity b").unwrap_err();
    assert!(fault.to_string().contains("it asked for activities in a query"), "{fault}");
    // The fault stopped the guest in the middle of a call, so it accepts no further one.
    let fault = run.query("now").unwrap_err();
    assert!(matches!(fault, Fault::Host(_)), "{fault}");
}

#[test]
fn unsupported_features_say_so() {
    let module = script(Config { supported: vec![host_sandbox::Feature::Activities], ..config() });
    let fault = ScriptRun::new(&module).start("timer 5").unwrap_err();
    assert!(fault.to_string().contains("unsupported: this host does not offer timers"), "{fault}");
}

#[test]
fn fuel_stops_a_loop() {
    let module = script(Config { fuel: Some(1_000_000), ..config() });
    let mut run = ScriptRun::new(&module);
    run.start("activity a\nwait\nloop").unwrap();
    let fault = run.activate(support::task(Vec::new())).unwrap_err();
    assert!(fault.to_string().contains("fuel of 1000000"), "{fault}");
}

#[test]
fn a_full_engine_says_so_and_recovers() {
    let module = script(Config { instances: 2, ..config() });
    let first = ScriptRun::new(&module);
    let _second = ScriptRun::new(&module);
    let init = || host_sandbox::RunInit { random_seed: 0, sink: Box::new(host_sandbox::Discard) };
    let fault = module.instantiate(init()).unwrap_err();
    assert!(matches!(fault, Fault::Host(_)), "{fault}");
    assert!(fault.to_string().contains("2 are alive"), "{fault}");
    drop(first);
    module.instantiate(init()).unwrap();
}

fn refusal(bytes: &[u8]) -> LoadError {
    Engine::new(config()).unwrap().load(bytes).expect_err("that is no module")
}

#[test]
fn modules_that_want_too_much_are_refused() {
    for (name, parts) in [
        ("socket", &["wasi:sockets/tcp@0.2", "call services in an activity", "wasi:sockets/network"][..]),
        ("stranger", &["acme:coffee/machine@1.0.0: a module may import the contract and parts of WASI 0.2"]),
    ] {
        let text = refusal(&guest(name)).to_string();
        for part in parts {
            assert!(text.contains(part), "no {part:?} in: {text}");
        }
    }
}

#[test]
fn a_panic_in_definitions_refuses_the_module() {
    let error = refusal(&guest("mute"));
    let source = std::error::Error::source(&error).expect("there is a fault behind it").to_string();
    assert!(source.contains("no comment") || source.contains("it aborted"), "{source}");
}

#[test]
fn files_that_are_no_modules_are_named_for_what_they_are() {
    let script = guest("script");
    let component = b"\0asm\x0d\0\x01\0";
    let cases: [(&[u8], &str); 8] = [
        (b"", "not a WebAssembly component, but an empty file"),
        (b"#!/bin/sh", "but a text file"),
        (b"(component)", "but WebAssembly text"),
        (b"\x7fELF\x02", "but a native executable"),
        (b"\0asm\x01\0\0\0", "a WebAssembly core module, not a component: build the workflow crate for"),
        (component, "does not export `definitions`, `activate`, `query`, `validate-update`"),
        (&script[..script.len() / 2], "is the file complete?"),
        (&script[..6], "is the file complete?"),
    ];
    for (bytes, message) in cases {
        let text = refusal(bytes).to_string();
        assert!(text.contains(message), "no {message:?} in: {text}");
    }
}

#[test]
fn a_module_that_starts_too_large_is_refused() {
    let engine = Engine::new(Config { memory_bytes: 1 << 20, ..config() }).unwrap();
    let text = engine.load(&guest("script")).unwrap_err().to_string();
    assert!(text.contains("memory has a minimum byte size of"), "{text}");
}
