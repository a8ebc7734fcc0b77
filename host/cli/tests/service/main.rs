//! The command line and the typed client on a service, and the command line beside the `temporal` CLI.
//!
//! Workflow tasks are answered by a script, so that only the command line and the client are under test.
//! The service is the embedded one; Temporal's own is what the `temporal` CLI is compared on, and those
//! tests are reported as ignored where there is no such CLI.

#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

mod batches;
mod browser;
mod canaries;
mod clicks;
mod client;
mod codecs;
mod command_line;
mod config;
mod deployments;
mod doctor;
mod floods;
mod folder;
mod gate;
mod hostile;
mod hosts;
mod http;
mod machine;
mod metrics;
mod moves;
mod namespaces;
mod new;
mod nexus;
mod nexus_urls;
mod page;
mod process;
mod prometheus;
mod queues;
mod registry;
mod replay;
mod schedules;
mod script;
mod service;
mod shadows;
mod shell;
mod store;
mod swap_soak;
mod swaps;
mod temporal_cli;
mod tls;
mod versions;
mod waiting;

use std::process::ExitCode;

use test_harness::{Temporal, Trial, run_tests, test, test_needing};

fn main() -> ExitCode {
    // The compiler of a host that is this program.
    if let Some(code) = host_sandbox::compile_child_main() {
        return code;
    }
    if std::env::var_os(prometheus::PROGRAM).is_some() {
        return ::host::Host::new().activities(greetings::GreetingActivities).main();
    }
    let mut tests = vec![
        test("client::results_and_failures_have_types", client::results_and_failures_have_types),
        test("codecs::clients_encode_and_decode", codecs::clients_encode_and_decode),
        test(
            "codecs::encrypted_histories_replay_with_their_key",
            codecs::encrypted_histories_replay_with_their_key,
        ),
        test("codecs::a_codec_server_encodes_and_decodes", codecs::a_codec_server_encodes_and_decodes),
        test("codecs::a_codec_server_behind_tls", codecs::a_codec_server_behind_tls),
        test("command_line::execute_waits_to_the_end", command_line::execute_waits_to_the_end),
        test("command_line::activities_end_from_outside", command_line::activities_end_from_outside),
        test("command_line::ids_that_are_taken", command_line::ids_that_are_taken),
        test("command_line::what_the_service_does_not_know", command_line::what_the_service_does_not_know),
        test("floods::runs_that_log_without_end", floods::runs_that_log_without_end),
        test("floods::commands_of_megabytes", floods::commands_of_megabytes),
        test("floods::connections_that_ask_nothing", floods::connections_that_ask_nothing),
        test("folder::damage_is_found_and_set_aside", folder::damage_is_found_and_set_aside),
        test("gate::open_runs_are_checked_on_a_candidate", gate::open_runs_are_checked_on_a_candidate),
        test("replay::a_query_is_asked_at_an_event", replay::a_query_is_asked_at_an_event),
        test("replay::verdicts_are_reported_as_test_cases", replay::verdicts_are_reported_as_test_cases),
        test("replay::histories_are_downloaded_and_replay", replay::histories_are_downloaded_and_replay),
        test("metrics::metrics_are_scraped", metrics::metrics_are_scraped),
        test("metrics::an_address_that_is_taken", metrics::an_address_that_is_taken),
        test_needing("prometheus::the_dashboard_has_answers", prometheus::prometheus, |program| {
            prometheus::the_dashboard_has_answers(&program);
        }),
        test("hostile::hostile_texts_are_escaped", hostile::hostile_texts_are_escaped),
        test("hostile::hostile_names_are_escaped", hostile::hostile_names_are_escaped),
        test("tls::a_listener_says_what_it_needs", tls::a_listener_says_what_it_needs),
        test("tls::clients_reach_a_service_through_tls", tls::clients_reach_a_service_through_tls),
        test("command_line::mistakes", command_line::mistakes),
        test("batches::operations_on_many_workflows", batches::operations_on_many_workflows),
        test("batches::questions_and_mistakes", batches::questions_and_mistakes),
        test("schedules::schedules_live_and_end", schedules::schedules_live_and_end),
        test("schedules::mistakes", schedules::mistakes),
        test("namespaces::a_namespace_lives_and_ends", namespaces::a_namespace_lives_and_ends),
        test("nexus::an_endpoint_lives_and_ends", nexus::an_endpoint_lives_and_ends),
        test("nexus_urls::handlers_at_urls_are_called", nexus_urls::handlers_at_urls_are_called),
        test("deployments::a_deployment_lives_and_ends", deployments::a_deployment_lives_and_ends),
        test("versions::mistakes", versions::mistakes),
        test(
            "versions::an_override_pins_to_a_version_that_never_was_current",
            versions::an_override_pins_to_a_version_that_never_was_current,
        ),
        test("versions::two_hosts_are_two_versions", versions::two_hosts_are_two_versions),
        test("versions::versions_live_in_one_host", versions::versions_live_in_one_host),
        test("queues::workers_are_listed", queues::workers_are_listed),
        test("queues::task_queues_are_described_and_limited", queues::task_queues_are_described_and_limited),
        test("command_line::files_that_are_not_modules", command_line::files_that_are_not_modules),
        test("waiting::reasons_are_said", waiting::reasons_are_said),
        test("waiting::outages_are_outlasted", waiting::outages_are_outlasted),
        test("new::a_new_crate_is_one", new::a_new_crate_is_one),
        test("new::profiles_are_those_of_this_workspace", new::profiles_are_those_of_this_workspace),
        test("new::mistakes", new::mistakes),
        test("config::profiles_are_kept", config::profiles_are_kept),
        test("config::mistakes", config::mistakes),
        test_needing("config::the_temporal_cli_has_the_same_file", Temporal::binary, |temporal| {
            config::the_temporal_cli_has_the_same_file(&temporal);
        }),
        test("doctor::a_machine_is_looked_at", doctor::a_machine_is_looked_at),
        test("doctor::ports_are_looked_at", doctor::ports_are_looked_at),
        test("doctor::a_service_is_looked_at", doctor::a_service_is_looked_at),
        test_needing("shell::bash_completes", shell::bash, |bash| shell::bash_completes(&bash)),
        test("shell::other_shells_have_scripts", shell::other_shells_have_scripts),
        test("shell::each_command_has_a_manual_page", shell::each_command_has_a_manual_page),
        test_needing("temporal_cli::json_is_the_same", Temporal::binary, temporal_cli::json_is_the_same),
    ];
    tests.extend(tests_of_modules());
    tests.extend(http::tests());
    tests.extend(page::tests());
    run_tests(tests)
}

/// Modules that change while a host runs, and the store of them.
fn tests_of_modules() -> Vec<Trial> {
    vec![
        test("swaps::without_a_host", swaps::without_a_host),
        test("swaps::upgrade_and_rollback", swaps::upgrade_and_rollback),
        test("swaps::require_refuses", swaps::require_refuses),
        test("swaps::adopted_and_orphaned_runs", swaps::adopted_and_orphaned_runs),
        test("swaps::kills_leave_one_of_two_states", swaps::kills_leave_one_of_two_states),
        test("swaps::a_failing_run_is_healed", swaps::a_failing_run_is_healed),
        test("swaps::definitions_outrank_the_policy", swaps::definitions_outrank_the_policy),
        test("swaps::pinned_runs_are_not_healed", swaps::pinned_runs_are_not_healed),
        test("moves::runs_are_moved_by_hand", moves::runs_are_moved_by_hand),
        test("moves::a_swap_takes_moved_runs_along", moves::a_swap_takes_moved_runs_along),
        test("swap_soak::each_run_ends_with_its_version", swap_soak::each_run_ends_with_its_version),
        test("registry::modules_come_from_a_registry", registry::modules_come_from_a_registry),
        test("registry::only_trusted_modules_run", registry::only_trusted_modules_run),
        test("store::what_nothing_needs_is_pruned", store::what_nothing_needs_is_pruned),
        test("store::modules_are_pushed_and_pulled", store::modules_are_pushed_and_pulled),
        test("store::a_new_host_takes_several_versions", store::a_new_host_takes_several_versions),
        test("shadows::mistakes", shadows::mistakes),
        test("shadows::live_runs_are_followed", shadows::live_runs_are_followed),
        test("shadows::a_shadow_is_promoted", shadows::a_shadow_is_promoted),
        test("canaries::mistakes", canaries::mistakes),
        test("canaries::a_part_of_the_new_runs", canaries::a_part_of_the_new_runs),
        test("canaries::steps_lead_to_a_promotion", canaries::steps_lead_to_a_promotion),
        test("canaries::one_run_in_ten_fails", canaries::one_run_in_ten_fails),
        test("canaries::runs_that_time_out_end_it", canaries::runs_that_time_out_end_it),
        test("canaries::failed_tasks_end_it", canaries::failed_tasks_end_it),
        test(
            "canaries::kills_leave_it_as_it_was_or_not_there",
            canaries::kills_leave_it_as_it_was_or_not_there,
        ),
        test("hosts::what_one_is_told_the_other_does", hosts::what_one_is_told_the_other_does),
        test("hosts::another_one_takes_over", hosts::another_one_takes_over),
        test(
            "hosts::what_another_one_has_loaded_is_not_pruned",
            hosts::what_another_one_has_loaded_is_not_pruned,
        ),
    ]
}
