//! `host worker describe`.

use anyhow::Context as _;
use clap::Args;
use host_client::RpcError;
use host_wire::temporal::api::{
    worker::v1::{WorkerHeartbeat, WorkerPollerInfo, WorkerSlotsInfo},
    workflowservice::v1::DescribeWorkerRequest,
};
use tonic::Request;

use super::{status, version};
use crate::{
    output::{Output, Payloads, card::Card, event::milliseconds},
    settings::connection::ConnectionArgs,
};

/// Prints what the last heartbeat of a worker said.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host worker describe --worker-instance-key 6f1c0b1e
  host worker describe --worker-instance-key 6f1c0b1e --output json | jq .workerHeartbeat.status")]
pub(crate) struct Describe {
    /// Key of the worker, as `host worker list` prints it.
    #[arg(long, value_name = "KEY")]
    worker_instance_key: String,
}

impl Describe {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = DescribeWorkerRequest {
            namespace: client.namespace().to_owned(),
            worker_instance_key: self.worker_instance_key,
        };
        let answer = client.service().describe_worker(Request::new(request)).await;
        let answer = answer.map_err(RpcError::from).context("failed to describe the worker")?.into_inner();
        let worker = answer.worker_info.unwrap_or_default();
        if !output.is_text() {
            return output.message(&worker, Payloads::Raw);
        }
        Ok(output.lines(card(&worker.worker_heartbeat.unwrap_or_default()).text())?)
    }
}

fn card(heartbeat: &WorkerHeartbeat) -> Card {
    let host = heartbeat.host_info.clone().unwrap_or_default();
    let time = |time: Option<&prost_types::Timestamp>| time.map(milliseconds).unwrap_or_default();
    Card::new("Worker")
        .row("WorkerInstanceKey", &heartbeat.worker_instance_key)
        .row("WorkerIdentity", &heartbeat.worker_identity)
        .row("Status", status(heartbeat))
        .row("TaskQueue", &heartbeat.task_queue)
        .row_unless_empty("DeploymentVersion", version(heartbeat.deployment_version.as_ref()))
        .row("SdkName", &heartbeat.sdk_name)
        .row("SdkVersion", &heartbeat.sdk_version)
        .row("StartTime", time(heartbeat.start_time.as_ref()))
        .row("HeartbeatTime", time(heartbeat.heartbeat_time.as_ref()))
        .row_unless_empty("HostName", host.host_name)
        .row_unless_empty("ProcessId", host.process_id)
        .row_unless_empty("WorkflowTaskSlots", slots(heartbeat.workflow_task_slots_info.as_ref()))
        .row_unless_empty("ActivityTaskSlots", slots(heartbeat.activity_task_slots_info.as_ref()))
        .row_unless_empty("NexusTaskSlots", slots(heartbeat.nexus_task_slots_info.as_ref()))
        .row_unless_empty("LocalActivitySlots", slots(heartbeat.local_activity_slots_info.as_ref()))
        .row_unless_empty("WorkflowPollers", pollers(heartbeat.workflow_poller_info.as_ref()))
        .row_unless_empty("StickyPollers", pollers(heartbeat.workflow_sticky_poller_info.as_ref()))
        .row_unless_empty("ActivityPollers", pollers(heartbeat.activity_poller_info.as_ref()))
        .row_unless_empty("NexusPollers", pollers(heartbeat.nexus_poller_info.as_ref()))
        .row("StickyCacheSize", heartbeat.current_sticky_cache_size)
}

fn slots(slots: Option<&WorkerSlotsInfo>) -> String {
    let Some(slots) = slots else { return String::new() };
    format!(
        "{} used, {} available, {} tasks, {} failed",
        slots.current_used_slots,
        slots.current_available_slots,
        slots.total_processed_tasks,
        slots.total_failed_tasks
    )
}

fn pollers(pollers: Option<&WorkerPollerInfo>) -> String {
    pollers.map(|pollers| pollers.current_pollers.to_string()).unwrap_or_default()
}
