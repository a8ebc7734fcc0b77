//! End-to-end tests, each on the embedded service and on a real Temporal server. A scenario is a function
//! of the environment, with a task queue, a data folder and hosts of its own. Scenarios of what the machine
//! lacks are reported as ignored, with the reason; where `CI=true` they fail.
//!
//! Afterwards the histories that a scenario made on the two services are compared, event by event.

mod activations;
mod bomb;
mod candidates;
mod clients;
mod codecs;
mod compare;
mod crash;
mod crowd;
mod deployments;
mod eager;
mod edited;
mod environment;
mod failures;
mod local;
mod metrics;
mod nexus;
mod outside;
mod protocol_client;
mod recording;
mod replay;
mod resets;
mod rollouts;
mod samples;
mod script;
mod scrub;
mod sizes;
mod swap;
mod talk;
mod tour;
mod updates;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use environment::{Environment, Running};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use recording::Recordings;
use test_harness::{Embedded, Missing, Temporal};

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
    ("message_passing", Needs::Nothing, tour::message_passing),
    ("child_workflows", Needs::Nothing, tour::child_workflows),
    ("updatable_timer", Needs::Nothing, tour::updatable_timer),
    ("sliding_window", Needs::Nothing, tour::sliding_window),
    ("continue_as_new", Needs::Nothing, tour::continue_as_new),
    ("patching", Needs::Nothing, tour::patching),
    ("local_activities_sample", Needs::Nothing, tour::local_activities_sample),
    ("schedules", Needs::Nothing, tour::schedules),
    ("context_propagation", Needs::Nothing, tour::context_propagation),
    ("mutex", Needs::Nothing, tour::mutex),
    ("nexus_sample", Needs::Nothing, nexus::nexus_sample),
    ("agent", Needs::Nothing, tour::agent),
    ("history_json_is_that_of_the_cli", Needs::Temporal, samples::history_json_is_that_of_the_cli),
    ("metrics_of_a_host", Needs::Nothing, metrics::metrics_of_a_host),
    ("cancel", Needs::Nothing, samples::cancel),
    ("recorded_history_replays", Needs::Nothing, replay::recorded_history_replays),
    ("changed_module_differs", Needs::Nothing, replay::changed_module_differs),
    ("swap_while_running", Needs::Nothing, swap::swap_while_running),
    ("bad_candidate_changes_nothing", Needs::Nothing, swap::bad_candidate_changes_nothing),
    ("versions_of_one_host", Needs::Nothing, deployments::versions_of_one_host),
    ("retired_version_ends_its_activity", Needs::Nothing, deployments::retired_version_ends_its_activity),
    ("rollouts_under_load", Needs::Nothing, rollouts::each_run_ends_with_its_version),
    ("canaries_go_back", Needs::Nothing, candidates::canaries_go_back),
    ("shadow_reports_differences", Needs::Nothing, candidates::shadow_reports_differences),
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
    ("more_activities_than_places", Needs::Nothing, crowd::more_activities_than_places),
    ("hanging_processes_are_replaced", Needs::Nothing, crowd::hanging_processes_are_replaced),
    ("blocked_runtime", Needs::Nothing, crowd::blocked_runtime),
    ("local_activities", Needs::Nothing, local::local_activities),
    ("cancelled_local_activities", Needs::Nothing, local::cancelled_local_activities),
    ("long_local_activity", Needs::Nothing, local::long_local_activity),
    (
        "killed_host_repeats_no_recorded_local_activity",
        Needs::Nothing,
        local::killed_host_repeats_no_recorded_local_activity,
    ),
    ("stopped_host_hands_over", Needs::Nothing, local::stopped_host_hands_over),
    ("local_activity_without_activities", Needs::Nothing, local::local_activity_without_activities),
    ("nexus_operations", Needs::Nothing, nexus::nexus_operations),
    ("python_nexus", Needs::Python, nexus::python_nexus),
    ("updates", Needs::Nothing, updates::updates),
    ("handlers", Needs::Nothing, talk::handlers),
    ("stacks", Needs::Nothing, talk::stacks),
    ("reset_by_command_line", Needs::Nothing, resets::reset_by_command_line),
    ("encodings_of_their_own", Needs::Nothing, codecs::encodings_of_their_own),
    ("encrypted_payloads", Needs::Nothing, codecs::encrypted_payloads),
    ("python_has_the_same_codec", Needs::Python, codecs::python_has_the_same_codec),
    ("python_client", Needs::Python, clients::python_client),
    ("python_state_machines", Needs::Python, clients::python_state_machines),
    ("python_updates", Needs::Python, clients::python_updates),
    ("python_resets", Needs::Python, clients::python_resets),
    ("python_operations", Needs::Python, clients::python_operations),
    ("python_deployments", Needs::Python, clients::python_deployments),
    ("python_batches", Needs::Python, clients::python_batches),
    ("python_schedules", Needs::Python, clients::python_schedules),
    ("python_skips_time", Needs::Python, clients::python_skips_time),
    ("python_activities", Needs::Python, clients::python_activities),
];

/// Scenarios that need a machine for themselves: `just rollouts` runs them.
const ALONE: &[&str] = &["rollouts_under_load"];

const EMBEDDED: &str = "embedded";
const TEMPORAL: &str = "temporal";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let recordings = Arc::new(Recordings::default());
    let scenarios = match trials(arguments.list, &recordings) {
        // Not `exit`: the services stop when the last trial is dropped.
        Ok(trials) => libtest_mimic::run(&arguments, trials),
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let comparisons = SCENARIOS.iter().map(|(name, ..)| comparison(name, recordings.clone())).collect();
    let comparisons = libtest_mimic::run(&arguments, comparisons);
    if scenarios.has_failed() { scenarios.exit_code() } else { comparisons.exit_code() }
}

fn trials(listing: bool, recordings: &Arc<Recordings>) -> Result<Vec<Trial>> {
    let python = test_harness::python();
    let embedded =
        if listing { Err(Missing::new("")) } else { Ok(Arc::new(Running::Embedded(Embedded::start()?))) };
    let temporal = match Temporal::binary() {
        _ if listing => Err(Missing::new("")),
        Ok(binary) => Ok(Arc::new(Running::Temporal(Temporal::start_draining_soon(binary)?))),
        Err(missing) => Err(missing),
    };
    let mut trials = Vec::new();
    for (name, service) in [(EMBEDDED, embedded), (TEMPORAL, temporal)] {
        for scenario in SCENARIOS {
            if scenario.1 == Needs::Temporal && name == EMBEDDED {
                continue;
            }
            let found = match (scenario.1, &python) {
                (Needs::Python, Err(missing)) => Err(missing.clone()),
                _ => service.clone(),
            };
            let environment = found.map(|service| Environment::new(service, python.clone().ok(), scenario.0));
            trials.push(trial(name, scenario, environment, recordings.clone()));
        }
    }
    Ok(trials)
}

fn trial(
    service: &'static str,
    &(name, _, scenario): &Scenario,
    environment: Result<Environment, Missing>,
    recordings: Arc<Recordings>,
) -> Trial {
    Trial::ignorable_test(format!("{service}::{name}"), move || {
        let environment = match environment {
            Ok(environment) => environment,
            Err(missing) => return test_harness::lacks(&missing),
        };
        let histories = scenario(&environment)
            .and_then(|()| environment.check_activations())
            .and_then(|()| environment.histories());
        match histories {
            Ok(histories) => recordings.keep(service, name, histories),
            Err(error) => return Err(Failed::from(format!("{error:?}"))),
        }
        Ok(Completion::Completed)
    })
    .with_ignored_flag(ALONE.contains(&name))
}

/// Compares what a scenario recorded. Without both recordings there is nothing to compare, which is said.
fn comparison(scenario: &'static str, recordings: Arc<Recordings>) -> Trial {
    Trial::ignorable_test(format!("compared::{scenario}"), move || {
        let (order, why) = compare::order_of(scenario);
        if order == compare::Order::Chance {
            return Ok(Completion::ignored_with(why));
        }
        let sides = (recordings.take(EMBEDDED, scenario), recordings.take(TEMPORAL, scenario));
        let (Some(embedded), Some(temporal)) = sides else {
            return Ok(Completion::ignored_with("it did not pass on both services"));
        };
        if embedded.is_empty() && temporal.is_empty() {
            return Ok(Completion::ignored_with("it runs no workflow"));
        }
        let found = compare::differences(&embedded, &temporal, order);
        if found.is_empty() { Ok(Completion::Completed) } else { Err(Failed::from(found.join("\n"))) }
    })
}
