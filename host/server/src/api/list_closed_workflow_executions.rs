//! ListClosedWorkflowExecutions: a list with a filter that the request spells out.

use host_wire::temporal::api::{
    enums::v1::WorkflowExecutionStatus as RunStatus,
    workflowservice::v1::{
        ListClosedWorkflowExecutionsRequest, ListClosedWorkflowExecutionsResponse,
        list_closed_workflow_executions_request::Filters,
    },
};
use tonic::Status;

use crate::{
    api::{context::Context, spelled_filter},
    error::Error,
    visibility::filter::status_name,
};

pub(crate) async fn handle(
    context: &Context,
    request: ListClosedWorkflowExecutionsRequest,
) -> Result<ListClosedWorkflowExecutionsResponse, Status> {
    let page = (request.namespace, request.maximum_page_size, request.next_page_token);
    let mut query = vec!["ExecutionStatus != 'Running'".to_owned()];
    query.extend(spelled_filter::between("CloseTime", request.start_time_filter)?);
    query.extend(match request.filters {
        None => None,
        Some(Filters::ExecutionFilter(it)) => Some(spelled_filter::equal("WorkflowId", &it.workflow_id)),
        Some(Filters::TypeFilter(it)) => Some(spelled_filter::equal("WorkflowType", &it.name)),
        Some(Filters::StatusFilter(it)) => match it.status() {
            RunStatus::Unspecified | RunStatus::Running => {
                let message = "StatusFilter must be specified and must be not Running.";
                return Err(Error::invalid(message).into());
            }
            status => Some(spelled_filter::equal("ExecutionStatus", status_name(status))),
        },
    });
    let listed = spelled_filter::list(context, page, query).await?;
    Ok(ListClosedWorkflowExecutionsResponse {
        executions: listed.executions,
        next_page_token: listed.next_page_token,
    })
}
