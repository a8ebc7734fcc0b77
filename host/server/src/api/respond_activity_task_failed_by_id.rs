//! RespondActivityTaskFailedById.

use host_wire::temporal::api::workflowservice::v1::{
    RespondActivityTaskFailedByIdRequest, RespondActivityTaskFailedByIdResponse,
};
use tonic::Status;

use crate::{
    api::{activity_attempt, context::Context},
    execution::{
        activity::{attempt::AttemptEnd, respond::Attempt},
        worker::Worker,
    },
};

pub(crate) async fn handle(
    context: &Context,
    r: RespondActivityTaskFailedByIdRequest,
) -> Result<RespondActivityTaskFailedByIdResponse, Status> {
    let attempt = Attempt::Ids { workflow_id: r.workflow_id, run_id: r.run_id, activity_id: r.activity_id };
    let end = AttemptEnd::Failed {
        failure: Box::new(r.failure.unwrap_or_default()),
        heartbeat_details: r.last_heartbeat_details,
    };
    let worker = Worker { identity: r.identity, ..Worker::default() };
    activity_attempt::end(context, &r.namespace, attempt, end, worker).await?;
    Ok(RespondActivityTaskFailedByIdResponse { failures: Vec::new() })
}
