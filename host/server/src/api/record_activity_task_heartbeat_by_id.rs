//! RecordActivityTaskHeartbeatById.

use host_wire::temporal::api::workflowservice::v1::{
    RecordActivityTaskHeartbeatByIdRequest, RecordActivityTaskHeartbeatByIdResponse,
};
use tonic::Status;

use crate::{
    api::{activity_attempt, context::Context},
    execution::activity::respond::Attempt,
};

pub(crate) async fn handle(
    context: &Context,
    r: RecordActivityTaskHeartbeatByIdRequest,
) -> Result<RecordActivityTaskHeartbeatByIdResponse, Status> {
    let attempt = Attempt::Ids { workflow_id: r.workflow_id, run_id: r.run_id, activity_id: r.activity_id };
    let told = activity_attempt::heartbeat(context, &r.namespace, attempt, r.details).await?;
    Ok(RecordActivityTaskHeartbeatByIdResponse {
        cancel_requested: told.cancel_requested,
        activity_paused: told.is_paused,
        activity_reset: told.was_reset,
    })
}
