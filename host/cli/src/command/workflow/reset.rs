//! `host workflow reset`.

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use host_client::{ResetOptions, ResetPoint};
use host_wire::temporal::api::{
    batch::v1::BatchOperationReset,
    common::v1::{self, reset_options::Target},
    enums::v1::ResetReapplyExcludeType,
    workflowservice::v1::start_batch_operation_request::Operation,
};

use crate::{
    command::batch::start::start,
    exit::Usage,
    output::{Output, json::Object},
    settings::{
        connection::ConnectionArgs,
        reason::default_reason,
        selection::{Selection, SelectionArgs},
    },
};

/// Starts a new run from a place in the history of a workflow; an open run is terminated. Signals and updates after that
/// place reach the new run as well.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow reset --workflow-id order-17 --type LastWorkflowTask --reason 'fixed in 1.3'
  host workflow reset --workflow-id order-17 --event-id 10 --reapply-exclude Signal
  host workflow reset --query 'BuildIds = \"1.2\"' --build-id 1.2")]
pub(crate) struct Reset {
    #[command(flatten)]
    selection: SelectionArgs,
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
        let execution = match self.selection.into() {
            Selection::One(execution) => execution,
            Selection::Many(many) => {
                let reset_options = of_many(&options)?;
                let client = connection.connect().await?;
                let operation = Operation::ResetOperation(BatchOperationReset {
                    identity: client.identity().to_owned(),
                    options: Some(reset_options),
                    ..BatchOperationReset::default()
                });
                return start(&client, many, Some(options.reason), operation, output).await;
            }
        };
        let client = connection.connect().await?;
        let handle = execution.handle(&client);
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

/// The options of a batch operation, in which each workflow has its own place.
fn of_many(options: &ResetOptions) -> Result<v1::ResetOptions, Usage> {
    let target = match &options.point {
        ResetPoint::FirstWorkflowTask => Target::FirstWorkflowTask(()),
        ResetPoint::LastWorkflowTask => Target::LastWorkflowTask(()),
        ResetPoint::BuildId(build_id) => Target::BuildId(build_id.clone()),
        ResetPoint::Event(_) => return Err(Usage("--event-id is for one workflow".to_owned())),
        ResetPoint::LastContinuedAsNew => {
            return Err(Usage("--type LastContinuedAsNew is for one workflow".to_owned()));
        }
    };
    let mut excluded = Vec::new();
    for (is_excluded, kind) in [
        (options.exclude_signals, ResetReapplyExcludeType::Signal),
        (options.exclude_updates, ResetReapplyExcludeType::Update),
        (options.exclude_signals && options.exclude_updates, ResetReapplyExcludeType::Nexus),
    ] {
        if is_excluded {
            excluded.push(kind.into());
        }
    }
    Ok(v1::ResetOptions {
        target: Some(target),
        reset_reapply_exclude_types: excluded,
        ..v1::ResetOptions::default()
    })
}
