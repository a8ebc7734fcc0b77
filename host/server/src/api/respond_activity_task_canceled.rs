//! RespondActivityTaskCanceled.

use host_wire::temporal::api::workflowservice::v1::{
    RespondActivityTaskCanceledRequest, RespondActivityTaskCanceledResponse,
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
    r: RespondActivityTaskCanceledRequest,
) -> Result<RespondActivityTaskCanceledResponse, Status> {
    let attempt = Attempt::Token(TaskToken::parse(&r.task_token)?);
    let end = AttemptEnd::Canceled(r.details);
    let worker = Worker { identity: r.identity, version: r.worker_version, ..Worker::default() };
    activity_attempt::end(context, &r.namespace, attempt, end, worker).await?;
    Ok(RespondActivityTaskCanceledResponse {})
}
