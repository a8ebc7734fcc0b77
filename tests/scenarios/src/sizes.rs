//! The host refuses values that are too large for the service, and says which one it was and how large.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use test_harness::component;

use crate::environment::{Environment, LONG_TASKS, Scene};

/// More bytes than one payload field may have (2 MiB).
const MORE_THAN_ONE_TAKES: usize = 3_000_000;
/// Bytes that one payload field may have, and that are too many for a message (4 MiB) five times over.
const MORE_THAN_FIVE_TAKE: usize = 1_000_000;
/// More bytes than one gRPC message may have (4 MiB).
const MORE_THAN_A_MESSAGE: usize = 5_000_000;

fn start(scene: &Scene<'_>, place: &str, bytes: usize) -> Result<String> {
    let id = format!("{}-{place}-{bytes}", scene.task_queue);
    let bytes = bytes.to_string();
    let more = [&["--input", bytes.as_str()], LONG_TASKS].concat();
    scene.start_with("Sizes", &id, &json!(place).to_string(), &more)?;
    Ok(id)
}

/// The attributes of the first event of a type.
fn first<'a>(history: &'a Value, event_type: &str, attributes: &str) -> Option<&'a Value> {
    let mut events = history["events"].as_array()?.iter();
    Some(&events.find(|event| event["eventType"] == event_type)?[attributes])
}

/// The workflow task fails, so that a mended module can go on; the execution stays open.
pub(crate) fn too_large_workflow_tasks(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let _host = scene.host("probes", &[component("probes")?], &[])?;
    for (place, bytes, cause, message) in [
        ("result", MORE_THAN_ONE_TAKES, "PAYLOADS_TOO_LARGE", "the payloads of the workflow's result have"),
        ("argument", MORE_THAN_ONE_TAKES, "PAYLOADS_TOO_LARGE", "the arguments of activity `weigh` have"),
        (
            "arguments",
            MORE_THAN_FIVE_TAKE,
            "GRPC_MESSAGE_TOO_LARGE",
            "the 5 commands of one workflow task have",
        ),
    ] {
        let id = start(&scene, place, bytes)?;
        scene.wait_until("the failed task", || {
            Ok(scene.event_types(&id)?.iter().any(|event| event == "WORKFLOW_TASK_FAILED"))
        })?;
        let history = scene.history(&id)?;
        let failed = first(&history, "EVENT_TYPE_WORKFLOW_TASK_FAILED", "workflowTaskFailedEventAttributes");
        let failed = failed.context("no attributes")?;
        let said = failed["failure"]["message"].as_str().unwrap_or_default();
        ensure!(said.starts_with(message), "{place}: {failed}");
        ensure!(failed["cause"].as_str().is_some_and(|actual| actual.ends_with(cause)), "{place}: {failed}");
    }
    // What is just below goes through, past neighbours that do not.
    for place in ["argument", "activity_result", "activity_heartbeat"] {
        let id = start(&scene, place, 2_000_000)?;
        ensure!(scene.completed(&id)? == "it fits", "{place}");
    }
    Ok(())
}

/// The attempt fails, and the workflow learns what was too large.
pub(crate) fn too_large_activities(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let _host = scene.host("probes", &[component("probes")?], &[])?;
    for (place, bytes, message) in [
        ("activity_result", MORE_THAN_ONE_TAKES, "result payloads of activity `swell` have"),
        ("activity_details", MORE_THAN_ONE_TAKES, "failure details of activity `swell` have"),
        ("activity_heartbeat", MORE_THAN_ONE_TAKES, "heartbeat details of activity `swell` have"),
        ("activity_message", MORE_THAN_A_MESSAGE, "what activity `swell` reports has"),
    ] {
        let id = start(&scene, place, bytes)?;
        let output = scene.result(&id)?;
        ensure!(output.code == 1, "{place}: {output:?}");
        let history = scene.history(&id)?;
        let failed = first(&history, "EVENT_TYPE_ACTIVITY_TASK_FAILED", "activityTaskFailedEventAttributes");
        let said = &failed.context("no failed activity")?["failure"]["message"];
        ensure!(said.as_str().is_some_and(|said| said.contains(message)), "{place}: {said}");
    }
    Ok(())
}

/// The query fails; the run does not notice.
pub(crate) fn too_large_answers(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let _host = scene.host("probes", &[component("probes")?], &[])?;
    let id = start(&scene, "argument", 10)?;
    ensure!(scene.completed(&id)? == "it fits");
    let ask = |bytes: usize| {
        scene.cli(&[
            "workflow",
            "query",
            "--workflow-id",
            &id,
            "--name",
            "answer",
            "--input",
            &bytes.to_string(),
        ])
    };
    for bytes in [MORE_THAN_ONE_TAKES, MORE_THAN_A_MESSAGE] {
        let output = ask(bytes)?;
        let expected = format!("the payloads of the answer to query `answer` have {}", bytes / 100_000);
        ensure!(output.code == 1 && output.stderr.contains(&expected), "{}", output.stderr);
    }
    let output = ask(5)?;
    ensure!(output.code == 0 && output.stdout.contains("xxxxx"), "{output:?}");
    Ok(())
}
