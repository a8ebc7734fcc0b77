//! ListWorkers: those that sent a heartbeat, in the order of their keys.

use bytes::Bytes;
use host_wire::temporal::api::{
    worker::v1::{WorkerHeartbeat, WorkerInfo, WorkerListInfo},
    workflowservice::v1::{ListWorkersRequest, ListWorkersResponse},
};
use prost::Message;
use tonic::Status;

use crate::{api::context::Context, error::Error, limits, matching::workers::Query};

/// The last worker of the page before, as `next_page_token`.
#[derive(Clone, PartialEq, Message)]
struct After {
    #[prost(string, tag = "1")]
    worker_instance_key: String,
}

pub(crate) fn handle(context: &Context, request: &ListWorkersRequest) -> Result<ListWorkersResponse, Status> {
    let shard = context.lock();
    shard.executions.check_namespace(&request.namespace)?;
    let query = Query::parse(&request.query)?;
    let after = After::decode(request.next_page_token.clone())
        .map_err(|_| Error::invalid("invalid next_page_token"))?
        .worker_instance_key;
    // Temporal's server takes no number as no bound.
    let size = usize::try_from(request.page_size).ok().filter(|size| *size > 0).unwrap_or(usize::MAX);
    let mut matching = shard.workers.matching(&request.namespace, &after, &query).peekable();
    let mut response = ListWorkersResponse::default();
    let mut bytes = 0;
    while let Some(heartbeat) = matching.next() {
        let (listed, info) = (listed(heartbeat), WorkerInfo { worker_heartbeat: Some(heartbeat.clone()) });
        bytes += listed.encoded_len() + info.encoded_len();
        response.workers.push(listed);
        // Where clients of servers up to 1.29 look.
        response.workers_info.push(info);
        let is_full = response.workers.len() == size || bytes > limits::PAGE_BYTES;
        if is_full && matching.peek().is_some() {
            let after = After { worker_instance_key: heartbeat.worker_instance_key.clone() };
            response.next_page_token = Bytes::from(after.encode_to_vec());
            break;
        }
    }
    Ok(response)
}

fn listed(heartbeat: &WorkerHeartbeat) -> WorkerListInfo {
    let heartbeat = heartbeat.clone();
    let host = heartbeat.host_info.unwrap_or_default();
    WorkerListInfo {
        worker_instance_key: heartbeat.worker_instance_key,
        worker_identity: heartbeat.worker_identity,
        task_queue: heartbeat.task_queue,
        deployment_version: heartbeat.deployment_version,
        sdk_name: heartbeat.sdk_name,
        sdk_version: heartbeat.sdk_version,
        status: heartbeat.status,
        start_time: heartbeat.start_time,
        host_name: host.host_name,
        worker_grouping_key: host.worker_grouping_key,
        process_id: host.process_id,
        plugins: heartbeat.plugins,
        drivers: heartbeat.drivers,
    }
}
