//! What was polled is what is stored: every activation of a live run is that of its replays, field by field.
//!
//! Hosts log what each activation brings. When a run is replayed, in a host or by `host replay` at the end of the
//! scenario, an activation must bring what it brought when its workflow task was executed last: earlier executions
//! failed, or were lost with their host.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use test_harness::{Host, run};

/// Shows the lines of activations.
const FILTER: &str = "host_worker::activation=trace";
/// Other lines than those of activations; as if no level were given.
const OTHERS: &str = "info,wasmtime=warn,h2=warn,hyper=warn";
/// How a line of an activation goes on after time, level and spans.
const ACTIVATION: &str = " activation run_id=";
/// How a line goes on that is of a replay on a candidate: it may be that of a run which goes on meanwhile, so that its last
/// activation is of no workflow task yet.
const OF_A_CHECK: &str = " check: activation run_id=";

/// Scenarios of which no activation is compared, and why.
const NOT_COMPARED: &[(&str, &str)] = &[
    ("bad_candidate_changes_nothing", "a file that cannot be loaded replaced the module that ran"),
    ("rollouts_under_load", "a candidate is tried on the task of a run that is under way"),
    ("a_bomb_while_running", "a file beside the module that ran does not compile"),
];

/// A host that a scenario started.
pub(crate) struct StartedHost {
    pub(crate) task_queue: String,
    pub(crate) modules: Vec<PathBuf>,
    pub(crate) data_dir: PathBuf,
    pub(crate) log: Arc<Mutex<String>>,
    /// Its data folder is in it, and modules may be.
    pub(crate) _folder: Arc<TempDir>,
}

/// Arguments of a host, so that it logs activations.
pub(crate) fn with_log(arguments: &[&str]) -> Vec<String> {
    let mut arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let level = arguments.iter().position(|argument| argument == "--log-level");
    match level.and_then(|position| arguments.get_mut(position + 1)) {
        Some(directives) => *directives = format!("{directives},{FILTER}"),
        None => arguments.extend(["--log-level".to_owned(), format!("{OTHERS},{FILTER}")]),
    }
    arguments
}

/// Compares the activations that hosts logged, and those of a last replay of all their runs.
pub(crate) fn check(address: &str, scenario: &str, hosts: &[StartedHost]) -> Result<()> {
    if hosts.is_empty() || NOT_COMPARED.iter().any(|(name, _)| *name == scenario) {
        return Ok(());
    }
    let mut lines = Vec::new();
    let mut queues: BTreeMap<&str, &StartedHost> = BTreeMap::new();
    for host in hosts {
        let log = host.log.lock().map(|log| log.clone()).unwrap_or_default();
        lines.extend(of_activations(&log));
        queues.insert(&host.task_queue, host);
    }
    // Hosts work side by side; each line begins with the time.
    lines.sort();
    for host in queues.into_values() {
        lines.extend(replays(address, host)?);
    }
    let compared = compare(&lines)?;
    ensure!(compared > 0, "no activation was compared with a replay");
    Ok(())
}

/// The lines of a replay of all runs of a task queue. Whether they agree with the module is not looked at: runs of a
/// module that was replaced meanwhile do not.
fn replays(address: &str, host: &StartedHost) -> Result<Vec<String>> {
    let query = format!("TaskQueue = '{}'", host.task_queue);
    let mut command = Host::cli(address, &["replay", "--query", &query, "--log-level", FILTER])?;
    // Has what the host compiled.
    command.arg("--data-dir").arg(&host.data_dir);
    for module in &host.modules {
        command.arg("--module").arg(module);
    }
    Ok(of_activations(&run(&mut command)?.stderr).collect())
}

fn of_activations(log: &str) -> impl Iterator<Item = String> {
    let of_the_run = |line: &&str| line.contains(ACTIVATION) && !line.contains(OF_A_CHECK);
    log.lines().filter(of_the_run).map(str::to_owned)
}

/// Compares every replay with the last live execution before it; returns how many were compared.
fn compare(lines: &[String]) -> Result<usize> {
    let mut live: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut compared = 0;
    for line in lines {
        let (run_id, number, replaying, saw) = parse(line).with_context(|| format!("malformed: {line}"))?;
        if replaying == "false" {
            live.insert((run_id, number), saw);
        } else if let Some(polled) = live.get(&(run_id, number)) {
            compared += 1;
            ensure!(
                *polled == saw,
                "activation {number} of run {run_id}\n  polled: {polled}\n  stored: {saw}"
            );
        }
    }
    Ok(compared)
}

fn parse(line: &str) -> Option<(&str, &str, &str, &str)> {
    let (run_id, rest) = line.split_once(ACTIVATION)?.1.split_once(" number=")?;
    let (number, rest) = rest.split_once(" replaying=")?;
    let (replaying, saw) = rest.split_once(" saw=")?;
    Some((run_id, number, replaying, saw))
}
