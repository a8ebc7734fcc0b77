//! An activity of a sandboxed workflow is ended by a client that has nothing but its task token.

use anyhow::{Context, Result, ensure};
use guest_sdk_types::Failure;
use serde_json::json;
use test_harness::{Host, component, run_json};
use tonic::Code;

use crate::environment::{Environment, Scene};
use crate::protocol_client::ProtocolClient;

/// A host, and a run of `Outside`, whose attempts leave their task tokens in the scene's folder.
fn handed_out(scene: &Scene<'_>, id: &str) -> Result<Host> {
    let host = scene.host("probes", &[component("probes")?], &[])?;
    scene.start("Outside", id, &json!(scene.folder.path()).to_string())?;
    Ok(host)
}

/// The task token that an attempt left; `attempt` counts from 1.
fn task_token(scene: &Scene<'_>, attempt: u32) -> Result<Vec<u8>> {
    let path = scene.folder.path().join(format!("attempt-{attempt}"));
    scene.wait_until("the task token", || Ok(path.exists()))?;
    Ok(std::fs::read(path)?)
}

/// Fails the first attempt after a heartbeat, and completes the second, which finds its details.
pub(crate) fn completed_from_outside(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let _host = handed_out(&scene, "outside-completed")?;
    let client = ProtocolClient::connect(scene.address())?;

    let first = task_token(&scene, 1)?;
    let answer = client.heartbeat(&first, "\"half way\"")?;
    ensure!(!answer.cancel_requested, "{answer:?}");
    client.fail(&first, Failure::application("Stumbled", "once more").build())?;

    let second = task_token(&scene, 2)?;
    let found = std::fs::read_to_string(scene.folder.path().join("details-2"))?;
    ensure!(found == "half way", "{found:?}");
    let stale = client.complete(&first, "\"too late\"").err().context("a stale token is taken")?;
    ensure!(stale.code() == Code::NotFound, "{stale}");
    client.complete(&second, "\"done by hand\"")?;
    ensure!(scene.completed("outside-completed")? == "done by hand");

    let history = scene.history("outside-completed")?;
    let events = history["events"].as_array().context("no events")?;
    let completed = events.iter().find(|event| event["eventType"] == "EVENT_TYPE_ACTIVITY_TASK_COMPLETED");
    let completed = &completed.context("no completed activity")?["activityTaskCompletedEventAttributes"];
    ensure!(completed["identity"] == "a client", "{completed}");
    Ok(())
}

pub(crate) fn failed_from_outside(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let _host = handed_out(&scene, "outside-failed")?;
    let refused = Failure::application("Refused", "no signature").non_retryable().build();
    ProtocolClient::connect(scene.address())?.fail(&task_token(&scene, 1)?, refused)?;
    let output = scene.result("outside-failed")?;
    let text = format!("{}{}", output.stdout, output.stderr);
    ensure!(output.code == 1 && text.contains("Refused") && text.contains("no signature"), "{text}");
    Ok(())
}

/// A heartbeat tells the client that the workflow wants no result any more.
pub(crate) fn cancelled_from_outside(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let _host = handed_out(&scene, "outside-cancelled")?;
    let task_token = task_token(&scene, 1)?;
    let client = ProtocolClient::connect(scene.address())?;
    let asked = scene.cli(&["workflow", "cancel", "--workflow-id", "outside-cancelled"])?;
    ensure!(asked.code == 0, "{asked:?}");
    scene.wait_until("the request to cancel", || {
        Ok(client.heartbeat(&task_token, "\"still here\"")?.cancel_requested)
    })?;
    client.cancel(&task_token)?;
    let output = scene.result("outside-cancelled")?;
    ensure!(output.code == 1, "{output:?}");
    let types = scene.event_types("outside-cancelled")?;
    ensure!(types.iter().any(|event| event == "ACTIVITY_TASK_CANCELED"), "{types:?}");
    ensure!(types.last().is_some_and(|event| event == "WORKFLOW_EXECUTION_CANCELED"), "{types:?}");
    Ok(())
}

/// The same with the official Python client.
pub(crate) fn python_completes_from_outside(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let _host = scene.host("probes", &[component("probes")?], &[])?;
    let folder = scene.folder.path().to_str().context("path")?;
    let said = run_json(&mut scene.python("outside.py", &[folder])?)?;
    let expected = json!({
        "completed": "done in Python",
        "details": "half way",
        "failed": {"type": "Refused", "message": "no signature"},
        "heartbeat_said": "cancelled",
        "cancelled": "CANCELED",
    });
    ensure!(said == expected, "{said}");
    Ok(())
}
