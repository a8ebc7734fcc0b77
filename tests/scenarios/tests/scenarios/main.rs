//! End-to-end tests, each on the embedded service and on a real Temporal server. A scenario is a function
//! of the environment, with a task queue, a data folder and hosts of its own. What the machine lacks is
//! said, and its scenarios are reported as ignored.

mod bomb;
mod clients;
mod crash;
mod eager;
mod edited;
mod environment;
mod failures;
mod outside;
mod replay;
mod samples;
mod sizes;
mod stranger;
mod swap;
mod updates;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use environment::{Environment, Running};
use libtest_mimic::{Arguments, Failed, Trial};
use test_harness::{Embedded, Temporal};

/// A scenario, and what it needs.
type Scenario = (&'static str, Needs, fn(&Environment) -> Result<()>);

/// What a scenario needs beside a service.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// The service is Temporal's own.
    Temporal,
    /// The official Python client.
    Python,
}

const SCENARIOS: &[Scenario] = &[
    ("greetings", Needs::Nothing, samples::greetings),
    ("orders", Needs::Nothing, samples::orders),
    ("orders_compensated", Needs::Nothing, samples::orders_compensated),
    ("inventory", Needs::Nothing, samples::inventory),
    ("history_json_is_that_of_the_cli", Needs::Temporal, samples::history_json_is_that_of_the_cli),
    ("cancel", Needs::Nothing, samples::cancel),
    ("recorded_history_replays", Needs::Nothing, replay::recorded_history_replays),
    ("changed_module_differs", Needs::Nothing, replay::changed_module_differs),
    ("swap_while_running", Needs::Nothing, swap::swap_while_running),
    ("bad_candidate_changes_nothing", Needs::Nothing, swap::bad_candidate_changes_nothing),
    ("unknown_type_waits_for_its_module", Needs::Nothing, failures::unknown_type_waits_for_its_module),
    ("hostile_guest_has_neighbours", Needs::Nothing, failures::hostile_guest_has_neighbours),
    ("killed_host_goes_on", Needs::Nothing, crash::killed_host_goes_on),
    ("completed_from_outside", Needs::Nothing, outside::completed_from_outside),
    ("failed_from_outside", Needs::Nothing, outside::failed_from_outside),
    ("cancelled_from_outside", Needs::Nothing, outside::cancelled_from_outside),
    ("python_completes_from_outside", Needs::Python, outside::python_completes_from_outside),
    ("too_large_workflow_tasks", Needs::Nothing, sizes::too_large_workflow_tasks),
    ("too_large_activities", Needs::Nothing, sizes::too_large_activities),
    ("too_large_answers", Needs::Nothing, sizes::too_large_answers),
    ("a_bomb_at_the_start", Needs::Nothing, bomb::a_bomb_at_the_start),
    ("a_bomb_while_running", Needs::Nothing, bomb::a_bomb_while_running),
    ("eager_activities", Needs::Nothing, eager::eager_activities),
    ("updates", Needs::Nothing, updates::updates),
    ("python_client", Needs::Python, clients::python_client),
    ("python_activities", Needs::Python, clients::python_activities),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    match trials(arguments.list) {
        // Not `exit`: the services stop when their environments are dropped.
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn trials(listing: bool) -> Result<Vec<Trial>> {
    let python: Option<PathBuf> = std::env::var_os("HOST_TEST_PYTHON").map(Into::into);
    if python.is_none() && !listing {
        eprintln!(
            "scenarios with Python are skipped: HOST_TEST_PYTHON names no interpreter with `temporalio`"
        );
    }
    let start = |service: Running| Arc::new(Environment::new(service, python.clone()));
    let embedded = if listing { None } else { Some(start(Running::Embedded(Embedded::start()?))) };
    let temporal = match Temporal::binary() {
        _ if listing => None,
        Ok(binary) => Some(start(Running::Temporal(Temporal::start(binary)?))),
        Err(missing) => {
            eprintln!("scenarios on Temporal's server are skipped: {missing}");
            None
        }
    };
    let on = |name: &str, environment: Option<Arc<Environment>>| {
        SCENARIOS.iter().map(|scenario| trial(name, scenario, environment.clone())).collect::<Vec<_>>()
    };
    Ok(on("embedded", embedded).into_iter().chain(on("temporal", temporal)).collect())
}

fn trial(service: &str, (name, needs, scenario): &Scenario, environment: Option<Arc<Environment>>) -> Trial {
    let (needs, scenario) = (*needs, *scenario);
    let runs = environment.filter(|environment| environment.has(needs));
    let ignored = runs.is_none();
    Trial::test(format!("{service}::{name}"), move || match runs {
        Some(environment) => scenario(&environment).map_err(|error| Failed::from(format!("{error:?}"))),
        None => Ok(()),
    })
    .with_ignored_flag(ignored)
}
