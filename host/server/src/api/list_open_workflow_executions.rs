//! ListOpenWorkflowExecutions: a list with a filter that the request spells out.

use host_wire::temporal::api::workflowservice::v1::{
    ListOpenWorkflowExecutionsRequest, ListOpenWorkflowExecutionsResponse, ListWorkflowExecutionsRequest,
    list_open_workflow_executions_request::Filters,
};
use tonic::Status;

use crate::api::{context::Context, list_workflow_executions, spelled_filter};

pub(crate) async fn handle(
    context: &Context,
    request: ListOpenWorkflowExecutionsRequest,
) -> Result<ListOpenWorkflowExecutionsResponse, Status> {
    let mut query = vec!["ExecutionStatus = 'Running'".to_owned()];
    query.extend(spelled_filter::between("StartTime", request.start_time_filter)?);
    query.extend(request.filters.map(|filter| match filter {
        Filters::ExecutionFilter(it) => spelled_filter::equal("WorkflowId", &it.workflow_id),
        Filters::TypeFilter(it) => spelled_filter::equal("WorkflowType", &it.name),
    }));
    let request = ListWorkflowExecutionsRequest {
        namespace: request.namespace,
        page_size: request.maximum_page_size,
        next_page_token: request.next_page_token,
        query: query.join(" AND "),
    };
    let listed = list_workflow_executions::handle(context, request).await?;
    Ok(ListOpenWorkflowExecutionsResponse {
        executions: listed.executions,
        next_page_token: listed.next_page_token,
    })
}
