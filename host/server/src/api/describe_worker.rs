//! DescribeWorker: what the last heartbeat of a worker said.

use host_wire::temporal::api::{
    worker::v1::WorkerInfo,
    workflowservice::v1::{DescribeWorkerRequest, DescribeWorkerResponse},
};
use tonic::Status;

use crate::api::context::Context;

pub(crate) fn handle(
    context: &Context,
    request: &DescribeWorkerRequest,
) -> Result<DescribeWorkerResponse, Status> {
    let shard = context.lock();
    shard.executions.check_namespace(&request.namespace)?;
    let heartbeat = shard.workers.get(&request.namespace, &request.worker_instance_key)?.clone();
    Ok(DescribeWorkerResponse { worker_info: Some(WorkerInfo { worker_heartbeat: Some(heartbeat) }) })
}
