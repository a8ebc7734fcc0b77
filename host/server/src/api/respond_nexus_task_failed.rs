//! RespondNexusTaskFailed.

use host_wire::temporal::api::workflowservice::v1::{
    RespondNexusTaskFailedRequest, RespondNexusTaskFailedResponse,
};
use tonic::Status;

use crate::{
    api::{context::Context, nexus_task},
    execution::nexus::answer::Answer,
};

pub(crate) async fn handle(
    context: &Context,
    request: RespondNexusTaskFailedRequest,
) -> Result<RespondNexusTaskFailedResponse, Status> {
    let answer = Answer::Failed(request.error.unwrap_or_default());
    nexus_task::respond(context, &request.namespace, &request.task_token, answer).await?;
    Ok(RespondNexusTaskFailedResponse {})
}
