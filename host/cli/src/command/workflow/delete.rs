//! `host workflow delete`.

use anyhow::Context as _;
use clap::Args;
use host_wire::temporal::api::{
    batch::v1::BatchOperationDeletion, workflowservice::v1::start_batch_operation_request::Operation,
};

use crate::{
    command::batch::start::start,
    output::Output,
    settings::{
        connection::ConnectionArgs,
        selection::{Selection, SelectionArgs},
    },
};

/// Removes a workflow, or all that a filter selects, and the history. An open workflow is terminated first.
///
/// The service does so in its own time.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow delete --workflow-id order-17
  host workflow delete --query 'ExecutionStatus = \"Failed\"'")]
pub(crate) struct Delete {
    #[command(flatten)]
    selection: SelectionArgs,
    /// Why the batch operation is done.
    #[arg(long, value_name = "TEXT", conflicts_with = "workflow_id")]
    reason: Option<String>,
}

impl Delete {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let execution = match self.selection.into() {
            Selection::One(execution) => execution,
            Selection::Many(many) => {
                let identity = client.identity().to_owned();
                let operation = Operation::DeletionOperation(BatchOperationDeletion { identity });
                return start(&client, many, self.reason, operation, output).await;
            }
        };
        execution.handle(&client).delete().await.context("failed to delete the workflow")?;
        if output.is_text() {
            output.line("Delete workflow succeeded")?;
        }
        Ok(())
    }
}
