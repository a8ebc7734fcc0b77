//! `host worker deployment list`.

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use host_client::RpcError;
use host_wire::temporal::api::workflowservice::v1::{
    ListWorkerDeploymentsRequest, list_worker_deployments_response::WorkerDeploymentSummary,
};
use tonic::Request;

use super::show::{current, ramping, time};
use crate::{
    output::{Output, Payloads, card::Table},
    settings::connection::ConnectionArgs,
};

/// Prints the worker deployments of the namespace, the newest first.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host worker deployment list
  host worker deployment list --output jsonl | jq -r .name")]
pub(super) struct List {}

impl List {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let mut all: Vec<WorkerDeploymentSummary> = Vec::new();
        let mut next_page_token = Bytes::new();
        loop {
            let request = ListWorkerDeploymentsRequest {
                namespace: client.namespace().to_owned(),
                next_page_token,
                ..ListWorkerDeploymentsRequest::default()
            };
            let answer = client.service().list_worker_deployments(Request::new(request)).await;
            let page = answer.map_err(RpcError::from).context("failed to list deployments")?.into_inner();
            all.extend(page.worker_deployments);
            next_page_token = page.next_page_token;
            if next_page_token.is_empty() {
                break;
            }
        }
        if !output.is_text() {
            return output.list(&all, Payloads::Raw);
        }
        let mut table = Table::new(["Name", "CurrentVersion", "RampingVersion", "CreateTime"]);
        for deployment in all {
            let routing = deployment.routing_config.unwrap_or_default();
            let created = time(deployment.create_time.as_ref());
            table.push([deployment.name, current(&routing), ramping(&routing), created]);
        }
        Ok(output.lines(table.text())?)
    }
}
