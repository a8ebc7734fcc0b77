//! Hosts of the guest `tests/guests/script`, whose argument says what a run does, and of what tests make of that guest.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use test_harness::{Host, Output, run, script_guest};

use crate::environment::{Environment, Scene};

/// A scene with a folder of modules that has one file.
pub(crate) struct Script<'a> {
    pub(crate) scene: Scene<'a>,
    /// The guest as it is built.
    pub(crate) guest: Vec<u8>,
}

/// What executed a workflow task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) build_id: String,
    /// `PINNED`, `AUTO_UPGRADE`, or nothing on a host that is no deployment.
    pub(crate) behavior: String,
}

impl<'a> Script<'a> {
    pub(crate) fn new(environment: &'a Environment) -> Result<Self> {
        let script = Self { scene: environment.scene()?, guest: script_guest()? };
        std::fs::create_dir(script.modules_folder())?;
        script.replace(&script.guest)?;
        Ok(script)
    }

    fn modules_folder(&self) -> PathBuf {
        self.scene.folder.path().join("modules")
    }

    /// Replaces the module.
    pub(crate) fn replace(&self, module: &[u8]) -> Result<()> {
        Host::replace_file(&self.elsewhere(module)?, &self.modules_folder().join("script.wasm"))
    }

    /// A file that is not among the host's.
    pub(crate) fn elsewhere(&self, module: &[u8]) -> Result<PathBuf> {
        let path = self.scene.folder.path().join("elsewhere.wasm");
        std::fs::write(&path, module)?;
        Ok(path)
    }

    pub(crate) fn host(&self, arguments: &[&str]) -> Result<Host> {
        self.host_of("host", arguments)
    }

    /// A host whose activities are those of a binary.
    pub(crate) fn host_of(&self, binary: &str, arguments: &[&str]) -> Result<Host> {
        self.scene.host(binary, &[self.modules_folder()], arguments)
    }

    /// `host modules …` for the host of this scene.
    pub(crate) fn modules(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = std::process::Command::new(test_harness::binary("host")?);
        command.arg("modules").args(arguments);
        run(command.arg("--data-dir").arg(self.scene.folder.path().join("data")))
    }

    /// Begins a run of the type `Script`, unless more arguments say otherwise.
    pub(crate) fn begin(&self, id: &str, script: &str, more: &[&str]) -> Result<()> {
        let queue = self.scene.task_queue.as_str();
        let mut start = vec!["workflow", "start", "--workflow-id", id, "--task-queue", queue];
        start.extend(["--input", script, "--input-meta", "encoding=binary/plain"]);
        if !more.contains(&"--type") {
            start.extend(["--type", "Script"]);
        }
        start.extend(more);
        self.succeed(&start)?;
        Ok(())
    }

    /// Has a run go on behind its next `wait`.
    pub(crate) fn signal(&self, id: &str) -> Result<()> {
        self.succeed(&["workflow", "signal", "--workflow-id", id, "--name", "go"])?;
        Ok(())
    }

    /// What executed the tasks of a run, once so many are completed.
    pub(crate) fn tasks(&self, id: &str, count: usize) -> Result<Vec<Task>> {
        let mut tasks = Vec::new();
        let what = format!("workflow task {count} of {id}");
        self.scene.wait_until(&what, || {
            tasks = completed(&self.scene.history(id)?);
            Ok(tasks.len() >= count)
        })?;
        Ok(tasks)
    }

    /// What a command line of `host` prints as text, which must succeed.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> Result<String> {
        let output = self.scene.cli(arguments)?;
        ensure!(output.code == 0, "{arguments:?}: {output:?}");
        Ok(output.stdout)
    }

    /// The same as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Result<Value> {
        let printed = self.succeed(&[arguments, &["--output", "json"]].concat())?;
        serde_json::from_str(&printed).context(printed)
    }
}

fn completed(history: &Value) -> Vec<Task> {
    let events = history["events"].as_array().into_iter().flatten();
    let completed = events.filter_map(|event| {
        let task = event.get("workflowTaskCompletedEventAttributes")?;
        let build_id = task["workerVersion"]["buildId"].as_str()?.to_owned();
        let behavior = task["versioningBehavior"].as_str().unwrap_or_default();
        Some(Task { build_id, behavior: behavior.trim_start_matches("VERSIONING_BEHAVIOR_").to_owned() })
    });
    completed.collect()
}
