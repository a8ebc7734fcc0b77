//! ScanWorkflowExecutions: as ListWorkflowExecutions, like on Temporal's server.

use host_wire::temporal::api::workflowservice::v1::{
    ListWorkflowExecutionsRequest, ScanWorkflowExecutionsRequest, ScanWorkflowExecutionsResponse,
};
use tonic::Status;

use crate::api::{context::Context, list_workflow_executions};

pub(crate) async fn handle(
    context: &Context,
    request: ScanWorkflowExecutionsRequest,
) -> Result<ScanWorkflowExecutionsResponse, Status> {
    let ScanWorkflowExecutionsRequest { namespace, page_size, next_page_token, query } = request;
    let request = ListWorkflowExecutionsRequest { namespace, page_size, next_page_token, query };
    let listed = list_workflow_executions::handle(context, request).await?;
    Ok(ScanWorkflowExecutionsResponse {
        executions: listed.executions,
        next_page_token: listed.next_page_token,
    })
}
