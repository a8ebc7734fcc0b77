//! RespondActivityTaskCanceledById.

use host_wire::temporal::api::workflowservice::v1::{
    RespondActivityTaskCanceledByIdRequest, RespondActivityTaskCanceledByIdResponse,
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
    r: RespondActivityTaskCanceledByIdRequest,
) -> Result<RespondActivityTaskCanceledByIdResponse, Status> {
    let attempt = Attempt::Ids { workflow_id: r.workflow_id, run_id: r.run_id, activity_id: r.activity_id };
    let end = AttemptEnd::Canceled(r.details);
    let worker = Worker { identity: r.identity, ..Worker::default() };
    activity_attempt::end(context, &r.namespace, attempt, end, worker).await?;
    Ok(RespondActivityTaskCanceledByIdResponse {})
}
