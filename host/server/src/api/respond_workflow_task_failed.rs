//! RespondWorkflowTaskFailed.

use host_wire::temporal::api::workflowservice::v1::{
    RespondWorkflowTaskFailedRequest, RespondWorkflowTaskFailedResponse,
};
use tonic::Status;

use crate::{
    api::context::Context,
    execution::{token::TaskToken, workflow_task::fail::fail},
};

pub(crate) async fn handle(
    context: &Context,
    request: RespondWorkflowTaskFailedRequest,
) -> Result<RespondWorkflowTaskFailedResponse, Status> {
    context.lock().executions.check_namespace(&request.namespace)?;
    let token = TaskToken::parse(&request.task_token)?;
    let change = context.change_with(
        request,
        |executions, request| token.check_task(executions, &request.namespace).map(|_| ()),
        |transition, request, ()| {
            transition.change(token.run, |run| fail(run, request));
            Ok(())
        },
        |shard, result| {
            if result.is_ok() {
                shard.queries.detach(token.run);
            }
        },
    );
    change.await?;
    Ok(RespondWorkflowTaskFailedResponse {})
}
