//! Payloads that the service sees encoded only: by a host with codecs, by clients with the same, and by Python's SDK.

use anyhow::{Result, ensure};
use test_harness::{Host, HostOptions, Output, Service, component, run_json};

use crate::environment::{Environment, Scene};

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
    let started = workflow(&scene, &start, &old)?;
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
