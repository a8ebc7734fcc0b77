//! `host batch describe`.

use anyhow::Context as _;
use clap::Args;
use host_client::RpcError;
use host_wire::temporal::api::{
    enums::v1::{BatchOperationState, BatchOperationType},
    workflowservice::v1::DescribeBatchOperationRequest,
};
use tonic::Request;

use crate::{
    output::{Output, Payloads, card::Card, event::milliseconds},
    settings::connection::ConnectionArgs,
};

/// Prints how far a batch operation is.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host batch describe --job-id 0f4dcc51-08a3-4f2d-9a4a-4a4a1b3a8b6c")]
pub(super) struct Describe {
    /// Job id.
    #[arg(long, value_name = "ID")]
    job_id: String,
}

impl Describe {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request =
            DescribeBatchOperationRequest { namespace: client.namespace().to_owned(), job_id: self.job_id };
        let answer = client.service().describe_batch_operation(Request::new(request)).await;
        let it =
            answer.map_err(RpcError::from).context("failed to describe the batch operation")?.into_inner();
        if !output.is_text() {
            return output.message(&it, Payloads::Raw);
        }
        let total = it.total_operation_count;
        let card = Card::new("Batch operation")
            .row("JobId", &it.job_id)
            .row("Type", kind_name(it.operation_type()))
            .row("State", state_name(it.state()))
            .row("StartTime", it.start_time.as_ref().map(milliseconds).unwrap_or_default())
            .row_unless_empty("CloseTime", it.close_time.as_ref().map(milliseconds).unwrap_or_default())
            .row("CompletedCount", format!("{}/{total}", it.complete_operation_count))
            .row("FailureCount", format!("{}/{total}", it.failure_operation_count))
            .row_unless_empty("Query", &it.query)
            .row_unless_empty("Identity", &it.identity)
            .row("Reason", &it.reason);
        Ok(output.lines(card.text())?)
    }
}

/// The name of a state, as the `temporal` CLI shows it.
pub(super) fn state_name(state: BatchOperationState) -> String {
    format!("{state:?}")
}

fn kind_name(kind: BatchOperationType) -> String {
    format!("{kind:?}")
}
