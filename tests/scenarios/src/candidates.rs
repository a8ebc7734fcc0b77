//! Candidates of a running host: a canary that goes back, and a shadow that reports a difference.

use anyhow::{Context as _, Result, ensure};
use test_harness::{compatible, incompatible, panicking};

use crate::environment::Environment;
use crate::script::Script;

/// Runs of each candidate, and how many it takes to judge one.
const RUNS: usize = 3;

impl Script<'_> {
    /// Starts a canary that gets all new runs, and is judged by a few.
    fn canary(&self, module: &[u8], more: &[&str]) -> Result<()> {
        let path = self.elsewhere(module)?.display().to_string();
        let canary = ["canary", "start", &path, "--steps", "100%:1h", "--min-count", "3"];
        let output = self.modules(&[&canary, more].concat())?;
        ensure!(output.code == 0, "{output:?}");
        Ok(())
    }

    /// Waits until the canary has ended.
    fn no_canary(&self) -> Result<()> {
        let mut status = String::new();
        let ended = self.scene.wait_until("the end of the canary", || {
            let output = self.modules(&["canary", "status"])?;
            status = output.stdout;
            Ok(output.stderr.contains("There is no canary"))
        });
        ended.with_context(|| format!("the canary is there still: {status}"))
    }

    /// The build that executed the last task of a run.
    fn build(&self, id: &str) -> Result<String> {
        Ok(self.tasks(id, 1)?.pop().map(|task| task.build_id).unwrap_or_default())
    }
}

/// One fails tasks; the runs of another one time out, which only the service knows.
pub(crate) fn canaries_go_back(environment: &Environment) -> Result<()> {
    let script = Script::new(environment)?;
    let host = script.host(&[])?;
    script.begin("before", "complete done", &[])?;
    let first = script.build("before")?;

    script.canary(&panicking(&script.guest), &[])?;
    for number in 0..RUNS {
        script.begin(&format!("panics-{number}"), "constant-line\ncomplete done", &[])?;
    }
    for number in 0..RUNS {
        let id = format!("panics-{number}");
        // How often the candidate failed it by then is open.
        script.scene.does_not_compare(&id);
        ensure!(script.build(&id)? == first, "{id}");
    }
    script.no_canary()?;

    // What timed out soon after it began counts too, though another one has just ended.
    script.canary(&compatible(&script.guest, 2), &["--max-failed-runs", "50%"])?;
    for number in 0..RUNS {
        let id = format!("hangs-{number}");
        script.begin(&id, "wait\ncomplete done", &["--run-timeout", "4s"])?;
        ensure!(script.build(&id)? != first, "{id}");
    }
    script.no_canary()?;
    let log = script.modules(&["log"])?.stdout;
    ensure!(log.contains(&format!("{RUNS} of {RUNS} runs failed, and 50% may")), "{log}");
    script.begin("after", "complete done", &[])?;
    ensure!(script.build("after")? == first);
    ensure!(host.stop()? == 0);
    Ok(())
}

pub(crate) fn shadow_reports_differences(environment: &Environment) -> Result<()> {
    let script = Script::new(environment)?;
    let shadow = script.elsewhere(&incompatible(&script.guest))?.display().to_string();
    let host = script.host(&["--shadow", &shadow])?;
    script.begin("agrees", "wait\nwait\ncomplete done", &[])?;
    script.begin("differs", "constant-activity\nwait\nwait\ncomplete done", &[])?;
    for task in [2, 3] {
        for id in ["agrees", "differs"] {
            script.tasks(id, task - 1)?;
            script.signal(id)?;
        }
    }
    for id in ["agrees", "differs"] {
        let tasks = script.tasks(id, 3)?;
        ensure!(tasks.iter().all(|task| *task == tasks[0]), "its commands go nowhere: {tasks:?}");
    }
    let mut said = String::new();
    script.scene.wait_until("the shadow has followed both", || {
        let output = script.modules(&["shadow", "status"])?;
        said = output.stdout;
        Ok(said.contains("1 agree, 1 differ") && output.code == 1)
    })?;
    ensure!(said.contains("workflow differs") && said.contains("/script/src/step.rs:"), "{said}");
    ensure!(host.stop()? == 0);
    Ok(())
}
