//! Histories replay as tests.

use std::path::Path;

use anyhow::{Result, ensure};
use test_harness::{Output, component, run};

use crate::edited::edited;
use crate::environment::{Environment, Scene};

/// Runs `greetings` and writes its history to a file.
fn record(scene: &Scene<'_>, to: &Path) -> Result<()> {
    let _host = scene.host("greetings", &[component("greetings")?], &[])?;
    scene.start("Greetings", &scene.task_queue, "\"World\"")?;
    scene.completed(&scene.task_queue)?;
    std::fs::write(to, scene.history(&scene.task_queue)?.to_string())?;
    Ok(())
}

fn replay(module: &Path, histories: &[&Path]) -> Result<Output> {
    let mut command = std::process::Command::new(test_harness::binary("host")?);
    command.arg("replay").arg("--module").arg(module).args(histories);
    run(&mut command)
}

pub(crate) fn recorded_history_replays(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let history = scene.folder.path().join("history.json");
    record(&scene, &history)?;
    let output = replay(&component("greetings")?, &[&history])?;
    ensure!(output.code == 0, "{output:?}");

    // One broken file does not keep the others from being replayed.
    let broken = scene.folder.path().join("broken.json");
    std::fs::write(&broken, "{\"events\": [{\"eventId\": \"one\"}]}")?;
    let output = replay(&component("greetings")?, &[&broken, &history])?;
    let text = format!("{}{}", output.stdout, output.stderr);
    ensure!(output.code == 1, "{output:?}");
    ensure!(text.contains("broken.json") && text.contains("events[0].eventId"), "{text}");
    ensure!(text.contains("history.json"), "{text}");
    Ok(())
}

pub(crate) fn changed_module_differs(environment: &Environment) -> Result<()> {
    let scene = environment.scene()?;
    let history = scene.folder.path().join("history.json");
    record(&scene, &history)?;
    let changed = edited(
        scene.folder.path(),
        "greetings",
        "let options = ",
        "ctx.timer(Duration::from_secs(1)).await; let options = ",
    )?;
    let output = replay(&changed, &[&history])?;
    let text = format!("{}{}", output.stdout, output.stderr);
    ensure!(output.code == 1, "{output:?}");
    // Event 5 is ActivityTaskScheduled; the changed module starts a timer there.
    ensure!(text.contains("event 5") && text.contains("workflow: a start of timer 1\n"), "{text}");
    let source = std::fs::read_to_string(scene.folder.path().join("edited/greetings/src/lib.rs"))?;
    let line = source.lines().position(|line| line.contains("ctx.timer(")).unwrap_or_default() + 1;
    ensure!(text.contains(&format!("src/lib.rs:{line}\n")), "{text}");
    Ok(())
}
