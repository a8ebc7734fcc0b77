//! A changed module serves new runs while open ones stay where they are.

use anyhow::{Result, ensure};
use serde_json::json;
use test_harness::{Host, component};

use crate::edited::edited;
use crate::environment::{Environment, Scene};

/// An order that is open until it is cancelled, or ends after some seconds.
fn order(id: &str, packing_seconds: u32) -> String {
    json!({"id": id, "card": "visa", "packing_seconds": packing_seconds, "items": []}).to_string()
}

fn waits_in_timer(scene: &Scene<'_>, id: &str) -> Result<()> {
    scene.wait_until("the timer", || Ok(scene.event_types(id)?.iter().any(|event| event == "TIMER_STARTED")))
}

/// The digests that executed the tasks of a workflow, without repetitions.
fn build_ids(scene: &Scene<'_>, id: &str) -> Result<Vec<String>> {
    let history = scene.history(id)?;
    let mut ids: Vec<String> = Vec::new();
    for event in history["events"].as_array().into_iter().flatten() {
        let id = &event["workflowTaskCompletedEventAttributes"]["workerVersion"]["buildId"];
        if let Some(id) = id.as_str()
            && ids.last().is_none_or(|last| last != id)
        {
            ids.push(id.to_owned());
        }
    }
    Ok(ids)
}

pub(crate) fn swap_while_running(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let modules = scene.folder.path().join("modules");
    std::fs::create_dir(&modules)?;
    let module = modules.join("orders.wasm");
    // A changed order of steps: what is open would not replay on it.
    let changed = edited(
        scene.folder.path(),
        "orders",
        "let reservations = ",
        "ctx.timer(Duration::from_millis(10)).await; let reservations = ",
    )?;
    std::fs::copy(component("orders")?, &module)?;

    let mut host = scene.host("orders", std::slice::from_ref(&modules), &["--watch"])?;
    scene.start("Orders", "open-swap", &order("1", 8))?;
    scene.start("Orders", "open-restart", &order("2", 25))?;
    waits_in_timer(&scene, "open-swap")?;
    waits_in_timer(&scene, "open-restart")?;

    Host::replace_file(&changed, &module)?;
    host.wait_for_log("admitted a module")?;
    scene.start("Orders", "new", &order("3", 1))?;
    ensure!(scene.completed("new")?["tracking"] == "parcel-3-0");
    ensure!(scene.completed("open-swap")?["tracking"] == "parcel-1-0");
    let (old, new) = (build_ids(&scene, "open-swap")?, build_ids(&scene, "new")?);
    ensure!(old.len() == 1 && new.len() == 1 && old != new, "{old:?} {new:?}");

    // After a restart with only the new file left, the old module comes from the data folder.
    host.kill()?;
    let _host = scene.host("orders", &[modules], &[])?;
    ensure!(scene.completed("open-restart")?["tracking"] == "parcel-2-0");
    ensure!(build_ids(&scene, "open-restart")? == old);
    Ok(())
}

pub(crate) fn bad_candidate_changes_nothing(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let modules = scene.folder.path().join("modules");
    std::fs::create_dir(&modules)?;
    let module = modules.join("greetings.wasm");
    std::fs::copy(component("greetings")?, &module)?;
    let mut host = scene.host("greetings", std::slice::from_ref(&modules), &["--watch"])?;
    let good = std::fs::read(&module)?;
    std::fs::write(scene.folder.path().join("truncated"), &good[..good.len() / 2])?;
    Host::replace_file(&scene.folder.path().join("truncated"), &module)?;
    host.wait_for_log("not admitted")?;
    scene.start("Greetings", "after-refusal", "\"World\"")?;
    ensure!(scene.completed("after-refusal")? == "Hello, World!");
    Ok(())
}
