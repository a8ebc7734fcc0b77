//! RespondActivityTaskCompleted.

use host_wire::temporal::api::workflowservice::v1::{
    RespondActivityTaskCompletedRequest, RespondActivityTaskCompletedResponse,
};
use tonic::Status;

use crate::{
    api::{activity_attempt, context::Context},
    execution::{
        activity::{attempt::AttemptEnd, respond::Attempt},
        token::TaskToken,
        worker::Worker,
    },
};

pub(crate) async fn handle(
    context: &Context,
    r: RespondActivityTaskCompletedRequest,
) -> Result<RespondActivityTaskCompletedResponse, Status> {
    let attempt = Attempt::Token(TaskToken::parse(&r.task_token)?);
    let end = AttemptEnd::Completed(r.result);
    let worker = Worker { identity: r.identity, version: r.worker_version, ..Worker::default() };
    activity_attempt::end(context, &r.namespace, attempt, end, worker).await?;
    Ok(RespondActivityTaskCompletedResponse {})
}
