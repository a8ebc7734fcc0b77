//! RespondNexusTaskCompleted.

use host_wire::temporal::api::workflowservice::v1::{
    RespondNexusTaskCompletedRequest, RespondNexusTaskCompletedResponse,
};
use tonic::Status;

use crate::{
    api::{context::Context, nexus_task},
    execution::nexus::answer::Answer,
};

pub(crate) async fn handle(
    context: &Context,
    request: RespondNexusTaskCompletedRequest,
) -> Result<RespondNexusTaskCompletedResponse, Status> {
    let answer = Answer::Completed(request.response);
    nexus_task::respond(context, &request.namespace, &request.task_token, answer).await?;
    Ok(RespondNexusTaskCompletedResponse {})
}
