//! `host workflow terminate`.

use anyhow::Context as _;
use clap::Args;

use super::default_reason;
use crate::{
    output::Output,
    settings::{connection::ConnectionArgs, execution::ExecutionArgs},
};

/// Ends a workflow at once, without asking it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow terminate --workflow-id order-17 --reason 'wrong address'")]
pub(crate) struct Terminate {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// Why; kept in the history.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Terminate {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let reason = self.reason.clone().unwrap_or_else(default_reason);
        let handle = self.execution.handle(&client);
        handle.terminate(reason).await.context("failed to terminate the workflow")?;
        if output.is_text() {
            output.line("Workflow terminated")?;
        }
        Ok(())
    }
}
