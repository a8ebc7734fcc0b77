//! `host workflow delete`.

use anyhow::Context as _;
use clap::Args;

use crate::{
    output::Output,
    settings::{connection::ConnectionArgs, execution::ExecutionArgs},
};

/// Removes a workflow and its history. An open workflow is terminated first.
///
/// The service does so in its own time.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow delete --workflow-id order-17")]
pub(crate) struct Delete {
    #[command(flatten)]
    execution: ExecutionArgs,
}

impl Delete {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        self.execution.handle(&client).delete().await.context("failed to delete the workflow")?;
        if output.is_text() {
            output.line("Delete workflow succeeded")?;
        }
        Ok(())
    }
}
