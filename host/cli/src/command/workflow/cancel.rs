//! `host workflow cancel`.

use anyhow::Context as _;
use clap::Args;

use super::default_reason;
use crate::{
    output::Output,
    settings::{connection::ConnectionArgs, execution::ExecutionArgs},
};

/// Asks a workflow to end itself. It may clean up first, or go on.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow cancel --workflow-id order-17 --reason 'wrong address'")]
pub(crate) struct Cancel {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// Why; kept in the history.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Cancel {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let reason = self.reason.clone().unwrap_or_else(default_reason);
        let handle = self.execution.handle(&client);
        handle.cancel(reason).await.context("failed to cancel the workflow")?;
        if output.is_text() {
            output.line("Canceled workflow")?;
        }
        Ok(())
    }
}
