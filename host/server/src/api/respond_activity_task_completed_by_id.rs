//! RespondActivityTaskCompletedById.

use host_wire::temporal::api::workflowservice::v1::{
    RespondActivityTaskCompletedByIdRequest, RespondActivityTaskCompletedByIdResponse,
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
    r: RespondActivityTaskCompletedByIdRequest,
) -> Result<RespondActivityTaskCompletedByIdResponse, Status> {
    let attempt = Attempt::Ids { workflow_id: r.workflow_id, run_id: r.run_id, activity_id: r.activity_id };
    let end = AttemptEnd::Completed(r.result);
    let worker = Worker { identity: r.identity, ..Worker::default() };
    activity_attempt::end(context, &r.namespace, attempt, end, worker).await?;
    Ok(RespondActivityTaskCompletedByIdResponse {})
}
