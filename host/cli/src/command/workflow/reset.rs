//! `host workflow reset`.

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use host_client::{ResetOptions, ResetPoint};

use super::default_reason;
use crate::{
    exit::Usage,
    output::{Output, json::Object},
    settings::{connection::ConnectionArgs, execution::ExecutionArgs},
};

/// Starts a new run from a place in the history of a workflow; an open run is terminated. Signals and updates after that
/// place reach the new run as well.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow reset --workflow-id order-17 --type LastWorkflowTask --reason 'fixed in 1.3'
  host workflow reset --workflow-id order-17 --event-id 10 --reapply-exclude Signal")]
pub(crate) struct Reset {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// The end of the workflow task that the new run does again: the id of its completed, failed or timed out event.
    #[arg(short, long, value_name = "ID", conflicts_with = "point")]
    event_id: Option<i64>,
    /// The workflow task that the new run does again.
    #[arg(short = 't', long = "type", value_name = "TYPE", ignore_case = true)]
    point: Option<Point>,
    /// The build whose first workflow task is done again; with `--type BuildId`.
    #[arg(long, value_name = "ID")]
    build_id: Option<String>,
    /// What does not reach the new run. Repeat it for more.
    #[arg(long, value_name = "TYPE", ignore_case = true)]
    reapply_exclude: Vec<Excluded>,
    /// Why; kept in the history.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// A workflow task, by its place in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Point {
    #[value(name = "FirstWorkflowTask")]
    First,
    #[value(name = "LastWorkflowTask")]
    Last,
    #[value(name = "LastContinuedAsNew")]
    ContinuedAsNew,
    #[value(name = "BuildId")]
    Build,
}

/// Events that may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Excluded {
    #[value(name = "All")]
    All,
    #[value(name = "Signal")]
    Signal,
    #[value(name = "Update")]
    Update,
}

impl Reset {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let options = self.options()?;
        let client = connection.connect().await?;
        let handle = self.execution.handle(&client);
        let new = handle.reset(options).await.context("failed to reset the workflow")?;
        let run_id = new.run_id().unwrap_or_default();
        if output.is_text() {
            output.line(format!("Workflow reset; its new run is {run_id}"))?;
        } else {
            output.object(Object::new().field("runId", run_id))?;
        }
        Ok(())
    }

    fn options(&self) -> anyhow::Result<ResetOptions> {
        let excludes = |what| self.reapply_exclude.iter().any(|it| *it == what || *it == Excluded::All);
        Ok(ResetOptions {
            point: self.point()?,
            reason: self.reason.clone().unwrap_or_else(default_reason),
            exclude_signals: excludes(Excluded::Signal),
            exclude_updates: excludes(Excluded::Update),
        })
    }

    fn point(&self) -> Result<ResetPoint, Usage> {
        match (self.event_id, self.point, &self.build_id) {
            (Some(event_id), None, None) => Ok(ResetPoint::Event(event_id)),
            (None, Some(Point::First), None) => Ok(ResetPoint::FirstWorkflowTask),
            (None, Some(Point::Last), None) => Ok(ResetPoint::LastWorkflowTask),
            (None, Some(Point::ContinuedAsNew), None) => Ok(ResetPoint::LastContinuedAsNew),
            (None, Some(Point::Build) | None, Some(build_id)) => Ok(ResetPoint::BuildId(build_id.clone())),
            (None, Some(Point::Build), None) => Err(Usage("--type BuildId needs --build-id".to_owned())),
            (None, None, None) => Err(Usage("give the place: --event-id, --type or --build-id".to_owned())),
            (Some(_), _, _) | (None, Some(_), Some(_)) => {
                Err(Usage("--build-id goes with --type BuildId, and --event-id goes alone".to_owned()))
            }
        }
    }
}
