//! `host batch list`.

use std::num::NonZeroUsize;

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use host_client::RpcError;
use host_wire::temporal::api::workflowservice::v1::ListBatchOperationsRequest;
use tonic::Request;

use super::describe::state_name;
use crate::{
    output::{Output, Payloads, card::Table, event::milliseconds},
    settings::connection::ConnectionArgs,
};

/// Prints a list of batch operations, the newest first.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host batch list
  host batch list --output jsonl | jq -r .jobId")]
pub(super) struct List {
    /// Print at most this many.
    #[arg(long, value_name = "COUNT")]
    limit: Option<NonZeroUsize>,
}

impl List {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let limit = self.limit.map_or(usize::MAX, NonZeroUsize::get);
        let mut all = Vec::new();
        let mut next_page_token = Bytes::new();
        loop {
            let request = ListBatchOperationsRequest {
                namespace: client.namespace().to_owned(),
                next_page_token,
                ..ListBatchOperationsRequest::default()
            };
            let answer = client.service().list_batch_operations(Request::new(request)).await;
            let page = answer.map_err(RpcError::from).context("failed to list batch operations")?;
            let page = page.into_inner();
            all.extend(page.operation_info);
            next_page_token = page.next_page_token;
            if next_page_token.is_empty() || all.len() >= limit {
                break;
            }
        }
        all.truncate(limit);
        if !output.is_text() {
            return output.list(&all, Payloads::Raw);
        }
        let mut table = Table::new(["JobId", "State", "StartTime", "CloseTime"]);
        for info in all {
            table.push([
                info.job_id.clone(),
                state_name(info.state()),
                info.start_time.as_ref().map(milliseconds).unwrap_or_default(),
                info.close_time.as_ref().map(milliseconds).unwrap_or_default(),
            ]);
        }
        Ok(output.lines(table.text())?)
    }
}
