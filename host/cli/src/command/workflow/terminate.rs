//! `host workflow terminate`.

use anyhow::Context as _;
use clap::Args;
use host_wire::temporal::api::{
    batch::v1::BatchOperationTermination, workflowservice::v1::start_batch_operation_request::Operation,
};

use crate::{
    command::batch::start::start,
    output::Output,
    settings::{
        connection::ConnectionArgs,
        reason::default_reason,
        selection::{Selection, SelectionArgs},
    },
};

/// Ends a workflow at once, without asking it, or all that a filter selects.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow terminate --workflow-id order-17 --reason 'wrong address'
  host workflow terminate --query 'WorkflowType = \"Order\"' --reason 'wrong prices' --yes")]
pub(crate) struct Terminate {
    #[command(flatten)]
    selection: SelectionArgs,
    /// Why; kept in the history.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Terminate {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let execution = match self.selection.into() {
            Selection::One(execution) => execution,
            Selection::Many(many) => {
                let identity = client.identity().to_owned();
                let operation = BatchOperationTermination { identity, ..Default::default() };
                let operation = Operation::TerminationOperation(operation);
                return start(&client, many, self.reason, operation, output).await;
            }
        };
        let reason = self.reason.unwrap_or_else(default_reason);
        let handle = execution.handle(&client);
        handle.terminate(reason).await.context("failed to terminate the workflow")?;
        if output.is_text() {
            output.line("Workflow terminated")?;
        }
        Ok(())
    }
}
