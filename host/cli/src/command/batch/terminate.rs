//! `host batch terminate`.

use anyhow::Context as _;
use clap::Args;
use host_client::RpcError;
use host_wire::temporal::api::workflowservice::v1::StopBatchOperationRequest;
use tonic::Request;

use crate::{
    output::Output,
    settings::{connection::ConnectionArgs, reason::default_reason},
};

/// Stops a batch operation. What it has done stays done.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host batch terminate --job-id 0f4dcc51-08a3-4f2d-9a4a-4a4a1b3a8b6c --reason 'wrong filter'")]
pub(super) struct Terminate {
    /// Job id.
    #[arg(long, value_name = "ID")]
    job_id: String,
    /// Why it is stopped.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Terminate {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = StopBatchOperationRequest {
            namespace: client.namespace().to_owned(),
            job_id: self.job_id,
            reason: self.reason.unwrap_or_else(default_reason),
            identity: client.identity().to_owned(),
        };
        let answer = client.service().stop_batch_operation(Request::new(request)).await;
        answer.map_err(RpcError::from).context("failed to stop the batch operation")?;
        if output.is_text() {
            output.line("Batch operation stopped")?;
        }
        Ok(())
    }
}
