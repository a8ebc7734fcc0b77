//! Handlers that are given what they do not take, fail or do not end; and where a run asked for what it waits for.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use test_harness::{Host, HostOptions, Output, Service, component};

use crate::environment::{Environment, Scene};

const TALK: &str = "talk";
const WAITS: &str = "waits";

fn signal(scene: &Scene<'_>, name: &str, input: &[&str]) -> Result<()> {
    let output = ask(scene, &[&["signal", "--workflow-id", TALK, "--name", name], input].concat())?;
    ensure!(output.code == 0, "{output:?}");
    Ok(())
}

fn refused(scene: &Scene<'_>, name: &str, input: &str, why: &str) -> Result<()> {
    let update = ["workflow", "update", "execute", "--workflow-id", TALK, "--name", name, "--input", input];
    let output = scene.cli(&update)?;
    ensure!(output.code != 0 && output.stderr.contains(why), "expected {why}: {output:?}");
    Ok(())
}

fn ask(scene: &Scene<'_>, arguments: &[&str]) -> Result<Output> {
    scene.cli(&[&["workflow"], arguments].concat())
}

fn start(scene: &Scene<'_>, workflow_type: &str, id: &str) -> Result<()> {
    let queue = scene.task_queue.as_str();
    let output = ask(scene, &["start", "--type", workflow_type, "--task-queue", queue, "--workflow-id", id])?;
    ensure!(output.code == 0, "{output:?}");
    Ok(())
}

pub(crate) fn handlers(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    // Not a host of the scene: a task that failed is another one when it comes again, which is not compared.
    let mut host = Host::start(&HostOptions {
        binary: "probes".to_owned(),
        service: Service::Remote { address: scene.address().to_owned() },
        task_queue: scene.task_queue.clone(),
        modules: vec![component("probes")?],
        data_dir: scene.folder.path().join("data"),
        arguments: Vec::new(),
    })?;
    start(&scene, "Talk", TALK)?;

    // What no handler takes.
    let unknown = ask(&scene, &["query", "--workflow-id", TALK, "--name", "no_such"])?;
    let known = "query `no_such` has no handler; known queries: [heard]";
    ensure!(unknown.code != 0 && unknown.stderr.contains(known), "{unknown:?}");
    refused(&scene, "no_such", "1", "update `no_such` has no handler; known updates: [tell]")?;
    refused(&scene, "tell", "\"one\"", "arguments of update `tell` not decoded: ")?;
    refused(&scene, "tell", "0", "0 is no number here")?;
    refused(&scene, "tell", "100", "too large a number, in the validator of update `tell`")?;
    signal(&scene, "no_such", &["--input", "1"])?;
    host.wait_for_log(
        "signal `no_such` has no handler: it is buffered until the workflow sets one; known signals: [",
    )?;
    signal(&scene, "hear", &["--input", "\"one\""])?;
    host.wait_for_log("signal `hear` is dropped: its arguments were not decoded: ")?;
    signal(&scene, "hear", &["--input", "7"])?;

    let metadata = ask(&scene, &["metadata", "--workflow-id", TALK, "--output", "json"])?;
    let metadata: Value = serde_json::from_str(&metadata.stdout)?;
    let metadata = &metadata["queryResult"][0];
    ensure!(metadata["currentDetails"] == "**listens**", "{metadata}");
    let signals = &metadata["definition"]["signalDefinitions"];
    ensure!(signals[0] == json!({"name": "end", "description": "Says goodbye."}), "{signals}");
    ensure!(signals[1] == json!({"name": "hear", "description": "Takes a number."}), "{signals}");

    // Where it waits, although no operation is pending.
    let stack = ask(&scene, &["stack", "--workflow-id", TALK])?;
    ensure!(stack.code == 0, "{stack:?}");
    ensure!(was_asked_in(&stack.stdout, "a condition of the state", "pub async fn run(")?, "{stack:?}");

    // What does not end in time.
    signal(&scene, "idle", &[])?;
    signal(&scene, "linger", &[])?;
    signal(&scene, "end", &[])?;
    ensure!(scene.completed(TALK)? == json!([7]));
    host.wait_for_log("the workflow ends while handlers run: signal `linger`; wait for")?;
    scene.does_not_compare(TALK);

    // What fails.
    let stumbles = "stumbles";
    start(&scene, "Talk", stumbles)?;
    let output = ask(&scene, &["signal", "--workflow-id", stumbles, "--name", "stumble"])?;
    ensure!(output.code == 0, "{output:?}");
    host.wait_for_log("the workflow panicked: a stone, in signal `stumble`, at ")?;
    scene.does_not_compare(stumbles);
    ensure!(ask(&scene, &["terminate", "--workflow-id", stumbles])?.code == 0);
    ensure!(host.stop()? == 0);
    Ok(())
}

/// Whether the lines below the one with this operation name a line of this function in the workflow's source.
fn was_asked_in(text: &str, operation: &str, function: &str) -> Result<bool> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../probes/src/talk.rs");
    let source = std::fs::read_to_string(path)?;
    let begin = 1 + source.lines().position(|line| line.contains(function)).context("no such function")?;
    let end = begin
        + source.lines().skip(begin).position(|line| line == "}" || line == "    }").context("no end")?;
    let below = text.lines().skip_while(|line| !line.contains(operation)).skip(1);
    let mut places = below.take_while(|line| line.starts_with(' ')).filter_map(|line| {
        line.trim().strip_prefix("at ")?.split_once("tests/probes/src/talk.rs:")?.1.parse::<usize>().ok()
    });
    Ok(places.any(|line| (begin..=end).contains(&line)))
}

pub(crate) fn stacks(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let host = scene.host("probes", &[component("probes")?], &[])?;
    start(&scene, "Waits", WAITS)?;
    scene.wait_until("the child is initiated", || {
        Ok(scene.event_types(WAITS)?.iter().any(|name| name == "START_CHILD_WORKFLOW_EXECUTION_INITIATED"))
    })?;
    let live = ask(&scene, &["stack", "--workflow-id", WAITS])?;
    ensure!(live.code == 0, "{live:?}");
    let asked = [
        ("timer 2 of 3600s", "async fn pauses("),
        ("activity 1 of type silent", "async fn calls("),
        ("child workflow waits-child of type Silent", "async fn has_child("),
    ];
    for (operation, function) in asked {
        ensure!(was_asked_in(&live.stdout, operation, function)?, "{operation}: {live:?}");
    }
    ensure!(!live.stdout.contains("timer 1"), "{live:?}");
    let enhanced = ask(
        &scene,
        &["query", "--workflow-id", WAITS, "--name", "__enhanced_stack_trace", "--output", "json"],
    )?;
    let enhanced: Value = serde_json::from_str(&enhanced.stdout)?;
    let stacks = &enhanced["queryResult"][0]["stacks"];
    ensure!(stacks.as_array().is_some_and(|stacks| stacks.len() == 3), "{enhanced}");

    // The same from its history, and as it was before.
    let history = scene.folder.path().join("history.json");
    std::fs::write(&history, scene.history(WAITS)?.to_string())?;
    let replay = |until: &str| {
        let mut command = std::process::Command::new(test_harness::binary("host")?);
        command.arg("replay").arg("--module").arg(component("probes")?).arg(&history);
        test_harness::run(command.args(["--call-query", "__stack_trace", "--until", until]))
    };
    let early = replay("5")?;
    ensure!(early.code == 0 && early.stdout.contains("timer 1 of 1ms"), "{early:?}");
    let late = replay("1000")?;
    for (operation, function) in asked {
        // An answer of a replay is JSON.
        let answer = late.stdout.replace("\\n", "\n");
        ensure!(was_asked_in(&answer, operation, function)?, "{operation}: {late:?}");
    }
    ensure!(!late.stdout.contains("timer 1"), "{late:?}");

    scene.does_not_compare(WAITS);
    ensure!(ask(&scene, &["terminate", "--workflow-id", WAITS])?.code == 0);
    ensure!(host.stop()? == 0);
    Ok(())
}
