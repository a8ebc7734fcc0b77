//! RecordWorkerHeartbeat. Workers are told that heartbeats are not wanted; one that comes anyway does no harm.

use host_wire::temporal::api::workflowservice::v1::{
    RecordWorkerHeartbeatRequest, RecordWorkerHeartbeatResponse,
};
use tonic::Status;

use crate::api::context::Context;

pub(crate) fn handle(
    context: &Context,
    request: &RecordWorkerHeartbeatRequest,
) -> Result<RecordWorkerHeartbeatResponse, Status> {
    context.lock().executions.check_namespace(&request.namespace)?;
    Ok(RecordWorkerHeartbeatResponse::default())
}
