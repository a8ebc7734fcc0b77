//! RecordActivityTaskHeartbeat.

use host_wire::temporal::api::workflowservice::v1::{
    RecordActivityTaskHeartbeatRequest, RecordActivityTaskHeartbeatResponse,
};
use tonic::Status;

use crate::{
    api::{activity_attempt, context::Context},
    execution::{activity::respond::Attempt, token::TaskToken},
};

pub(crate) async fn handle(
    context: &Context,
    r: RecordActivityTaskHeartbeatRequest,
) -> Result<RecordActivityTaskHeartbeatResponse, Status> {
    let attempt = Attempt::Token(TaskToken::parse(&r.task_token)?);
    let told = activity_attempt::heartbeat(context, &r.namespace, attempt, r.details).await?;
    Ok(RecordActivityTaskHeartbeatResponse {
        cancel_requested: told.cancel_requested,
        activity_paused: told.is_paused,
        activity_reset: told.was_reset,
    })
}
