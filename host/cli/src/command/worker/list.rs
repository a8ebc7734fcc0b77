//! `host worker list`.

use std::num::NonZeroUsize;

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use host_client::RpcError;
use host_wire::temporal::api::{worker::v1::WorkerInfo, workflowservice::v1::ListWorkersRequest};
use tonic::Request;

use super::{status, version};
use crate::{
    output::{Output, Payloads, card::Table, event::milliseconds},
    settings::connection::ConnectionArgs,
};

/// Prints a list of workers.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host worker list
  host worker list --query \"TaskQueue = 'orders' AND WorkerStatus = 'Running'\"
  host worker list --output jsonl | jq -r .workerHeartbeat.workerInstanceKey")]
pub(crate) struct List {
    /// Which workers: comparisons of WorkerInstanceKey, WorkerIdentity, HostName, TaskQueue, DeploymentName, BuildId,
    /// SdkName, SdkVersion, WorkerStatus, StartTime and HeartbeatTime.
    #[arg(short, long, value_name = "QUERY", default_value = "", hide_default_value = true)]
    query: String,
    /// Print at most this many.
    #[arg(long, value_name = "COUNT")]
    limit: Option<NonZeroUsize>,
}

impl List {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let limit = self.limit.map_or(usize::MAX, NonZeroUsize::get);
        let mut workers: Vec<WorkerInfo> = Vec::new();
        let mut next_page_token = Bytes::new();
        loop {
            let request = ListWorkersRequest {
                namespace: client.namespace().to_owned(),
                query: self.query.clone(),
                next_page_token,
                ..ListWorkersRequest::default()
            };
            let answer = client.service().list_workers(Request::new(request)).await;
            let page = answer.map_err(RpcError::from).context("failed to list workers")?.into_inner();
            workers.extend(page.workers_info);
            workers.truncate(limit);
            next_page_token = page.next_page_token;
            if next_page_token.is_empty() || workers.len() == limit {
                break;
            }
        }
        if !output.is_text() {
            return output.list(&workers, Payloads::Raw);
        }
        let mut table = Table::new([
            "WorkerInstanceKey",
            "Status",
            "TaskQueue",
            "WorkerIdentity",
            "HostName",
            "Deployment",
            "HeartbeatTime",
        ]);
        for heartbeat in workers.into_iter().filter_map(|worker| worker.worker_heartbeat) {
            table.push([
                heartbeat.worker_instance_key.clone(),
                status(&heartbeat),
                heartbeat.task_queue.clone(),
                heartbeat.worker_identity.clone(),
                heartbeat.host_info.as_ref().map(|host| host.host_name.clone()).unwrap_or_default(),
                version(heartbeat.deployment_version.as_ref()),
                heartbeat.heartbeat_time.as_ref().map(milliseconds).unwrap_or_default(),
            ]);
        }
        Ok(output.lines(table.text())?)
    }
}
