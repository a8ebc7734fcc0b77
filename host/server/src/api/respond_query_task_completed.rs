//! RespondQueryTaskCompleted.

use host_wire::temporal::api::{
    query::v1::WorkflowQueryResult,
    workflowservice::v1::{RespondQueryTaskCompletedRequest, RespondQueryTaskCompletedResponse},
};
use tonic::Status;

use crate::{api::context::Context, error::Error, execution::token::TaskToken};

pub(crate) fn handle(
    context: &Context,
    request: RespondQueryTaskCompletedRequest,
) -> Result<RespondQueryTaskCompletedResponse, Status> {
    let mut shard = context.lock();
    shard.executions.check_namespace(&request.namespace)?;
    let token = TaskToken::parse(&request.task_token)?;
    if token.query == 0 {
        return Err(Error::invalid("Invalid TaskQueue.").into());
    }
    let result = WorkflowQueryResult {
        result_type: request.completed_type,
        answer: request.query_result,
        error_message: request.error_message,
        failure: request.failure,
    };
    if shard.queries.answer(token.query, token.run, result) {
        Ok(RespondQueryTaskCompletedResponse {})
    } else {
        Err(Error::NotFound("query task not found, or already expired".to_owned()).into())
    }
}
