//! A worker, in this process, on a service: workflow tasks, activities, modules that come late, faults,
//! small caches, stopping. Each case runs on the embedded service, and on a Temporal server where there is
//! a `temporal` binary; elsewhere that half is ignored.

#![expect(clippy::unwrap_used, reason = "tests panic on failure")]

mod cases;
mod faults;
mod fixture;
#[path = "../support/mod.rs"]
mod support;

use std::{pin::Pin, process::ExitCode};

use fixture::{Backend, Fixture};
use libtest_mimic::{Arguments, Trial};
use test_harness::Temporal;
use tokio::runtime;

/// Threads of a case's runtime.
const RUNTIME_THREADS: usize = 2;

type Case = fn(Fixture) -> Pin<Box<dyn Future<Output = ()>>>;

/// The cases, each with its name.
macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        [$((stringify!($name), |fixture| Box::pin(cases::$name(fixture)))),+]
    };
}

const CASES: [(&str, Case); 13] = cases![
    workflows_run_to_their_end,
    a_version_runs_what_the_service_gives_it,
    activities_begin_at_a_rate,
    runs_come_and_go_in_a_small_cache,
    a_service_that_loses_every_third_answer,
    a_run_stays_on_its_module_and_new_runs_take_the_newest,
    a_reset_run_takes_the_newest_module_that_replays_it,
    queries_and_signals_reach_runs_cached_and_not,
    a_guest_without_a_copy_is_replayed_after_queries,
    queries_wait_for_room,
    what_is_missing_or_wrong_fails_the_task_and_not_the_run,
    a_module_that_comes_late_completes_what_was_parked,
    what_does_not_end_in_time_goes_back_to_the_service,
];

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().init();
    let has_temporal = Temporal::binary().is_ok();
    let trials = CASES.into_iter().flat_map(|(name, case)| {
        let temporal = trial(name, case, Backend::Temporal).with_ignored_flag(!has_temporal);
        [trial(name, case, Backend::Embedded), temporal]
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn trial(name: &str, case: Case, backend: Backend) -> Trial {
    Trial::test(format!("{}::{name}", backend.name()), move || {
        let runtime =
            runtime::Builder::new_multi_thread().worker_threads(RUNTIME_THREADS).enable_all().build()?;
        runtime.block_on(async {
            let fixture = Fixture::start(backend).await?;
            case(fixture).await;
            Ok(())
        })
    })
}
