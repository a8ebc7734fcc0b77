//! The official Python SDK: its client on our workflows, its worker for our activities.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use test_harness::{component, run, run_json};

use crate::environment::Environment;

pub(crate) fn python_client(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let _host = scene.host("orders", &[component("orders")?], &[])?;
    let saved = scene.folder.path().join("history.json");
    let said = run_json(&mut scene.python("client.py", &[saved.to_str().context("path")?])?)?;
    ensure!(said["result"]["tracking"] == "parcel-py-1", "{said}");
    ensure!(said["cancelled"] == "CANCELED", "{said}");
    ensure!(said["failure"]["type"] == "CardDeclined" && said["failure"]["non_retryable"] == true, "{said}");
    let listed: Vec<&str> =
        said["listed"].as_array().into_iter().flatten().filter_map(|id| id.as_str()).collect();
    ensure!(listed.len() == 3, "{said}");
    scene.speaks_of(listed);

    let mut replay = std::process::Command::new(test_harness::binary("host")?);
    replay.arg("replay").arg("--module").arg(component("orders")?).arg(&saved);
    let output = run(&mut replay)?;
    ensure!(output.code == 0, "what Python fetched does not replay: {output:?}");
    Ok(())
}

pub(crate) fn python_activities(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    // The plain `host` has no activities, so that it does not poll for them.
    let _host = scene.host("host", &[component("greetings")?], &[])?;
    let mut worker = scene
        .python("activities.py", &[])?
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start the Python worker")?;
    let greeted = scene
        .start("Greetings", "python-activity", "\"World\"")
        .and_then(|()| scene.completed("python-activity"));
    worker.kill()?;
    worker.wait()?;
    ensure!(greeted? == "Hello, World, says Python!");
    Ok(())
}

/// Every state machine of the service, under the official worker. Here each case must come to its end; the
/// comparison of the histories checks what it did.
pub(crate) fn python_state_machines(environment: &Environment) -> Result<()> {
    python_cases(environment, "machines.py")
}

/// Updates under the official client and worker, compared likewise.
pub(crate) fn python_updates(environment: &Environment) -> Result<()> {
    python_cases(environment, "updates.py")
}

/// Resets likewise; what is compared is the history of the run that a reset made.
pub(crate) fn python_resets(environment: &Environment) -> Result<()> {
    python_cases(environment, "resets.py")
}

/// Activities that clients pause, reset and change, likewise.
pub(crate) fn python_operations(environment: &Environment) -> Result<()> {
    python_cases(environment, "operations.py")
}

/// Workers of two versions of a deployment, likewise.
pub(crate) fn python_deployments(environment: &Environment) -> Result<()> {
    python_cases(environment, "deployments.py")
}

/// Operations on all workflows that a filter selects, likewise.
pub(crate) fn python_batches(environment: &Environment) -> Result<()> {
    python_cases(environment, "batches.py")
}

/// Schedules under the official client and worker; the histories of what they start are compared likewise.
pub(crate) fn python_schedules(environment: &Environment) -> Result<()> {
    python_cases(environment, "schedules.py")
}

/// The official SDK's environment with time skipping; it starts a service of ours by itself.
pub(crate) fn python_skips_time(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let server = scene.folder.path().join("test-server");
    let script = format!(
        "#!/bin/sh\nexec {} server --time-skipping --listen 127.0.0.1:$1 --data-dir {}\n",
        test_harness::binary("host")?.display(),
        scene.folder.path().join("data").display()
    );
    std::fs::write(&server, script)?;
    std::fs::set_permissions(&server, std::fs::Permissions::from_mode(0o700))?;
    let output = run(&mut scene.python("time_skipping.py", &[server.to_str().context("path")?])?)?;
    ensure!(output.code == 0, "{}{}", output.stdout, output.stderr);
    Ok(())
}

fn python_cases(environment: &Environment, file: &str) -> Result<()> {
    let scene = environment.scene()?;
    let only = std::env::var("HOST_TEST_CASES").unwrap_or_default();
    let report = scene.folder.path().join("report.json");
    let arguments = [report.to_str().context("path")?].into_iter().chain(only.split_whitespace());
    let output = run(&mut scene.python(file, &arguments.collect::<Vec<_>>())?)?;
    ensure!(output.code == 0, "{output:?}");
    let said: serde_json::Value = serde_json::from_slice(&std::fs::read(report)?)?;
    let wrong = said["wrong"].as_object().context("no report")?;
    let wrong: Vec<String> = wrong.iter().map(|(case, error)| format!("{case}: {error}")).collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    scene.speaks_of(said["workflows"].as_array().into_iter().flatten().filter_map(|id| id.as_str()));
    for (name, answer) in said["answers"].as_object().into_iter().flatten() {
        scene.answered(name, answer.clone());
    }
    Ok(())
}
