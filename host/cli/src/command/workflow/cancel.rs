//! `host workflow cancel`.

use anyhow::Context as _;
use clap::Args;
use host_wire::temporal::api::{
    batch::v1::BatchOperationCancellation, workflowservice::v1::start_batch_operation_request::Operation,
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

/// Asks a workflow, or all that a filter selects, to end itself. It may clean up first, or go on.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow cancel --workflow-id order-17 --reason 'wrong address'
  host workflow cancel --query 'WorkflowType = \"Order\"' --rps 10")]
pub(crate) struct Cancel {
    #[command(flatten)]
    selection: SelectionArgs,
    /// Why; kept in the history.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Cancel {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let execution = match self.selection.into() {
            Selection::One(execution) => execution,
            Selection::Many(many) => {
                let identity = client.identity().to_owned();
                let operation = Operation::CancellationOperation(BatchOperationCancellation { identity });
                return start(&client, many, self.reason, operation, output).await;
            }
        };
        let reason = self.reason.unwrap_or_else(default_reason);
        let handle = execution.handle(&client);
        handle.cancel(reason).await.context("failed to cancel the workflow")?;
        if output.is_text() {
            output.line("Canceled workflow")?;
        }
        Ok(())
    }
}
