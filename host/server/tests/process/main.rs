//! The service in a process of its own: killed, restarted, without room.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]
#![allow(clippy::disallowed_methods, reason = "a test measures time")]
#![allow(clippy::print_stdout, reason = "a test of many workflows says how long it took")]

mod background;
mod child;
mod connections;
mod full_disk;
mod kill;
mod many;
mod ticking;

use std::process::ExitCode;

use test_harness::{run_tests, test, test_needing};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    if let Some(folder) = child::folder_to_serve() {
        child::serve(&folder);
        return ExitCode::SUCCESS;
    }
    run_tests(vec![
        test_needing("a_full_disk_refuses_and_then_goes_on", full_disk::small_file_systems, |()| {
            block_on(full_disk::a_full_disk_refuses_and_then_goes_on())
        }),
        test("nothing_acknowledged_is_lost", kill::nothing_acknowledged_is_lost),
        test("idle_connections_stop_no_one", || block_on(connections::idle_connections_stop_no_one())),
        test("a_batch_operation_does_everything_once", || {
            block_on(background::a_batch_operation_does_everything_once());
        }),
        test("a_deleted_namespace_leaves_nothing", || {
            block_on(background::a_deleted_namespace_leaves_nothing());
        }),
        test("a_listener_without_files_waits", || block_on(connections::a_listener_without_files_waits())),
        test("many_workflows_are_listed_after_a_restart_as_before", || {
            block_on(many::many_workflows_are_listed_after_a_restart_as_before());
        }),
    ])
}

fn block_on(test: impl Future<Output = ()>) {
    Runtime::new().unwrap().block_on(test);
}
