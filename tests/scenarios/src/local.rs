//! Local activities: each executor, attempts and pauses, timeouts, cancellation, long ones, a killed and a stopped host.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use test_harness::{Host, component, run};

use crate::environment::{Environment, Scene};

fn host(scene: &Scene<'_>, arguments: &[&str]) -> Result<Host> {
    scene.host("probes", &[component("probes")?], arguments)
}

/// Runs steps to their end, and replays the history. Returns how each ended, and the types of the events.
fn ends(scene: &Scene<'_>, name: &str, steps: &Value) -> Result<(Value, Vec<String>)> {
    let id = format!("{}-{name}", scene.task_queue);
    scene.start("Local", &id, &steps.to_string())?;
    let ended = scene.completed(&id)?;
    replays(scene, &id)?;
    Ok((ended, scene.event_types(&id)?))
}

/// The history agrees with the module, and no local activity runs for it.
fn replays(scene: &Scene<'_>, id: &str) -> Result<()> {
    let history = scene.folder.path().join(format!("{id}.json"));
    std::fs::write(&history, scene.history(id)?.to_string())?;
    let mut command = std::process::Command::new(test_harness::binary("host")?);
    command.arg("replay").arg("--module").arg(component("probes")?).arg(&history);
    let output = run(&mut command)?;
    ensure!(output.code == 0, "{output:?}");
    Ok(())
}

fn count(types: &[String], name: &str) -> usize {
    types.iter().filter(|one| *one == name).count()
}

/// The lines of a ledger: which activities began, in which attempt.
fn ledger(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

pub(crate) fn local_activities(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let host = host(&scene, &[])?;
    let steps = json!([
        {"executor": "async", "work": {"name": "task"}},
        {"executor": "thread", "work": {"name": "thread"}},
        {"executor": "process", "work": {"name": "process"}},
    ]);
    let (ended, types) = ends(&scene, "executors", &steps)?;
    ensure!(ended == json!(["task in attempt 1", "thread in attempt 1", "process in attempt 1"]), "{ended}");
    ensure!(count(&types, "MARKER_RECORDED") == 3, "{types:?}");
    ensure!(count(&types, "WORKFLOW_TASK_SCHEDULED") == 1, "{types:?}");
    ensure!(count(&types, "ACTIVITY_TASK_SCHEDULED") == 0, "{types:?}");

    // Attempts within the workflow task, and one after a timer of the workflow.
    let steps = json!([
        {"executor": "async", "work": {"name": "again", "fails": 2}},
        {"executor": "thread", "work": {"name": "never", "fails": 9}, "attempts": 2},
        {"executor": "thread", "work": {"name": "later", "fails": 1}, "pause_ms": 300, "threshold_ms": 100},
    ]);
    let (ended, types) = ends(&scene, "attempts", &steps)?;
    ensure!(ended[0] == "again in attempt 3" && ended[2] == "later in attempt 2", "{ended}");
    ensure!(ended[1].as_str().is_some_and(|end| end.contains("attempt 2 fails")), "{ended}");
    ensure!(count(&types, "TIMER_FIRED") == 1 && count(&types, "MARKER_RECORDED") == 4, "{types:?}");

    // An attempt that does not end in time, and one after it.
    let slow = |executor: &str| {
        json!({
            "executor": executor, "work": {"name": "slow", "takes_ms": 60_000}, "timeout_ms": 200, "attempts": 2,
        })
    };
    let (ended, _) = ends(&scene, "timeouts", &json!([slow("async"), slow("thread"), slow("process")]))?;
    for end in ended.as_array().context("no list")? {
        ensure!(end.as_str().is_some_and(|end| end.contains("timed out")), "{ended}");
    }
    ensure!(host.stop()? == 0);
    Ok(())
}

/// A cancelled activity resolves at once, or with its own outcome.
pub(crate) fn cancelled_local_activities(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let host = host(&scene, &[])?;
    for (name, waits) in [("tries", false), ("waits", true)] {
        let id = format!("{}-{name}", scene.task_queue);
        let steps = json!([{
            "executor": "async", "work": {"name": name, "takes_ms": 60_000}, "cancel_after_ms": 200, "waits": waits,
        }]);
        // The timer fires in a later task, which comes once this one is answered.
        start_with_short_tasks(&scene, &id, &steps)?;
        let ended = scene.completed(&id)?;
        ensure!(ended[0].as_str().is_some_and(|end| end.to_lowercase().contains("cancel")), "{ended}");
        replays(&scene, &id)?;
        scene.does_not_compare(&id);
    }
    ensure!(host.stop()? == 0);
    Ok(())
}

/// Workflow tasks are answered before they time out, and go on in the next one. The number of them depends on the
/// machine, so these histories are not compared.
fn start_with_short_tasks(scene: &Scene<'_>, id: &str, steps: &Value) -> Result<()> {
    let input = steps.to_string();
    let output = run(&mut Host::cli(
        scene.address(),
        &[
            "workflow",
            "start",
            "--type",
            "Local",
            "--task-queue",
            &scene.task_queue,
            "--workflow-id",
            id,
            "--task-timeout",
            "1s",
            "--input",
            &input,
        ],
    )?)?;
    ensure!(output.code == 0, "{output:?}");
    Ok(())
}

/// It takes longer than a workflow task may. Queries are answered meanwhile.
pub(crate) fn long_local_activity(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let host = host(&scene, &[])?;
    let id = scene.task_queue.clone();
    let steps = json!([
        {"executor": "async", "work": {"name": "short"}},
        {"executor": "thread", "work": {"name": "long", "takes_ms": 4_000}},
    ]);
    start_with_short_tasks(&scene, &id, &steps)?;
    let mut query = Host::cli(
        scene.address(),
        &["workflow", "query", "--workflow-id", &id, "--type", "ended", "--output", "json"],
    )?;
    let asked = run(&mut query)?;
    ensure!(asked.code == 0 && asked.stdout.contains("short in attempt 1"), "{asked:?}");
    ensure!(!asked.stdout.contains("long"), "{asked:?}");
    let ended = scene.completed(&id)?;
    ensure!(ended == json!(["short in attempt 1", "long in attempt 1"]), "{ended}");
    let types = scene.event_types(&id)?;
    ensure!(count(&types, "WORKFLOW_TASK_TIMED_OUT") == 0, "{types:?}");
    ensure!(count(&types, "WORKFLOW_TASK_COMPLETED") > 3, "{types:?}");
    replays(&scene, &id)?;
    scene.does_not_compare(&id);
    ensure!(host.stop()? == 0);
    Ok(())
}

/// What a marker says does not run again. What was running does.
pub(crate) fn killed_host_repeats_no_recorded_local_activity(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let id = scene.task_queue.clone();
    let path = scene.folder.path().join("ledger");
    let steps = json!([
        {"executor": "async", "work": {"name": "recorded", "ledger": path}, "then_ms": 50},
        {"executor": "thread", "work": {"name": "running", "ledger": path, "takes_ms": 3_000}, "then_ms": 50},
        {"executor": "process", "work": {"name": "last", "ledger": path}},
    ]);
    let killed = host(&scene, &[])?;
    start_with_short_tasks(&scene, &id, &steps)?;
    scene.wait_until("the second activity begins", || Ok(ledger(&path).len() >= 2))?;
    killed.kill()?;
    let host = host(&scene, &[])?;
    let ended = scene.completed(&id)?;
    ensure!(
        ended == json!(["recorded in attempt 1", "running in attempt 1", "last in attempt 1"]),
        "{ended}"
    );
    let began = ledger(&path);
    ensure!(began == ["recorded 1", "running 1", "running 1", "last 1"], "{began:?}");
    replays(&scene, &id)?;
    scene.does_not_compare(&id);
    ensure!(host.stop()? == 0);
    Ok(())
}

/// A host that stops gives the run to another one, at once and without a task that times out.
pub(crate) fn stopped_host_hands_over(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let id = scene.task_queue.clone();
    let path = scene.folder.path().join("ledger");
    let first = host(&scene, &["--grace-period", "500ms"])?;
    let steps = json!([{"executor": "async", "work": {"name": "long", "ledger": path, "takes_ms": 3_000}}]);
    scene.start("Local", &id, &steps.to_string())?;
    scene.wait_until("the activity begins", || Ok(ledger(&path).len() == 1))?;
    ensure!(first.stop()? == 0);
    let second = host(&scene, &[])?;
    let ended = scene.completed(&id)?;
    ensure!(ended == json!(["long in attempt 1"]), "{ended}");
    ensure!(ledger(&path).len() == 2, "{:?}", ledger(&path));
    let types = scene.event_types(&id)?;
    ensure!(count(&types, "WORKFLOW_TASK_TIMED_OUT") == 0, "{types:?}");
    scene.does_not_compare(&id);
    ensure!(second.stop()? == 0);
    Ok(())
}

/// A host without native activities says what is missing.
pub(crate) fn local_activity_without_activities(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let host = scene.host("host", &[component("probes")?], &[])?;
    let (ended, _) = ends(&scene, "none", &json!([{"executor": "async", "work": {"name": "missing"}}]))?;
    let end = ended[0].as_str().unwrap_or_default();
    ensure!(end.contains("local activity `work` cannot run: this host has no activities"), "{ended}");
    ensure!(host.stop()? == 0);
    Ok(())
}
