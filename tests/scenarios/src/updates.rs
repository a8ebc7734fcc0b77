//! Updates: accepted or rejected by a validator in the sandbox, seen by queries, replayed without it.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use test_harness::{component, run};

use crate::environment::{Environment, Scene};

const ID: &str = "basket";

/// `host workflow update execute`: what the handler returns, or the error.
fn add(scene: &Scene<'_>, item: &str) -> Result<Result<Value, String>> {
    let input = json!(item).to_string();
    let update = ["workflow", "update", "execute", "--workflow-id", ID, "--name", "add", "--input", &input];
    let output = scene.cli(&[&update[..], &["--output", "json"]].concat())?;
    if output.code != 0 {
        return Ok(Err(output.stderr));
    }
    Ok(Ok(serde_json::from_str::<Value>(&output.stdout).context(output.stdout)?["result"].clone()))
}

fn items(scene: &Scene<'_>) -> Result<Value> {
    let output = scene.cli(&["workflow", "query", "--workflow-id", ID, "--name", "items"])?;
    ensure!(output.code == 0, "query: {output:?}");
    serde_json::from_str(&output.stdout).context(output.stdout)
}

pub(crate) fn updates(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let host = scene.host("probes", &[component("probes")?], &[])?;
    let start =
        ["workflow", "start", "--type", "Basket", "--task-queue", &scene.task_queue, "--workflow-id", ID];
    ensure!(scene.cli(&start)?.code == 0);
    ensure!(add(&scene, "tea")? == Ok(json!(1)));
    let rejected = add(&scene, "")?.err().context("an item without a name is added")?;
    ensure!(rejected.contains("an item has a name"), "{rejected}");
    ensure!(add(&scene, "cup")? == Ok(json!(2)));
    ensure!(items(&scene)? == json!(["tea", "cup"]));

    // Another host replays what was accepted, and validates on top of it.
    host.kill()?;
    let _host = scene.host("probes", &[component("probes")?], &[])?;
    ensure!(add(&scene, "pot")? == Ok(json!(3)));
    let rejected = add(&scene, "one too many")?.err().context("a full basket takes more")?;
    ensure!(rejected.contains("3 items are in the basket already"), "{rejected}");
    ensure!(items(&scene)? == json!(["tea", "cup", "pot"]));
    let types = scene.event_types(ID)?;
    let count = |wanted: &str| types.iter().filter(|event| *event == wanted).count();
    let [accepted, completed] =
        ["ACCEPTED", "COMPLETED"].map(|end| count(&format!("WORKFLOW_EXECUTION_UPDATE_{end}")));
    ensure!((accepted, completed) == (3, 3), "{types:?}");

    let signal = scene.cli(&["workflow", "signal", "--workflow-id", ID, "--name", "check_out"])?;
    ensure!(signal.code == 0, "{signal:?}");
    ensure!(scene.completed(ID)? == json!(["tea", "cup", "pot"]));
    replays(&scene)
}

fn replays(scene: &Scene<'_>) -> Result<()> {
    let file = scene.folder.path().join("history.json");
    std::fs::write(&file, scene.history(ID)?.to_string())?;
    let mut replay = std::process::Command::new(test_harness::binary("host")?);
    replay.arg("replay").arg("--module").arg(component("probes")?).arg(&file);
    let output = run(&mut replay)?;
    ensure!(output.code == 0, "{output:?}");
    Ok(())
}
