//! ShutdownWorker: the sticky queue of the worker takes no more tasks.

use host_wire::temporal::api::workflowservice::v1::{ShutdownWorkerRequest, ShutdownWorkerResponse};
use tonic::Status;

use crate::{
    api::{context::Context, record_worker_heartbeat::record},
    matching::queue_key::QueueKey,
};

pub(crate) fn handle(
    context: &Context,
    request: ShutdownWorkerRequest,
) -> Result<ShutdownWorkerResponse, Status> {
    record(context, &request.namespace, request.worker_heartbeat)?;
    let now = context.now();
    let mut shard = context.lock();
    let key = QueueKey::new(&request.namespace, &request.sticky_task_queue, false);
    let shard = &mut *shard;
    shard.queues.abandon_sticky(&shard.executions, &shard.queries, &key, now);
    Ok(ShutdownWorkerResponse::default())
}
