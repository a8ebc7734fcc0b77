//! `host workflow result`.

use clap::Args;

use super::{
    outcome,
    waiting::{WaitArgs, explained},
};
use crate::{
    output::{Output, json::Object},
    settings::{connection::ConnectionArgs, execution::ExecutionArgs},
};

/// Waits until a workflow is closed and prints its result.
///
/// Follows continue-as-new, retries and cron to the last run. What the workflow waits for is said on stderr. The exit
/// code is 1 when the workflow failed, was cancelled or terminated, or timed out.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow result --workflow-id order-17
  host workflow result --workflow-id order-17 --output json | jq .status")]
pub(crate) struct ShowResult {
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    execution: ExecutionArgs,
}

impl ShowResult {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = self.wait.patient(connection.connect().await?);
        let mut handle = self.execution.handle(&client);
        if handle.run_id().is_none() {
            handle = handle.current_run().await?;
        }
        let closed = explained(&self.execution.handle(&client), output, handle.closed()).await?;
        if output.is_text() {
            return outcome::print_text(closed, output);
        }
        let object = Object::new()
            .field("workflowId", handle.workflow_id())
            .field("runId", handle.run_id())
            .field("namespace", client.namespace());
        outcome::print_json(closed, object, output)
    }
}
