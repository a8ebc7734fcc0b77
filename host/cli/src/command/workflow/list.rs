//! `host workflow list`.

use anyhow::Context as _;
use clap::Args;
use host_wire::temporal::api::{
    workflow::v1::WorkflowExecutionInfo, workflowservice::v1::ListWorkflowExecutionsRequest,
};
use tonic::Request;

use super::describe::status_name;
use crate::{
    client::{Client, RpcError},
    output::{Output, card::Table, event::milliseconds},
    settings::connection::ConnectionArgs,
};

/// Page size when --page-size says nothing: what services accept at most.
const DEFAULT_PAGE_SIZE: u32 = 1000;

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
    limit: Option<usize>,
    /// Fetch this many at a time.
    #[arg(long, value_name = "COUNT", default_value_t = DEFAULT_PAGE_SIZE,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    page_size: u32,
}

impl List {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let workflows = self.fetch(&client).await.context("failed to list workflows")?;
        if !output.is_text() {
            return output.list(&workflows);
        }
        let mut table = Table::new(["Status", "WorkflowId", "Type", "StartTime"]);
        for workflow in workflows {
            table.push([
                status_name(workflow.status()),
                workflow.execution.unwrap_or_default().workflow_id,
                workflow.r#type.unwrap_or_default().name,
                workflow.start_time.as_ref().map(milliseconds).unwrap_or_default(),
            ]);
        }
        Ok(output.line(table.text())?)
    }

    async fn fetch(&self, client: &Client) -> Result<Vec<WorkflowExecutionInfo>, RpcError> {
        let limit = self.limit.unwrap_or(usize::MAX);
        let mut workflows = Vec::new();
        let mut next_page_token = bytes::Bytes::new();
        loop {
            let left = u32::try_from(limit - workflows.len()).unwrap_or(u32::MAX);
            let request = ListWorkflowExecutionsRequest {
                namespace: client.namespace().to_owned(),
                page_size: i32::try_from(self.page_size.min(left)).unwrap_or(i32::MAX),
                next_page_token,
                query: self.query.clone(),
            };
            let page = client.service().list_workflow_executions(Request::new(request)).await?.into_inner();
            workflows.extend(page.executions);
            workflows.truncate(limit);
            next_page_token = page.next_page_token;
            if next_page_token.is_empty() || workflows.len() == limit {
                return Ok(workflows);
            }
        }
    }
}
