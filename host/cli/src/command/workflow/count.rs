//! `host workflow count`.

use anyhow::Context as _;
use clap::Args;
use host_client::RpcError;
use host_wire::temporal::api::workflowservice::v1::CountWorkflowExecutionsRequest;
use tonic::Request;

use crate::{
    output::{Output, Payloads, card::Table},
    settings::connection::ConnectionArgs,
};

/// Counts workflows.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow count
  host workflow count --query 'ExecutionStatus = \"Running\"'
  host workflow count --query 'GROUP BY ExecutionStatus'

Filters are described at https://docs.temporal.io/visibility")]
pub(crate) struct Count {
    /// Which workflows, as a list filter.
    #[arg(short, long, value_name = "FILTER", default_value = "", hide_default_value = true)]
    query: String,
}

impl Count {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request =
            CountWorkflowExecutionsRequest { namespace: client.namespace().to_owned(), query: self.query };
        let answer = client.service().count_workflow_executions(Request::new(request)).await;
        let counted = answer.map_err(RpcError::from).context("failed to count workflows")?.into_inner();
        if !output.is_text() {
            return output.message(&counted, Payloads::AsJson);
        }
        output.line(format!("Total: {}", counted.count))?;
        let mut table = Table::new(["Group", "Count"]);
        for group in &counted.groups {
            let values =
                group.group_values.iter().map(|value| String::from_utf8_lossy(&value.data).into_owned());
            table.push([values.collect::<Vec<_>>().join(", ").replace('"', ""), group.count.to_string()]);
        }
        if counted.groups.is_empty() { Ok(()) } else { Ok(output.lines(table.text())?) }
    }
}
