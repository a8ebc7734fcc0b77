//! A host that is a worker deployment: the service says which version executes a run.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use test_harness::{Host, compatible, pinned};

use crate::environment::Environment;
use crate::script::{Script, Task};

/// Of a host whose open runs go to a module that agrees with them.
const UPGRADE: &[&str] = &["--swap-policy", "upgrade"];
const FOLLOWS: &[&str] = &["--type", "Another"];
/// Ends with the sixth task.
const OPEN: &str = "wait\nwait\nwait\nwait\nwait\ncomplete done";
/// So many new runs while a half of them goes to each version.
const HALVED: usize = 8;

/// The deployment of a scenario, on a host of the guest that executes scripts. Runs of `Script` are pinned by their
/// definition, those of `Another` follow the current version.
pub(crate) struct Shop<'a>(pub(crate) Script<'a>);

impl Shop<'_> {
    /// The deployment's, which no other scenario has: the services are those of all.
    fn name(&self) -> &str {
        &self.0.scene.task_queue
    }

    /// A host of this deployment, with the activities of a binary.
    pub(crate) fn host_of(&self, binary: &str, more: &[&str]) -> Result<Host> {
        self.0.host_of(binary, &[&["--watch", "--deployment", self.name()], more].concat())
    }

    /// Its versions, each with its status; none while the service does not know it.
    fn versions(&self) -> Result<Vec<(String, String)>> {
        let described = self.0.scene.cli(&[
            "worker",
            "deployment",
            "describe",
            "--name",
            self.name(),
            "--output",
            "json",
        ])?;
        if described.code != 0 {
            ensure!(described.stderr.contains("not found"), "{described:?}");
            return Ok(Vec::new());
        }
        let described: Value = serde_json::from_str(&described.stdout)?;
        let versions = described["versionSummaries"].as_array().into_iter().flatten().map(|summary| {
            let build_id = summary["deploymentVersion"]["buildId"].as_str().context("no build id")?;
            let status = summary["status"].as_str().context("no status")?;
            let status = status.trim_start_matches("WORKER_DEPLOYMENT_VERSION_STATUS_");
            Ok((build_id.to_owned(), status.to_owned()))
        });
        versions.collect()
    }

    fn wait_for_status(&self, build_id: &str, status: &str) -> Result<()> {
        let expected = (build_id.to_owned(), status.to_owned());
        self.0
            .scene
            .wait_until(&format!("{build_id} is {status}"), || Ok(self.versions()?.contains(&expected)))
    }

    /// The version that the service does not know yet, once it does.
    pub(crate) fn new_version(&self, known: &[&str]) -> Result<String> {
        let mut new = None;
        self.0.scene.wait_until("a version is known", || {
            let unknown = |(build_id, _): &(String, String)| !known.contains(&build_id.as_str());
            new = self.versions()?.into_iter().find(unknown);
            Ok(new.is_some())
        })?;
        let (build_id, status) = new.context("no version")?;
        ensure!(status == "INACTIVE", "{build_id} is {status}");
        Ok(build_id)
    }

    fn set(&self, command: &str, build_id: &str, more: &[&str]) -> Result<()> {
        let of = [
            "worker",
            "deployment",
            command,
            "--deployment-name",
            self.name(),
            "--build-id",
            build_id,
            "--yes",
        ];
        self.0.succeed(&[&of, more].concat())?;
        Ok(())
    }

    pub(crate) fn set_current(&self, build_id: &str) -> Result<()> {
        self.set("set-current-version", build_id, &[])
    }

    /// Notes what the service says of the deployment, and of runs.
    fn note(&self, step: &str, runs: &[&str]) -> Result<()> {
        let described = self.0.json(&["worker", "deployment", "describe", "--name", self.name()])?;
        self.0.scene.answered(step, described);
        for id in runs {
            let described = self.0.json(&["workflow", "describe", "--workflow-id", id])?;
            let info = &described["workflowExecutionInfo"]["versioningInfo"];
            self.0.scene.answered(&format!("{step}, {id}"), info.clone());
        }
        Ok(())
    }

    /// Signals runs, each of which then has its next task on a version.
    fn go_on(&self, runs: &[(&str, &Task)], task: usize) -> Result<()> {
        for (id, _) in runs {
            self.0.signal(id)?;
        }
        for (id, expected) in runs {
            let tasks = self.0.tasks(id, task)?;
            ensure!(tasks.last() == Some(*expected), "{id}: {tasks:?}, not {expected:?}");
        }
        Ok(())
    }
}

fn stays_on(build_id: &str) -> Task {
    Task { build_id: build_id.to_owned(), behavior: "PINNED".to_owned() }
}

fn follows_to(build_id: &str) -> Task {
    Task { build_id: build_id.to_owned(), behavior: "AUTO_UPGRADE".to_owned() }
}

/// Two versions in one process, from the first poll until the former one is drained.
pub(crate) fn versions_of_one_host(environment: &Environment) -> Result<()> {
    let shop = Shop(Script::new(environment)?);
    let (first, second) = (pinned(&shop.0.guest), compatible(&pinned(&shop.0.guest), 2));
    shop.0.replace(&first)?;
    let mut host = shop.host_of("host", UPGRADE)?;
    let v1 = shop.new_version(&[])?;
    shop.set_current(&v1)?;
    shop.0.begin("stays", OPEN, &[])?;
    shop.0.begin("follows", OPEN, FOLLOWS)?;
    ensure!(shop.0.tasks("stays", 1)? == [stays_on(&v1)]);
    ensure!(shop.0.tasks("follows", 1)? == [follows_to(&v1)]);
    shop.note("one version", &["stays", "follows"])?;

    // It gets nothing before it is current or ramps up.
    shop.0.replace(&second)?;
    host.wait_for_log("admitted a module")?;
    let v2 = shop.new_version(&[&v1])?;
    shop.go_on(&[("stays", &stays_on(&v1)), ("follows", &follows_to(&v1))], 2)?;
    shop.note("two versions", &["stays", "follows"])?;

    half_of_the_new_runs(&shop, &v1, &v2)?;
    shop.set("set-ramping-version", &v2, &["--percentage", "100"])?;
    shop.0.begin("ramped", OPEN, &[])?;
    ensure!(shop.0.tasks("ramped", 1)? == [stays_on(&v2)]);
    shop.go_on(&[("stays", &stays_on(&v1)), ("follows", &follows_to(&v2))], 3)?;
    shop.note("all of it ramps up", &["stays", "follows", "ramped"])?;

    shop.set_current(&v2)?;
    shop.go_on(&[("stays", &stays_on(&v1)), ("follows", &follows_to(&v2))], 4)?;
    shop.go_on(&[("ramped", &stays_on(&v2))], 2)?;
    ensure!(shop.versions()?.contains(&(v1.clone(), "DRAINING".to_owned())), "{:?}", shop.versions()?);
    let card = shop.0.succeed(&["workflow", "describe", "--workflow-id", "stays"])?;
    ensure!(
        card.contains(&format!("{}:{v1}", shop.name())) && card.contains("VersioningBehavior  Pinned"),
        "{card}"
    );
    let on_v1 = format!("BuildIds = 'pinned:{}:{v1}' AND ExecutionStatus = 'Running'", shop.name());
    shop.0.scene.wait_until("the list says which run drains it", || {
        let listed = shop.0.succeed(&["workflow", "list", "--query", &on_v1])?;
        Ok(listed.contains("stays") && !listed.contains("ramped") && !listed.contains("follows"))
    })?;

    // A former version that is not among the files of a host which comes anew.
    ensure!(host.stop()? == 0);
    let mut host = shop.host_of("host", UPGRADE)?;
    for task in [5, 6] {
        shop.go_on(&[("stays", &stays_on(&v1)), ("follows", &follows_to(&v2))], task)?;
    }
    ensure!(shop.0.scene.result("stays")?.stdout.contains("COMPLETED"));
    shop.wait_for_status(&v1, "DRAINED")?;
    shop.note("drained", &["stays", "follows", "ramped"])?;
    host.wait_for_log("a version gets no more tasks and is not polled for any more")?;
    for task in 3..=6 {
        shop.go_on(&[("ramped", &stays_on(&v2))], task)?;
    }
    ensure!(host.stop()? == 0);
    Ok(())
}

/// A version that is drained ends its polls. What it executes goes on, and its result counts.
pub(crate) fn retired_version_ends_its_activity(environment: &Environment) -> Result<()> {
    let shop = Shop(Script::new(environment)?);
    let mut host = shop.host_of("probes", UPGRADE)?;
    let v1 = shop.new_version(&[])?;
    shop.set_current(&v1)?;
    let folder = shop.0.scene.folder.path();
    let script = format!("hold {}\nwait\ncomplete done", folder.display());
    shop.0.begin("held", &script, &[])?;
    shop.0.scene.wait_until("the activity runs", || Ok(folder.join("held").exists()))?;

    shop.0.replace(&compatible(&shop.0.guest, 2))?;
    let v2 = shop.new_version(&[&v1])?;
    shop.set_current(&v2)?;
    shop.wait_for_status(&v1, "DRAINED")?;
    host.wait_for_log("a version gets no more tasks and is not polled for any more")?;
    std::fs::write(folder.join("go"), "")?;
    ensure!(shop.0.tasks("held", 2)? == [follows_to(&v1), follows_to(&v2)]);
    ensure!(shop.0.scene.result("held")?.stdout.contains("COMPLETED"));
    let history = shop.0.scene.history("held")?;
    let events = history["events"].as_array().context("no events")?;
    let attempts = events.iter().filter_map(|event| event.get("activityTaskStartedEventAttributes"));
    let attempts: Vec<&Value> = attempts.map(|started| &started["attempt"]).collect();
    ensure!(attempts == [1], "{attempts:?}");
    ensure!(host.stop()? == 0);
    Ok(())
}

/// Which version a new run goes to, a hash of its id says, and so it does for open runs that follow.
fn half_of_the_new_runs(shop: &Shop<'_>, v1: &str, v2: &str) -> Result<()> {
    shop.set("set-ramping-version", v2, &["--percentage", "50"])?;
    let ids: Vec<String> = (0..HALVED).map(|number| format!("half-{number}")).collect();
    for id in &ids {
        shop.0.begin(id, "complete done", &[])?;
    }
    let mut on_v2 = 0;
    for id in &ids {
        let tasks = shop.0.tasks(id, 1)?;
        ensure!(tasks == [stays_on(v1)] || tasks == [stays_on(v2)], "{id}: {tasks:?}");
        on_v2 += usize::from(tasks == [stays_on(v2)]);
    }
    ensure!((1..HALVED).contains(&on_v2), "{on_v2} of {HALVED}");
    shop.note("a half of it ramps up", &[])
}
