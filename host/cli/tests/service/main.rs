//! The command line and the typed client on a service, and the command line beside the `temporal` CLI.
//!
//! Workflow tasks are answered by a script, so that only the command line and the client are under test.
//! The service is the embedded one; Temporal's own is what the `temporal` CLI is compared on, and those
//! tests are reported as ignored where there is no such CLI.

#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

mod client;
mod command_line;
mod script;
mod service;
mod temporal_cli;

use std::process::ExitCode;

use test_harness::{Temporal, run_tests, test, test_needing};

fn main() -> ExitCode {
    run_tests(vec![
        test("client::results_and_failures_have_types", client::results_and_failures_have_types),
        test("command_line::execute_waits_to_the_end", command_line::execute_waits_to_the_end),
        test("command_line::activities_end_from_outside", command_line::activities_end_from_outside),
        test("command_line::ids_that_are_taken", command_line::ids_that_are_taken),
        test("command_line::what_the_service_does_not_know", command_line::what_the_service_does_not_know),
        test("command_line::hostile_texts_are_escaped", command_line::hostile_texts_are_escaped),
        test("command_line::mistakes", command_line::mistakes),
        test("command_line::files_that_are_not_modules", command_line::files_that_are_not_modules),
        test_needing("temporal_cli::json_is_the_same", Temporal::binary, temporal_cli::json_is_the_same),
    ])
}
