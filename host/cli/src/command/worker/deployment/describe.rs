//! `host worker deployment describe` and `describe-version`.

use anyhow::Context as _;
use clap::Args;
use host_client::RpcError;
use host_wire::temporal::api::{
    deployment::v1::WorkerDeploymentVersionInfo, enums::v1::TaskQueueType,
    workflowservice::v1::DescribeWorkerDeploymentVersionRequest,
};
use tonic::Request;

use super::{
    show::{build_id, card, drainage, status, time, versions},
    target::{Name, Version, describe},
};
use crate::{
    output::{Output, Payloads, card::Card},
    settings::connection::ConnectionArgs,
};

/// Prints a worker deployment: its versions, and which of them gets workflows.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host worker deployment describe --name shop
  host worker deployment describe --name shop --output json | jq .routingConfig")]
pub(super) struct Describe {
    #[command(flatten)]
    name: Name,
}

impl Describe {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let described = describe(&client, self.name.name).await;
        let described = described.map_err(RpcError::from).context("failed to describe the deployment")?;
        let info = described.worker_deployment_info.unwrap_or_default();
        if !output.is_text() {
            return output.message(&info, Payloads::Raw);
        }
        Ok(output.lines(format!("{}\n{}", card(&info).text(), versions(&info.version_summaries)))?)
    }
}

/// Prints a version of a worker deployment: its state, its task queues and its metadata.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host worker deployment describe-version --deployment-name shop --build-id 2.1")]
pub(super) struct DescribeVersion {
    #[command(flatten)]
    version: Version,
}

impl DescribeVersion {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = DescribeWorkerDeploymentVersionRequest {
            namespace: client.namespace().to_owned(),
            deployment_version: Some(self.version.into()),
            ..DescribeWorkerDeploymentVersionRequest::default()
        };
        let answer = client.service().describe_worker_deployment_version(Request::new(request)).await;
        let answer = answer.map_err(RpcError::from).context("failed to describe the version")?.into_inner();
        let info = answer.worker_deployment_version_info.unwrap_or_default();
        if !output.is_text() {
            return output.message(&info, Payloads::AsJson);
        }
        Ok(output.lines(version_card(info).text())?)
    }
}

fn version_card(info: WorkerDeploymentVersionInfo) -> Card {
    let mut queues: Vec<String> =
        info.task_queue_infos.iter().map(|it| queue(&it.name, it.r#type())).collect();
    queues.sort();
    let drained = info.drainage_info.unwrap_or_default();
    let metadata = info.metadata.clone().unwrap_or_default().entries;
    let keys: Vec<String> = metadata.into_keys().collect();
    Card::new("Worker Deployment Version")
        .row("DeploymentName", info.deployment_version.clone().unwrap_or_default().deployment_name)
        .row("BuildId", build_id(info.deployment_version.as_ref()))
        .row("Status", status(info.status()))
        .row("CreateTime", time(info.create_time.as_ref()))
        .row_unless_empty("CurrentSinceTime", time(info.current_since_time.as_ref()))
        .row_unless_empty("RampingSinceTime", time(info.ramping_since_time.as_ref()))
        .row_unless_empty("RoutingChangedTime", time(info.routing_changed_time.as_ref()))
        .row("RampPercentage", info.ramp_percentage)
        .row_unless_empty("DrainageStatus", drainage(drained.status()))
        .row_unless_empty("DrainageLastCheckedTime", time(drained.last_checked_time.as_ref()))
        .row_unless_empty("TaskQueues", queues.join(", "))
        .row_unless_empty("Metadata", keys.join(", "))
}

fn queue(name: &str, of: TaskQueueType) -> String {
    let of = of.as_str_name().trim_start_matches("TASK_QUEUE_TYPE_").to_ascii_lowercase();
    format!("{name} ({of})")
}
