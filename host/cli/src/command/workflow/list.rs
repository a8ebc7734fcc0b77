//! `host workflow list`.

use std::num::NonZeroUsize;

use anyhow::Context as _;
use clap::Args;
use host_client::{DEFAULT_LIST_PAGE_SIZE, ListOptions};
use host_wire::temporal::api::workflow::v1::WorkflowExecutionInfo;

use super::{describe::status_name, versioning::listed_version};
use crate::{
    output::{Output, Payloads, card::Table, event::milliseconds},
    settings::connection::ConnectionArgs,
};

/// Prints a list of workflows, the newest first.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow list
  host workflow list --query 'ExecutionStatus = \"Running\" AND WorkflowType = \"Order\"' --limit 10
  host workflow list --output jsonl | jq -r .execution.workflowId

Filters are described at https://docs.temporal.io/visibility")]
pub(crate) struct List {
    /// Which workflows, as a list filter.
    #[arg(short, long, value_name = "FILTER", default_value = "", hide_default_value = true)]
    query: String,
    /// Print at most this many.
    #[arg(long, value_name = "COUNT")]
    limit: Option<NonZeroUsize>,
    /// Fetch this many at a time.
    #[arg(long, value_name = "COUNT", default_value_t = DEFAULT_LIST_PAGE_SIZE,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    page_size: u32,
}

impl List {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let options = ListOptions {
            query: self.query,
            limit: self.limit.map_or(usize::MAX, NonZeroUsize::get),
            page_size: self.page_size,
        };
        let workflows = client.list_workflows(options).await.context("failed to list workflows")?;
        if !output.is_text() {
            return output.list(&workflows, Payloads::AsJson);
        }
        let rows: Vec<([String; 4], String)> = workflows.into_iter().map(row).collect();
        let is_versioned = rows.iter().any(|(_, version)| !version.is_empty());
        let header = ["Status", "WorkflowId", "Type", "StartTime"];
        if !is_versioned {
            let mut table = Table::new(header);
            rows.into_iter().for_each(|(cells, _)| table.push(cells));
            return Ok(output.lines(table.text())?);
        }
        let with = |[status, id, of_type, time]: [String; 4], version| [status, id, of_type, time, version];
        let [status, id, of_type, time] = header;
        let mut table = Table::new([status, id, of_type, time, "Version"]);
        rows.into_iter().for_each(|(cells, version)| table.push(with(cells, version)));
        Ok(output.lines(table.text())?)
    }
}

/// The cells of a workflow, and its version of a worker deployment, if it has one.
fn row(workflow: WorkflowExecutionInfo) -> ([String; 4], String) {
    let version = listed_version(&workflow);
    let cells = [
        status_name(workflow.status()),
        workflow.execution.unwrap_or_default().workflow_id,
        workflow.r#type.unwrap_or_default().name,
        workflow.start_time.as_ref().map(milliseconds).unwrap_or_default(),
    ];
    (cells, version)
}
