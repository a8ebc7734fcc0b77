//! `cargo demo`: the main job, as a user would do it by hand.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use test_harness::{Host, HostOptions, Service, binary, component, free_port};

/// The workflow that is run.
const WORKFLOW_ID: &str = "greet-world";

/// Builds the sample and its host, runs a workflow on the embedded service, and shows result and history.
/// The data folder is temporary and the port a free one, so that it can run beside other hosts.
pub(crate) fn demo() -> Result<()> {
    eprintln!("Building the host; the first time that takes some minutes.");
    let host = binary("greetings")?;
    eprintln!("Building the workflow module: greetings, for wasm32-wasip2.");
    let module = component("greetings")?;

    let folder = tempfile::tempdir().context("no temporary folder")?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let options = HostOptions {
        binary: "greetings".to_owned(),
        service: Service::Embedded { listen: address.clone() },
        task_queue: "greetings".to_owned(),
        modules: vec![module],
        data_dir: folder.path().to_owned(),
        arguments: Vec::new(),
    };
    eprintln!("Starting a host with the embedded service on {address}.\n");
    let running = Host::start(&options)?;

    let command = |arguments: &[&str]| -> Result<()> {
        eprintln!("$ host {}", arguments.join(" "));
        let status = Command::new(&host)
            .args(arguments)
            .args(["--address", &address, "--log-level", "warn"])
            .status()
            .context("cannot start the command")?;
        ensure!(status.success(), "host {} ended with {status}", arguments.join(" "));
        eprintln!();
        Ok(())
    };
    let start = ["--type", "Greetings", "--task-queue", "greetings", "--workflow-id", WORKFLOW_ID];
    command(&[&["workflow", "start"], &start[..], &["--input", "\"World\""]].concat())?;
    command(&["workflow", "result", "--workflow-id", WORKFLOW_ID])?;
    command(&["workflow", "show", "--workflow-id", WORKFLOW_ID])?;
    running.stop()?;
    Ok(())
}
