//! The surroundings of a scenario: service, task queue, data folder, command lines.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;
use test_harness::{Embedded, Host, HostOptions, Output, Service, Temporal, run, run_json};

use crate::activations::{self, StartedHost};
use crate::recording::{Histories, record};
use crate::scrub::scrub_answer;

/// Longest time that a scenario waits for a condition.
const PATIENCE: Duration = Duration::from_secs(120);

/// So that a slow machine answers the first workflow task of a run in time: failures of later attempts are not events.
pub(crate) const LONG_TASKS: &[&str] = &["--task-timeout", "2m"];

/// The scenario that has a workflow of this id.
static OWNERS: Mutex<BTreeMap<String, &'static str>> = Mutex::new(BTreeMap::new());

/// The service of one scenario, and the Python interpreter if there is one.
pub(crate) struct Environment {
    service: Arc<Running>,
    python: Option<PathBuf>,
    scenario: &'static str,
    scenes: AtomicU32,
    /// Workflows that the scenario named; their histories are recorded.
    workflow_ids: Mutex<BTreeSet<String>>,
    /// What the service answered, for the same comparison.
    answers: Mutex<BTreeMap<String, Value>>,
    /// The hosts that the scenario started.
    hosts: Mutex<Vec<StartedHost>>,
}

/// The service that the scenarios run on.
pub(crate) enum Running {
    /// `host server` of this repository.
    Embedded(Embedded),
    /// Temporal's development server.
    Temporal(Temporal),
}

impl Running {
    fn address(&self) -> &str {
        match self {
            Self::Embedded(server) => server.address(),
            Self::Temporal(server) => server.address(),
        }
    }
}

/// A task queue and a data folder of a scenario's own.
pub(crate) struct Scene<'a> {
    environment: &'a Environment,
    /// The task queue.
    pub(crate) task_queue: String,
    /// Removed at the end, when the activations of its hosts have been compared.
    pub(crate) folder: Arc<TempDir>,
}

impl Environment {
    pub(crate) fn new(service: Arc<Running>, python: Option<PathBuf>, scenario: &'static str) -> Self {
        Self {
            service,
            python,
            scenario,
            scenes: AtomicU32::new(0),
            workflow_ids: Mutex::default(),
            answers: Mutex::default(),
            hosts: Mutex::default(),
        }
    }

    pub(crate) fn scene(&self) -> Result<Scene<'_>> {
        let number = self.scenes.fetch_add(1, Ordering::Relaxed);
        Ok(Scene {
            environment: self,
            task_queue: format!("{}-{number}", self.scenario),
            folder: Arc::new(tempfile::tempdir()?),
        })
    }

    /// Whether every activation of its runs is the same in every replay: see [`activations`].
    pub(crate) fn check_activations(&self) -> Result<()> {
        let hosts = self.hosts.lock().map(|mut hosts| std::mem::take(&mut *hosts)).unwrap_or_default();
        activations::check(self.service.address(), self.scenario, &hosts)
    }

    /// The histories of the workflows that the scenario spoke of, as they are now, and the answers that it noted.
    pub(crate) fn histories(&self) -> Result<Histories> {
        let workflow_ids = self.workflow_ids.lock().map(|ids| ids.clone()).unwrap_or_default();
        let mut histories = record(self.service.address(), &workflow_ids)?;
        let answers = self.answers.lock().map(|answers| answers.clone()).unwrap_or_default();
        histories.extend(answers.into_iter().map(|(name, answer)| (name, vec![scrub_answer(answer)])));
        Ok(histories)
    }
}

impl Scene<'_> {
    pub(crate) fn address(&self) -> &str {
        self.environment.service.address()
    }

    /// A host with the binary of a sample, or `host`, and these modules.
    pub(crate) fn host(&self, binary: &str, modules: &[PathBuf], arguments: &[&str]) -> Result<Host> {
        let host = Host::start(&HostOptions {
            binary: binary.to_owned(),
            service: Service::Remote { address: self.address().to_owned() },
            task_queue: self.task_queue.clone(),
            modules: modules.to_vec(),
            data_dir: self.folder.path().join("data"),
            arguments: activations::with_log(arguments),
        })?;
        if let Ok(mut hosts) = self.environment.hosts.lock() {
            hosts.push(StartedHost {
                task_queue: self.task_queue.clone(),
                modules: modules.to_vec(),
                data_dir: self.folder.path().join("data"),
                log: host.log_handle(),
                _folder: Arc::clone(&self.folder),
            });
        }
        Ok(host)
    }

    /// A command line of `host`, such as `workflow show`, run to its end.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Result<Output> {
        let named = arguments.iter().skip_while(|argument| **argument != "--workflow-id").nth(1);
        self.speaks_of(named.copied());
        run(&mut Host::cli(self.address(), arguments)?)
    }

    /// Workflows whose histories are compared between the services.
    ///
    /// # Panics
    ///
    /// When another scenario has a workflow of this id: they meet on the service.
    pub(crate) fn speaks_of<'i>(&self, workflow_ids: impl IntoIterator<Item = &'i str>) {
        let scenario = self.environment.scenario;
        let (Ok(mut known), Ok(mut owners)) = (self.environment.workflow_ids.lock(), OWNERS.lock()) else {
            return;
        };
        for id in workflow_ids {
            let owner = *owners.entry(id.to_owned()).or_insert(scenario);
            assert!(owner == scenario, "workflow `{id}` is that of {owner} and of {scenario}");
            known.insert(id.to_owned());
        }
    }

    /// A workflow whose history depends on the speed of the machine, so that it is not compared.
    pub(crate) fn does_not_compare(&self, workflow_id: &str) {
        if let Ok(mut known) = self.environment.workflow_ids.lock() {
            known.remove(workflow_id);
        }
    }

    /// What the service answered; the same must come from the other one, but for times and ids.
    pub(crate) fn answered(&self, name: &str, answer: Value) {
        if let Ok(mut answers) = self.environment.answers.lock() {
            answers.insert(format!("answer `{name}`"), answer);
        }
    }

    /// Starts a workflow on the queue of this scene.
    pub(crate) fn start(&self, workflow_type: &str, id: &str, input: &str) -> Result<()> {
        self.start_with(workflow_type, id, input, &[])
    }

    /// As [`Scene::start`], with more arguments.
    pub(crate) fn start_with(&self, workflow_type: &str, id: &str, input: &str, more: &[&str]) -> Result<()> {
        let queue = self.task_queue.as_str();
        let start = ["workflow", "start", "--type", workflow_type, "--task-queue", queue];
        let output = self.cli(&[&start, &["--workflow-id", id, "--input", input][..], more].concat())?;
        ensure!(output.code == 0, "start: {}{}", output.stdout, output.stderr);
        Ok(())
    }

    /// Waits for the end of a workflow; its exit code and what was printed as JSON.
    pub(crate) fn result(&self, id: &str) -> Result<Output> {
        self.cli(&["workflow", "result", "--workflow-id", id, "--output", "json"])
    }

    /// The result of a workflow that must complete.
    pub(crate) fn completed(&self, id: &str) -> Result<Value> {
        let output = self.result(id)?;
        ensure!(output.code == 0, "{id}: {}{}", output.stdout, output.stderr);
        let printed: Value = serde_json::from_str(&output.stdout).context(output.stdout)?;
        Ok(printed["result"].clone())
    }

    /// The history of a workflow, as JSON.
    pub(crate) fn history(&self, id: &str) -> Result<Value> {
        run_json(&mut Host::cli(
            self.address(),
            &["workflow", "show", "--workflow-id", id, "--output", "json"],
        )?)
    }

    /// The types of the events of a workflow, without `EVENT_TYPE_`.
    pub(crate) fn event_types(&self, id: &str) -> Result<Vec<String>> {
        let history = self.history(id)?;
        let events = history["events"].as_array().context("no events")?;
        Ok(events
            .iter()
            .filter_map(|event| event["eventType"].as_str())
            .map(|name| name.trim_start_matches("EVENT_TYPE_").to_owned())
            .collect())
    }

    /// Polls a condition until it holds; `what` names it in the error.
    pub(crate) fn wait_until(&self, what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !done()? {
            if Instant::now() > deadline {
                bail!("{what} did not happen within {PATIENCE:?}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// A command line of the `temporal` CLI.
    pub(crate) fn temporal(&self, arguments: &[&str]) -> Result<Command> {
        match &*self.environment.service {
            Running::Temporal(server) => Ok(server.cli(arguments)),
            Running::Embedded(_) => bail!("this scenario needs Temporal's server"),
        }
    }

    /// A Python script of this folder, with the address and the task queue as its first arguments.
    pub(crate) fn python(&self, script: &str, arguments: &[&str]) -> Result<Command> {
        let python = self.environment.python.as_ref().context("no Python")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(script);
        let mut command = test_harness::python_script(python, &script);
        command.args([self.address(), &self.task_queue]).args(arguments);
        Ok(command)
    }
}
