//! A data folder, a folder of modules, and a host on both as a process.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use test_harness::{Host, Output, run, script_guest, share_compiled};

use crate::{
    process::Process,
    service::{host, succeed},
};

/// Longest time until a run has moved on.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A data folder and a folder of modules with one file.
pub(crate) struct Machine {
    pub(crate) folder: TempDir,
    pub(crate) script: Vec<u8>,
}

/// A host that runs.
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) address: String,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("modules")).unwrap();
        let machine = Self { folder, script: script_guest().unwrap() };
        machine.replace(&machine.script);
        share_compiled(machine.data().as_ref()).unwrap();
        machine
    }

    pub(crate) fn module(&self) -> PathBuf {
        self.folder.path().join("modules/script.wasm")
    }

    /// A file that is not among the host's.
    pub(crate) fn elsewhere(&self, bytes: &[u8]) -> String {
        let path = self.folder.path().join("elsewhere.wasm");
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    pub(crate) fn replace(&self, bytes: &[u8]) {
        Host::replace_file(self.elsewhere(bytes).as_ref(), &self.module()).unwrap();
    }

    pub(crate) fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// Starts a host, and waits until it polls.
    pub(crate) fn start(&self, more: &[&str]) -> Running {
        Running::wait(self.begin(more))
    }

    /// Starts a host.
    pub(crate) fn begin(&self, more: &[&str]) -> Process {
        let (modules, data) = (self.folder.path().join("modules").display().to_string(), self.data());
        let fixed = ["run", "-t", "q", "-m", &modules, "--data-dir", &data, "--listen", "127.0.0.1:0"];
        Process::start(host(&[&fixed, more].concat()))
    }

    /// Starts another host on the data folder, with a service elsewhere, and waits until it polls a task queue.
    pub(crate) fn join(&self, address: &str, queue: &str, more: &[&str]) -> Running {
        let (modules, data) = (self.folder.path().join("modules").display().to_string(), self.data());
        let fixed = ["run", "-t", queue, "-m", &modules, "--data-dir", &data, "--address", address];
        let mut process = Process::start(host(&[&fixed, more].concat()));
        process.wait_for("polling task queue");
        Running { process, address: address.to_owned() }
    }

    pub(crate) fn modules(&self, arguments: &[&str]) -> Output {
        run(&mut host(&[&["modules"], arguments, &["--data-dir", &self.data()]].concat())).unwrap()
    }

    /// The actions in the audit, each with the runs that agree, differ, and cannot be told of.
    pub(crate) fn audit(&self) -> Vec<(String, String)> {
        let output = self.modules(&["log", "-o", "jsonl"]);
        assert_eq!(output.code, 0, "{output:?}");
        let entry = |line: &str| {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            let runs = &entry["report"]["runs"];
            let runs = format!("{}/{}/{}", runs["agree"], runs["differ"], runs["cannotTell"]);
            (entry["action"].as_str().unwrap().to_owned(), runs)
        };
        output.stdout.lines().map(entry).collect()
    }
}

impl Running {
    /// Waits until a host polls.
    pub(crate) fn wait(mut process: Process) -> Self {
        let address = process.address();
        process.wait_for("polling task queue");
        Self { process, address }
    }

    pub(crate) fn begin(&self, id: &str, script: &str) {
        self.begin_with(id, script, &[]);
    }

    pub(crate) fn begin_as(&self, id: &str, workflow_type: &str, script: &str) {
        self.begin_with(id, script, &["--type", workflow_type]);
    }

    /// Begins a workflow of type `Script` on queue `q`, unless more flags say otherwise.
    pub(crate) fn begin_with(&self, id: &str, script: &str, more: &[&str]) {
        let text = ["--input", script, "--input-meta", "encoding=binary/plain"];
        let mut start = [&["workflow", "start", "-w", id], &text[..], more].concat();
        for fixed in [["--type", "Script"], ["-t", "q"]] {
            if !more.contains(&fixed[0]) {
                start.extend(fixed);
            }
        }
        succeed(&self.address, &start);
    }

    pub(crate) fn signal(&self, id: &str) {
        succeed(&self.address, &["workflow", "signal", "-w", id, "--name", "go"]);
    }

    /// The builds that executed the tasks of a run, once so many are completed.
    pub(crate) fn builds(&self, id: &str, tasks: usize) -> Vec<String> {
        let since = Instant::now();
        loop {
            let shown = succeed(&self.address, &["workflow", "show", "-w", id, "-o", "json"]);
            let history: serde_json::Value = serde_json::from_str(&shown).unwrap();
            let completed = history["events"].as_array().unwrap().iter().filter_map(|event| {
                let task = &event["workflowTaskCompletedEventAttributes"];
                task["workerVersion"]["buildId"].as_str().map(str::to_owned)
            });
            let builds: Vec<String> = completed.collect();
            if builds.len() >= tasks {
                return builds;
            }
            assert!(since.elapsed() < PATIENCE, "{id}: {builds:?}: {}", self.process.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The digest of a module file.
pub(crate) fn digest(path: &str) -> String {
    hex::encode(Sha256::digest(fs::read(path).unwrap()))
}
