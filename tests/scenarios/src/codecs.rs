//! Payloads that the service sees encoded only: by a host with codecs, by clients with the same, and by Python's SDK.

use anyhow::{Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::json;
use test_harness::{Host, HostOptions, Output, Service, component, run_json};

use crate::environment::{Environment, LONG_TASKS, Scene};

const ID: &str = "encrypted";
const SECRET: &str = "\"Ada, whose name is a secret\"";
const OLD: &str = "old=command:printf 11111111111111111111111111111111";
const NEW: &str = "new=command:printf 22222222222222222222222222222222";

/// Not a host of the scene: what compares activations with replays reads histories without codecs.
fn host(scene: &Scene<'_>, arguments: &[&str]) -> Result<Host> {
    Host::start(&HostOptions {
        binary: "greetings".to_owned(),
        service: Service::Remote { address: scene.address().to_owned() },
        task_queue: scene.task_queue.clone(),
        modules: vec![component("greetings")?],
        data_dir: scene.folder.path().join("data"),
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
    })
}

fn workflow(scene: &Scene<'_>, arguments: &[&str], codecs: &[&str]) -> Result<Output> {
    let output = scene.cli(&[&["workflow"], arguments, codecs].concat())?;
    scene.does_not_compare(ID);
    Ok(output)
}

/// A run whose payloads a host cannot decode waits for one that can.
pub(crate) fn encrypted_payloads(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let new = ["--codec", "zlib", "--codec", "aes-gcm", "--codec-key", NEW];
    let old = ["--codec", "zlib", "--codec", "aes-gcm", "--codec-key", OLD];
    let both = [&new[..], &["--codec-key", OLD, "--encode-common-attributes"]].concat();
    let without = host(&scene, &new)?;
    let queue = scene.task_queue.as_str();
    let start =
        ["start", "--type", "Greetings", "--task-queue", queue, "--workflow-id", ID, "--input", SECRET];
    let started = workflow(&scene, &[&start, LONG_TASKS].concat(), &old)?;
    ensure!(started.code == 0, "{started:?}");
    let show = ["show", "--workflow-id", ID, "--output", "json"];
    scene.wait_until("a workflow task fails", || {
        let shown = workflow(&scene, &show, &[])?.stdout;
        Ok(shown.contains("WORKFLOW_TASK_FAILED")
            && shown.contains("WorkflowExecutionStarted") | shown.contains("Payloads.payloads")
            && shown.contains("no key with id `old` is known here; known are: new"))
    })?;
    ensure!(without.stop()? == 0);

    let with = host(&scene, &both)?;
    let result = workflow(&scene, &["result", "--workflow-id", ID], &both)?;
    ensure!(result.stdout.contains("Hello, Ada, whose name is a secret!"), "{result:?}");
    let plain = workflow(&scene, &["show", "--workflow-id", ID, "--detailed"], &[])?.stdout;
    ensure!(!plain.contains("secret"), "{plain}");
    ensure!(with.stop()? == 0);
    Ok(())
}

/// Python's SDK, with a codec of its own that does what `--codec zlib` does.
pub(crate) fn python_has_the_same_codec(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let host = host(&scene, &["--codec", "zlib"])?;
    let said = run_json(&mut scene.python("codecs.py", &[])?)?;
    ensure!(said["result"] == format!("Hello, {}!", "Ada ".repeat(500)), "{said}");
    ensure!(said["encodings"] == serde_json::json!(["binary/zlib"]), "{said}");
    ensure!(host.stop()? == 0);
    Ok(())
}

/// What a guest and an activity encode in their own ways is on the wire as SDKs of other languages have it.
pub(crate) fn encodings_of_their_own(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let host = scene.host("probes", &[component("probes")?], &[])?;
    let queue = scene.task_queue.as_str();
    let start = ["start", "--type", "Converts", "--task-queue", queue, "--workflow-id", "converts"];
    let started =
        scene.cli(&[&["workflow"], &start[..], &["--input", "\"tea\"", "--input", "2"]].concat())?;
    ensure!(started.code == 0, "{started:?}");
    ensure!(scene.completed("converts")? == json!(1.5));

    let history = scene.history("converts")?;
    let events = history["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let payload = |attributes: &str, field: &str| {
        events
            .iter()
            .map(|event| &event[attributes][field]["payloads"][0])
            .find(|payload| payload.is_object())
    };
    let base64 = |text: &str| BASE64.encode(text);
    let message = json!({
        "metadata": {"encoding": base64("binary/protobuf"), "messageType": base64("probes.v1.Parcel")},
        "data": base64("\n\u{3}tea\u{10}\u{2}"),
    });
    ensure!(payload("activityTaskScheduledEventAttributes", "input") == Some(&message), "{history}");
    let text = json!({"metadata": {"encoding": base64("text/plain")}, "data": base64("1.5")});
    ensure!(payload("activityTaskCompletedEventAttributes", "result") == Some(&text), "{history}");
    ensure!(host.stop()? == 0);
    Ok(())
}
