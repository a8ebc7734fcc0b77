//! RecordWorkerHeartbeat: what workers say of themselves, every minute. It is kept in memory.

use host_wire::temporal::api::{
    worker::v1::WorkerHeartbeat,
    workflowservice::v1::{RecordWorkerHeartbeatRequest, RecordWorkerHeartbeatResponse},
};
use tonic::Status;

use crate::{api::context::Context, error::Error};

pub(crate) fn handle(
    context: &Context,
    request: RecordWorkerHeartbeatRequest,
) -> Result<RecordWorkerHeartbeatResponse, Status> {
    record(context, &request.namespace, request.worker_heartbeat)?;
    Ok(RecordWorkerHeartbeatResponse::default())
}

/// Keeps the heartbeats that came with a call.
///
/// # Errors
///
/// When there is no such namespace.
pub(super) fn record(
    context: &Context,
    namespace: &str,
    heartbeats: impl IntoIterator<Item = WorkerHeartbeat>,
) -> Result<(), Error> {
    let now = context.now();
    let mut shard = context.lock();
    shard.executions.check_namespace(namespace)?;
    shard.workers.record(namespace, heartbeats, now);
    Ok(())
}
