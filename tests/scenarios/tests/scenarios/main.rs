//! End-to-end tests on a real Temporal server: each scenario is a function of the environment, with a
//! task queue, a data folder and hosts of its own. Without a server they are reported as ignored.

mod clients;
mod crash;
mod edited;
mod environment;
mod failures;
mod replay;
mod samples;
mod swap;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use environment::Environment;
use libtest_mimic::{Arguments, Failed, Trial};
use test_harness::Temporal;

/// A scenario, and whether it needs the official Python client.
type Scenario = (&'static str, Needs, fn(&Environment) -> Result<()>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Server,
    Python,
}

const SCENARIOS: &[Scenario] = &[
    ("greetings", Needs::Server, samples::greetings),
    ("orders", Needs::Server, samples::orders),
    ("orders_compensated", Needs::Server, samples::orders_compensated),
    ("inventory", Needs::Server, samples::inventory),
    ("history_json_is_that_of_the_cli", Needs::Server, samples::history_json_is_that_of_the_cli),
    ("cancel", Needs::Server, samples::cancel),
    ("recorded_history_replays", Needs::Server, replay::recorded_history_replays),
    ("changed_module_differs", Needs::Server, replay::changed_module_differs),
    ("swap_while_running", Needs::Server, swap::swap_while_running),
    ("bad_candidate_changes_nothing", Needs::Server, swap::bad_candidate_changes_nothing),
    ("unknown_type_waits_for_its_module", Needs::Server, failures::unknown_type_waits_for_its_module),
    ("hostile_guest_has_neighbours", Needs::Server, failures::hostile_guest_has_neighbours),
    ("killed_host_goes_on", Needs::Server, crash::killed_host_goes_on),
    ("python_client", Needs::Python, clients::python_client),
    ("python_activities", Needs::Python, clients::python_activities),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let python = std::env::var_os("HOST_TEST_PYTHON");
    let listing = arguments.list;
    let server = match Temporal::binary() {
        Ok(binary) if !listing => match Temporal::start(binary) {
            Ok(server) => Some(server),
            Err(error) => {
                eprintln!("error: {error:#}");
                return ExitCode::FAILURE;
            }
        },
        Ok(_) => None,
        Err(missing) => {
            eprintln!("scenarios are skipped: {missing}");
            None
        }
    };
    if server.is_some() && python.is_none() {
        eprintln!(
            "scenarios with Python are skipped: HOST_TEST_PYTHON names no interpreter with `temporalio`"
        );
    }
    let environment = server.map(|server| Arc::new(Environment::new(server, python.map(Into::into))));
    let trials = SCENARIOS
        .iter()
        .map(|&(name, needs, scenario)| {
            let runs =
                environment.clone().filter(|environment| needs == Needs::Server || environment.has_python());
            let ignored = runs.is_none();
            Trial::test(name, move || match runs {
                Some(environment) => {
                    scenario(&environment).map_err(|error| Failed::from(format!("{error:?}")))
                }
                None => Ok(()),
            })
            .with_ignored_flag(ignored)
        })
        .collect();
    // Not `exit`: the server stops when the environment is dropped.
    libtest_mimic::run(&arguments, trials).exit_code()
}
