//! ListOpenWorkflowExecutions: a list with a filter that the request spells out.

use host_wire::temporal::api::workflowservice::v1::{
    ListOpenWorkflowExecutionsRequest, ListOpenWorkflowExecutionsResponse,
    list_open_workflow_executions_request::Filters,
};
use tonic::Status;

use crate::api::{context::Context, spelled_filter};

pub(crate) async fn handle(
    context: &Context,
    request: ListOpenWorkflowExecutionsRequest,
) -> Result<ListOpenWorkflowExecutionsResponse, Status> {
    let page = (request.namespace, request.maximum_page_size, request.next_page_token);
    let mut query = vec!["ExecutionStatus = 'Running'".to_owned()];
    query.extend(spelled_filter::between("StartTime", request.start_time_filter)?);
    query.extend(request.filters.map(|filter| match filter {
        Filters::ExecutionFilter(it) => spelled_filter::equal("WorkflowId", &it.workflow_id),
        Filters::TypeFilter(it) => spelled_filter::equal("WorkflowType", &it.name),
    }));
    let listed = spelled_filter::list(context, page, query).await?;
    Ok(ListOpenWorkflowExecutionsResponse {
        executions: listed.executions,
        next_page_token: listed.next_page_token,
    })
}
