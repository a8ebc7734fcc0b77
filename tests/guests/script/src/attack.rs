//! Attacks: calls and loops that the sandbox must stop.

use std::hint::black_box;

use bindings::workflow::host::log::{self, Entry, Level};
use bindings::workflow::host::types::{Encoding, FailureInfo, Payload, Priority, RetryPolicy};
use bindings::workflow::host::{activities, external_workflows, metrics, random, time, workflow};

use crate::step::{activity, number};
use crate::{ask, bytes, failure};

/// Runs an attack by name.
#[expect(clippy::too_many_lines, reason = "one arm an attack, each a few lines")]
pub(crate) fn run(word: &str, argument: &str) {
    match word {
        "loop" => loop {
            black_box(());
        },
        "loop-calling" => loop {
            black_box(time::now());
        },
        "grow" => grow(),
        "recurse" => {
            black_box(recurse(black_box(1)));
        }
        "panic" => panic!("{argument}"),
        "panic-long" => panic!("{}", "ä".repeat(100_000)),
        "panic-deep" => inner(argument),
        "abort" => core::arch::wasm32::unreachable(),
        "bad-call" => {
            // SAFETY: none. The call of an invalid function traps, which the test expects.
            let function: fn() = unsafe { std::mem::transmute(black_box(1_000_000_usize)) };
            function();
        }
        "huge-list" => workflow::complete(Some(&bytes(vec![0; number(argument) as usize]))),
        "many-commands" => loop {
            activities::schedule(&activity("a"));
        },
        "large-commands" => loop {
            let mut options = activity("a");
            options.arguments = vec![bytes(vec![0; 1 << 20])];
            activities::schedule(&options);
        },
        "heavy" => loop {
            heavy(argument);
        },
        "log-places" => loop {
            log::write(&Entry {
                level: Level::Info,
                target: String::new(),
                message: String::new(),
                fields: Vec::new(),
                location: Some(log::Location { file: "f".repeat(100_000), line: 1, column: 1 }),
            });
        },
        "long-place" => {
            log::panicked("lost", Some(&log::Location { file: "f".repeat(1 << 20), line: 1, column: 1 }));
            core::arch::wasm32::unreachable()
        }
        "touch" => touch(number(argument) as usize),
        "log-flood" => loop {
            log::write(&Entry {
                level: Level::Info,
                target: String::new(),
                message: "x".repeat(1_000),
                fields: Vec::new(),
                location: None,
            });
        },
        "print-flood" => loop {
            print!("{}", "y".repeat(1_000));
        },
        "metrics-units" => loop {
            metrics::record(&metrics::Measurement {
                instrument: metrics::Instrument::Counter,
                name: String::new(),
                unit: "z".repeat(1_000),
                description: String::new(),
                value: 1.0,
                attributes: Vec::new(),
            });
        },
        "metrics-flood" => loop {
            metrics::record(&metrics::Measurement {
                instrument: metrics::Instrument::Counter,
                name: "z".repeat(1_000),
                unit: String::new(),
                description: String::new(),
                value: 1.0,
                attributes: Vec::new(),
            });
        },
        "random-flood" => loop {
            black_box(random::next_bytes("flood", 60_000));
        },
        "random-huge" => {
            black_box(random::next_bytes("huge", u32::MAX));
        }
        "stream-flood" => {
            for number in 0_u32.. {
                black_box(random::next_u64(&number.to_string()));
            }
        }
        "patch-flood" => {
            for number in 0_u32.. {
                black_box(workflow::patched(&number.to_string(), false));
            }
        }
        "long-name" => {
            black_box(random::next_u64(&"n".repeat(100_000)));
        }
        "handle-flood" => handle_flood(),
        "sleep" => std::thread::sleep(std::time::Duration::from_secs(3_600)),
        "exit" => std::process::exit(0),
        "thread" => {
            std::thread::spawn(|| ()).join().expect("a thread ends");
        }
        "not-utf8" => not_utf8(),
        "empty-failure" => workflow::fail(&Vec::new()),
        "long-failure" => {
            let mut links = failure("link");
            links[0].info = FailureInfo::None;
            workflow::fail(&vec![links[0].clone(); 1_000]);
        }
        "bad-pointer" => bad_pointer(),
        "nexus" => {
            bindings::workflow::host::nexus::cancel(1);
        }
        _ => panic!("there is no line `{word}`"),
    }
}

/// Issues a command with 1 MiB in one of its fields, or in very many empty items.
fn heavy(field: &str) {
    let text = || "h".repeat(1 << 20);
    let mut options = activity("a");
    match field {
        "error-types" => {
            options.retry_policy = Some(RetryPolicy {
                initial_interval: None,
                backoff_coefficient: 0.0,
                maximum_interval: None,
                maximum_attempts: 0,
                non_retryable_error_types: vec![text()],
            });
        }
        "fairness-key" => {
            options.priority = Some(Priority { priority_key: 0, fairness_key: text(), fairness_weight: 0.0 });
        }
        "empty-payloads" => {
            let empty = Payload { encoding: Encoding::None, metadata: Vec::new(), data: Vec::new() };
            options.arguments = vec![empty; 20_000];
        }
        "signal-target" => {
            external_workflows::signal(&ask::signal(text()));
            return;
        }
        "cancel-target" => {
            external_workflows::request_cancel(&ask::other(text(), String::new()), "");
            return;
        }
        "new-run" => return workflow::continue_as_new(&ask::new_run(text())),
        "failure-source" => {
            let mut links = failure("link");
            links[0].source = text();
            links[0].info = FailureInfo::Terminated(text());
            return workflow::fail(&links);
        }
        other => panic!("no command has a field `{other}`"),
    }
    activities::schedule(&options);
}

/// Writes to one byte of each page of memory from an address on.
fn touch(from: usize) {
    let end = core::arch::wasm32::memory_size::<0>() << 16;
    for address in (from..end).step_by(4_096) {
        // SAFETY: none. The test gives an address behind everything that this guest uses.
        unsafe { std::ptr::with_exposed_provenance_mut::<u8>(address).write_volatile(1) };
    }
}

fn grow() -> ! {
    let mut chunks: Vec<Vec<u8>> = Vec::new();
    loop {
        chunks.push(vec![1; 1 << 20]);
        black_box(&chunks);
    }
}

#[expect(unconditional_recursion, reason = "that is the attack")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    recurse(frame[3] + 1) + frame[7]
}

#[inline(never)]
fn inner(argument: &str) {
    panic!("deep: {argument}");
}

#[link(wasm_import_module = "wasi:cli/stdout@0.2.6")]
unsafe extern "C" {
    #[link_name = "get-stdout"]
    fn get_stdout() -> i32;
}

fn handle_flood() -> ! {
    loop {
        // SAFETY: the import takes and returns a number.
        black_box(unsafe { get_stdout() });
    }
}

#[link(wasm_import_module = "workflow:host/workflow@0.1.0")]
unsafe extern "C" {
    #[link_name = "set-current-details"]
    fn set_current_details(pointer: *const u8, length: usize);
}

fn not_utf8() {
    let text = [0xff_u8, 0xfe];
    // SAFETY: the host reads the two bytes, and traps because they are not UTF-8.
    unsafe { set_current_details(text.as_ptr(), text.len()) };
}

fn bad_pointer() {
    // SAFETY: the host traps because the address is out of bounds.
    unsafe { set_current_details(std::ptr::without_provenance(0xffff_fff0), 1_000) };
}
