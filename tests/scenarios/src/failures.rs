//! A fault in a workflow task fails the task, not the execution.

use anyhow::{Context, Result, ensure};
use test_harness::component;

use crate::edited::edited;
use crate::environment::{Environment, LONG_TASKS};

pub(crate) fn unknown_type_waits_for_its_module(environment: &Environment) -> Result<()> {
    const ID: &str = "waits-for-its-module";
    let scene = environment.scene()?;
    let modules = scene.folder.path().join("modules");
    std::fs::create_dir(&modules)?;
    std::fs::copy(component("orders")?, modules.join("orders.wasm"))?;
    let _host = scene.host("greetings", std::slice::from_ref(&modules), &["--watch"])?;
    scene.start_with("Greetings", ID, "\"World\"", LONG_TASKS)?;
    scene.wait_until("the failed task", || {
        Ok(scene.event_types(ID)?.iter().any(|event| event == "WORKFLOW_TASK_FAILED"))
    })?;
    let history = scene.history(ID)?;
    let mut events = history["events"].as_array().into_iter().flatten();
    let message = events
        .find_map(|event| event["workflowTaskFailedEventAttributes"]["failure"]["message"].as_str())
        .context("no message")?;
    ensure!(message.contains("Greetings") && message.contains("Orders"), "{message}");

    std::fs::copy(component("greetings")?, modules.join("greetings.draft"))?;
    std::fs::rename(modules.join("greetings.draft"), modules.join("greetings.wasm"))?;
    ensure!(scene.completed(ID)? == "Hello, World!");
    Ok(())
}

pub(crate) fn hostile_guest_has_neighbours(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let hostile =
        edited(scene.folder.path(), "orders", "let reservations = ", "loop {} let reservations = ")?;
    let _host = scene.host("greetings", &[component("greetings")?, hostile], &[])?;
    for number in 0..4 {
        let order = r#"{"id": "1", "card": "visa", "items": []}"#;
        scene.start_with("Orders", &format!("hostile-{number}"), order, LONG_TASKS)?;
    }
    for number in 0..20 {
        scene.start("Greetings", &format!("neighbour-{number}"), "\"World\"")?;
    }
    for number in 0..20 {
        ensure!(scene.completed(&format!("neighbour-{number}"))? == "Hello, World!");
    }
    scene.wait_until("the failed task", || {
        let history = scene.history("hostile-0")?.to_string();
        Ok(history.contains("WORKFLOW_TASK_FAILED") && history.contains("endless loop"))
    })?;
    ensure!(
        !scene.event_types("hostile-0")?.iter().any(|event| event.starts_with("WORKFLOW_EXECUTION_FAILED"))
    );
    Ok(())
}
