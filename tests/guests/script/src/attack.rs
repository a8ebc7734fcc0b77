//! Attacks: calls and loops that the sandbox must stop.

use std::hint::black_box;

use bindings::workflow::host::log::{self, Entry, Level};
use bindings::workflow::host::types::FailureInfo;
use bindings::workflow::host::{activities, metrics, random, time, workflow};

use crate::step::{activity, number};
use crate::{bytes, failure};

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
        "read-file" => {
            black_box(std::fs::read_to_string("/etc/passwd")).ok();
        }
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
