//! `host modules move`.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use host_worker::{
    control::{Reply, Request},
    gate::RunSelection,
};

use super::{
    host::{OTHER_ANSWER, RunningHost},
    report::{Checked, Printer},
};
use crate::{exit::Reported, output::Output, settings::data_dir::DataDirArgs};

/// Moves open runs to a module: one run, or those that a list filter finds.
///
/// Each is replayed on the module now, and those that agree move at their next workflow task; the others stay where they
/// are, and are printed with the reason. A run that was moved stays on the module until a later swap takes it along. This
/// also moves runs whose definition is pinned.
///
/// The exit code is 1 when a run stays.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules move 5f3a9c --workflow-id order-17
  host modules move 5f3a9c --query 'CustomerId = \"acme\"'")]
pub(crate) struct Move {
    /// The first digits of the digest of a module that was admitted.
    #[arg(value_name = "DIGEST")]
    to: String,
    /// Workflow id.
    #[arg(short, long, value_name = "ID", required_unless_present = "query")]
    workflow_id: Option<String>,
    /// Run id; the open run of the workflow if left out.
    #[arg(short, long, value_name = "ID", requires = "workflow_id")]
    run_id: Option<String>,
    /// The open runs that a list filter finds.
    #[arg(short, long, value_name = "FILTER", conflicts_with = "workflow_id")]
    query: Option<String>,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

impl Move {
    pub(super) async fn run(self, output: Output) -> anyhow::Result<()> {
        let Self { to, workflow_id, run_id, query, data_dir } = self;
        let selection = match workflow_id {
            Some(workflow_id) => RunSelection::of_workflow(&workflow_id, run_id.as_deref()),
            None => RunSelection { query: query.unwrap_or_default(), ..RunSelection::default() },
        };
        let name = PathBuf::from(&to);
        let host = RunningHost::needed(&data_dir).await?;
        let Reply::Checked(checked) = host.ask(&Request::Move { to, selection }, output).await? else {
            bail!(OTHER_ANSWER);
        };
        let mut printer = Printer::new(output);
        printer.print(&Checked::by_host(name, checked))?;
        output.note("Open runs that agree move at their next workflow task, the others stay.");
        if printer.finish()? { Ok(()) } else { Err(Reported.into()) }
    }
}
