//! A sandboxed workflow is reset: it replays what it keeps, and goes on with other random numbers.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use test_harness::component;

use crate::environment::{Environment, Scene};

const ID: &str = "reset-basket";

fn succeed(scene: &Scene<'_>, arguments: &[&str]) -> Result<Value> {
    let output = scene.cli(&[arguments, &["--output", "json"]].concat())?;
    ensure!(output.code == 0, "{arguments:?}: {output:?}");
    Ok(serde_json::from_str(&output.stdout).unwrap_or_default())
}

fn items(scene: &Scene<'_>) -> Result<Value> {
    let output = scene.cli(&["workflow", "query", "--workflow-id", ID, "--name", "items"])?;
    ensure!(output.code == 0, "query: {output:?}");
    serde_json::from_str(&output.stdout).context(output.stdout)
}

/// Updates happen to the new run again, but for those after a later point that are excluded.
pub(crate) fn reset_by_command_line(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let _host = scene.host("probes", &[component("probes")?], &[])?;
    let start =
        ["workflow", "start", "--type", "Basket", "--task-queue", &scene.task_queue, "--workflow-id", ID];
    succeed(&scene, &start)?;
    let first =
        scene.history(ID)?["events"][0]["workflowExecutionStartedEventAttributes"]["originalExecutionRunId"]
            .clone();
    for item in ["\"tea\"", "\"cup\""] {
        let update = ["workflow", "update", "execute", "--workflow-id", ID, "--name", "add", "--input", item];
        succeed(&scene, &update)?;
    }
    let reset = ["workflow", "reset", "--workflow-id", ID, "--reason", "a bug"];
    let new = succeed(&scene, &[&reset[..], &["--type", "FirstWorkflowTask"]].concat())?;
    ensure!(new["runId"].as_str().is_some_and(|run_id| !run_id.is_empty() && run_id != first), "{new}");
    ensure!(items(&scene)? == json!(["tea", "cup"]));
    let excluding = ["--type", "LastWorkflowTask", "--reapply-exclude", "All"];
    succeed(&scene, &[&reset[..], &excluding].concat())?;
    let left = items(&scene)?;
    ensure!(left == json!([]) || left == json!(["tea", "cup"]) || left == json!(["tea"]), "{left}");
    let wrong = scene.cli(&[&reset[..], &["--event-id", "2"]].concat())?;
    ensure!(wrong.code == 1 && wrong.stderr.contains("failed to reset the workflow"), "{wrong:?}");
    succeed(&scene, &["workflow", "signal", "--workflow-id", ID, "--name", "check_out"])?;
    ensure!(scene.completed(ID)? == left);
    Ok(())
}
