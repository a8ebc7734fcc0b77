//! Nexus operations: our workflows and handlers, and those of the official Python SDK on the other side.

use std::process::{Child, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use test_harness::{component, run};

use crate::environment::{Environment, Scene};

/// An endpoint whose handlers are on the task queue of the scene, or on another one.
fn endpoint(scene: &Scene<'_>, task_queue: &str) -> Result<String> {
    let name = task_queue.replace('_', "-");
    let output = scene.cli(&[
        "operator",
        "nexus",
        "endpoint",
        "create",
        "--name",
        &name,
        "--target-namespace",
        "default",
        "--target-task-queue",
        task_queue,
    ])?;
    ensure!(output.code == 0, "{output:?}");
    Ok(name)
}

fn step(endpoint: &str, operation: &str, input: &str) -> Value {
    json!({"endpoint": endpoint, "service": "handlers", "operation": operation, "input": input})
}

/// Each ends as it should, and the history of the caller replays.
fn calls(scene: &Scene<'_>, id: &str, steps: &Value) -> Result<Value> {
    scene.start("Caller", id, &steps.to_string())?;
    let ended = scene.completed(id)?;
    let history = scene.folder.path().join(format!("{id}.json"));
    std::fs::write(&history, scene.history(id)?.to_string())?;
    let mut command = std::process::Command::new(test_harness::binary("host")?);
    command.arg("replay").arg("--module").arg(component("probes")?).arg(&history);
    let output = run(&mut command)?;
    ensure!(output.code == 0, "{output:?}");
    Ok(ended)
}

/// Handlers of a host: answered at once, failed, refused, and backed by a workflow that completes, fails or is cancelled.
pub(crate) fn nexus_operations(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let endpoint = endpoint(&scene, &scene.task_queue)?;
    let host = scene.host("probes", &[component("probes")?], &[])?;
    let mut waits = step(&endpoint, "run", "waits-nexus");
    waits["cancel_after_ms"] = json!(500);
    let steps = json!([
        step(&endpoint, "echo", "one"),
        step(&endpoint, "fail", "two"),
        step(&endpoint, "refuse", "three"),
        step(&endpoint, "missing", "four"),
        step(&endpoint, "run", "completes-nexus"),
        step(&endpoint, "run", "fails-nexus"),
        waits,
    ]);
    let ended = calls(&scene, "nexus-caller", &steps)?;
    let texts: Vec<&str> = ended.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    ensure!(texts.len() == 7, "{ended}");
    ensure!(texts[0] == "sync: echo of one", "{ended}");
    for (text, expected) in texts[1..4].iter().zip(["two", "three", "operation `missing`"]) {
        ensure!(text.starts_with("not started: ") && text.contains(expected), "{text}");
    }
    ensure!(texts[4] == "async: completes-nexus is done", "{ended}");
    ensure!(texts[5].starts_with("async, failed: ") && texts[5].contains("is broken"), "{ended}");
    ensure!(texts[6].starts_with("async, failed: ") && texts[6].contains("cancel"), "{ended}");
    scene.speaks_of(["completes-nexus", "fails-nexus", "waits-nexus"]);
    ensure!(host.stop()? == 0);
    Ok(())
}

/// The sample, as a user runs it.
pub(crate) fn nexus_sample(environment: &Environment) -> Result<()> {
    const ID: &str = "returned";
    let scene = environment.scene()?;
    let endpoint = json!(endpoint(&scene, &scene.task_queue)?).to_string();
    let host = scene.host("nexus", &[component("nexus")?], &[])?;
    let order = json!({"number": 7, "cents": 1_000}).to_string();
    scene.start_with("Return", ID, &endpoint, &["--input", &order, "--input", "60"])?;
    let receipt = scene.completed(ID)?;
    ensure!(receipt == json!({"cents": 980, "payment": "payment-7"}), "{receipt}");
    scene.speaks_of(["refund-7"]);
    ensure!(host.stop()? == 0);
    Ok(())
}

/// The official worker, until it is dropped.
struct Python(Child);

impl Python {
    fn start(scene: &Scene<'_>, arguments: &[&str]) -> Result<Self> {
        let mut command = scene.python("nexus.py", arguments)?;
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Ok(Self(child.context("cannot start the Python worker")?))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Our workflow calls handlers in Python, and a workflow in Python calls ours.
pub(crate) fn python_nexus(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let in_python = format!("{}-python", scene.task_queue);
    let to_python = endpoint(&scene, &in_python)?;
    let to_host = endpoint(&scene, &scene.task_queue)?;
    let host = scene.host("probes", &[component("probes")?], &[])?;
    let _python = Python::start(&scene, &[&in_python, &to_host])?;
    let mut waits = step(&to_python, "run", "waits-python");
    waits["cancel_after_ms"] = json!(500);
    let steps = json!([
        step(&to_python, "echo", "one"),
        step(&to_python, "fail", "two"),
        step(&to_python, "refuse", "three"),
        step(&to_python, "run", "completes-python"),
        step(&to_python, "run", "fails-python"),
        waits,
    ]);
    let ended = calls(&scene, "nexus-to-python", &steps)?;
    let texts: Vec<&str> = ended.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    ensure!(texts.len() == 6 && texts[0] == "sync: echo of one", "{ended}");
    ensure!(texts[3] == "async: completes-python is done", "{ended}");

    let started = scene.cli(&[
        "workflow",
        "start",
        "--type",
        "PythonCaller",
        "--task-queue",
        &in_python,
        "--workflow-id",
        "nexus-from-python",
    ])?;
    ensure!(started.code == 0, "{started:?}");
    let ended = scene.completed("nexus-from-python")?;
    ensure!(ended[0] == "echo of one" && ended[1] == "completes-host is done", "{ended}");
    scene.speaks_of([
        "completes-python",
        "fails-python",
        "waits-python",
        "completes-host",
        "fails-host",
        "waits-host",
    ]);
    ensure!(host.stop()? == 0);
    Ok(())
}
