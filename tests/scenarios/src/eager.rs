//! Activities that come with the answer to the workflow task that asked for them.

use anyhow::{Result, ensure};
use serde_json::json;
use test_harness::{Host, component};

use crate::environment::{Environment, Scene};

/// The worker's log line for a workflow task with five activities: it requests three of them eagerly, as
/// many as it has free slots, and gets all three.
const THREE_OF_FIVE: &str = "activities start eagerly asked=3 given=3";

/// Five pollers hold a slot each, and three are left.
const SLOTS: &str = "8";

/// Starts a run with five activities at once.
fn start(scene: &Scene<'_>, id: &str) -> Result<()> {
    let output = scene.cli(&[
        "workflow",
        "start",
        "--type",
        "Sizes",
        "--task-queue",
        &scene.task_queue,
        "--workflow-id",
        id,
        "--input",
        &json!("arguments").to_string(),
        "--input",
        "10",
    ])?;
    ensure!(output.code == 0, "start: {output:?}");
    Ok(())
}

fn eager(host: &Host) -> usize {
    host.log().matches(THREE_OF_FIVE).count()
}

pub(crate) fn eager_activities(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let arguments = ["--max-concurrent-activities", SLOTS, "--log-level", "info,host_worker=debug"];
    let mut host = scene.host("probes", &[component("probes")?], &arguments)?;
    let id = |number: u32| format!("{}-eager-{number}", scene.task_queue);
    start(&scene, &id(0))?;
    ensure!(scene.completed(&id(0))? == "it fits");
    host.wait_for_log(THREE_OF_FIVE)?;

    // Many at once: none waits for a slot that does not come back, and in the end all are free again.
    for number in 1..=20 {
        start(&scene, &id(number))?;
    }
    for number in 1..=20 {
        ensure!(scene.completed(&id(number))? == "it fits", "run {number}");
    }
    let before = eager(&host);
    start(&scene, &id(21))?;
    ensure!(scene.completed(&id(21))? == "it fits");
    scene.wait_until("three eager activities after many", || Ok(eager(&host) > before))?;
    ensure!(host.stop()? == 0);
    Ok(())
}
