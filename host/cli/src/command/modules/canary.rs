//! `host modules canary …`.

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use host_worker::{
    control::{Reply, Request},
    modules::{
        canary::{CanaryPlan, CanaryState, CanaryStep, MAX_STEPS, Share},
        policy::SwapPolicy,
    },
};

use super::host::{OTHER_ANSWER, RunningHost, target};
use crate::{
    output::{Output, card::Card, json::Object},
    settings::{data_dir::DataDirArgs, duration},
};

/// Has a module execute a part of the new runs, watched, before it takes all of them.
#[derive(Args, Debug)]
pub(crate) struct CanaryArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Start(Start),
    Status(Status),
    Stop(Stop),
}

/// Has a module execute a part of the new runs of its workflow types, in the host that runs on the data folder.
///
/// Which runs these are, a hash of the workflow id says. A step ends when its time is over and the module has completed or
/// failed --min-count workflow tasks; a last step of 100% without a time has the module promoted, any other last step waits
/// for `host modules promote` or `host modules canary stop`. When too many workflow tasks or runs of the module fail, new
/// runs are those of the former module again; the runs that the canary has stay on it. It goes on after a restart.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules canary start orders.wasm
  host modules canary start orders.wasm --steps 1%:1h,10%:1h,100% --max-failed-runs 2%")]
struct Start {
    /// Module file, or the first digits of the digest of a module that was admitted.
    #[arg(value_name = "PATH|DIGEST")]
    module: String,
    /// The part of the new runs, and for how long, step by step.
    #[arg(long, value_name = "STEPS", default_value = "5%:10m,25%:10m,100%")]
    steps: Steps,
    /// The part of its workflow tasks that may fail.
    #[arg(long, value_name = "PERCENTAGE", default_value = "5%")]
    max_failed_tasks: Share,
    /// The part of its runs that may fail.
    #[arg(long, value_name = "PERCENTAGE", default_value = "5%")]
    max_failed_runs: Share,
    /// Fewer workflow tasks, or runs, say nothing.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    min_count: u64,
    /// What becomes of open runs when it is promoted: pin, upgrade or require [default: that of the host, --swap-policy].
    #[arg(long, value_name = "POLICY")]
    policy: Option<SwapPolicy>,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

/// Prints the canary of the host that runs on the data folder, and how far it is.
#[derive(Args, Debug)]
struct Status {
    #[command(flatten)]
    data_dir: DataDirArgs,
}

/// Ends the canary of the host that runs on the data folder: new runs are those of the former module again.
#[derive(Args, Debug)]
struct Stop {
    #[command(flatten)]
    data_dir: DataDirArgs,
}

/// Steps, as `5%:10m,25%:10m,100%`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Steps(Vec<CanaryStep>);

impl CanaryArgs {
    pub(super) async fn run(self, output: Output) -> anyhow::Result<()> {
        let (request, data_dir) = match self.command {
            Command::Start(start) => (start.request()?, start.data_dir),
            Command::Status(Status { data_dir }) => (Request::Canary, data_dir),
            Command::Stop(Stop { data_dir }) => (Request::StopCanary, data_dir),
        };
        let host = RunningHost::needed(&data_dir).await?;
        let Reply::Canary { canary } = host.ask(&request, output).await? else { bail!(OTHER_ANSWER) };
        let Some(state) = canary else {
            output.note("There is no canary.");
            return Ok(());
        };
        if !output.is_text() {
            return output.object(object(&state)?);
        }
        output.lines(card(&state).text())?;
        if request == Request::StopCanary {
            output.note("It has ended: it takes no new runs any more.");
        }
        Ok(())
    }
}

impl Start {
    fn request(&self) -> anyhow::Result<Request> {
        let plan = CanaryPlan {
            steps: self.steps.0.clone(),
            max_failed_tasks: self.max_failed_tasks,
            max_failed_runs: self.max_failed_runs,
            min_count: self.min_count,
            policy: self.policy,
        };
        Ok(Request::StartCanary { target: target(&self.module)?, plan })
    }
}

impl std::str::FromStr for Steps {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let steps: Vec<CanaryStep> = text.split(',').map(step).collect::<Result<_, _>>()?;
        ensure!(steps.len() <= MAX_STEPS, "there are more than {MAX_STEPS} steps");
        let plan = CanaryPlan {
            steps: steps.clone(),
            max_failed_tasks: Share::ALL,
            max_failed_runs: Share::ALL,
            min_count: 0,
            policy: None,
        };
        plan.check()?;
        Ok(Self(steps))
    }
}

fn step(text: &str) -> anyhow::Result<CanaryStep> {
    let (share, lasts) = text.split_once(':').map_or((text, None), |(share, lasts)| (share, Some(lasts)));
    let share = share.trim().parse()?;
    let lasts = lasts.map(|lasts| duration::parse(lasts.trim())).transpose()?;
    let milliseconds = lasts.map(|lasts| u64::try_from(lasts.as_millis())).transpose();
    Ok(CanaryStep { share, lasts_ms: milliseconds.context("a step is too long")? })
}

fn card(state: &CanaryState) -> Card {
    let CanaryState { digest, file, who, plan, step, elapsed_ms, counts, .. } = state;
    let failed =
        |failed: u64, all: u64, bound: Share| format!("{failed} of {all}; it goes back above {bound}");
    Card::new("Canary")
        .row("Digest", digest)
        .row("File", file)
        .row("StartedBy", who)
        .row("Step", format!("{} of {}", step + 1, plan.steps.len()))
        .row("PartOfNewRuns", state.share())
        .row("Since", format!("{} s", elapsed_ms / 1000))
        .row("FailedTasks", failed(counts.failed_tasks, counts.tasks, plan.max_failed_tasks))
        .row("FailedRuns", failed(counts.failed_runs, counts.runs, plan.max_failed_runs))
        .row("TimedOutRuns", counts.timed_out_runs)
}

fn object(state: &CanaryState) -> anyhow::Result<Object> {
    let state = serde_json::to_value(state)?;
    let fields = state.as_object().into_iter().flatten();
    Ok(fields.fold(Object::new(), |object, (name, value)| object.field(name, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read() {
        let check = |text: &str, expected: &[(&str, Option<u64>)]| {
            let expected = expected
                .iter()
                .map(|(share, lasts_ms)| CanaryStep { share: share.parse().unwrap(), lasts_ms: *lasts_ms });
            assert_eq!(text.parse::<Steps>().unwrap(), Steps(expected.collect()));
        };
        check("5%:10m,25%:10m,100%", &[("5%", Some(600_000)), ("25%", Some(600_000)), ("100%", None)]);
        check("0.5%: 500ms, 50%", &[("0.5%", Some(500)), ("50%", None)]);
        let refused = |text: &str, expected: &str| {
            let error = text.parse::<Steps>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        };
        refused("", "`` is no percentage");
        refused("5", "`5` is no percentage");
        refused("200%", "`200%` is no percentage");
        refused("5%:10", "a unit is missing");
        refused("5%,25%", "step 1 has no duration");
        refused("50%:1m,25%:1m", "step 2 gives the candidate no more");
    }
}
