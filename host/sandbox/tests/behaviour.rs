//! What a well-behaved guest gets.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod support;

use support::{Run, config, render, script};

#[test]
fn commands_come_in_their_order_with_sequence_numbers() {
    let module = script(config());
    let mut run = Run::new(&module);
    let commands = run.start("activity greet\ntimer 20\nactivity sing\nwait\ncomplete-notes").unwrap();
    assert_eq!(render(&commands), "activity 1 greet greet\ntimer 1 20 ms\nactivity 2 sing sing");
}
