//! RequestCancelWorkflowExecution.

use host_wire::temporal::api::workflowservice::v1::{
    RequestCancelWorkflowExecutionRequest, RequestCancelWorkflowExecutionResponse,
};
use tonic::Status;

use crate::{
    api::context::Context,
    error::Error,
    execution::{
        cancel::request::{self, CancelRequest},
        loading::NotReady,
    },
};

/// Asks a workflow to cancel itself. One that has ended needs no asking, and that is no error.
pub(crate) async fn handle(
    context: &Context,
    r: RequestCancelWorkflowExecutionRequest,
) -> Result<RequestCancelWorkflowExecutionResponse, Status> {
    let asked = CancelRequest { reason: r.reason, identity: r.identity, external: None };
    let execution = r.workflow_execution.as_ref();
    let change = context.change(
        asked,
        |executions, _| match executions.find_open(&r.namespace, execution, &r.first_execution_run_id) {
            Ok(number) => Ok(Some(number)),
            Err(NotReady::Refused(Error::Completed)) => Ok(None),
            Err(not_ready) => Err(not_ready),
        },
        |transition, asked, open| {
            if let Some(number) = open {
                transition.change(number, |run| request::request(run, asked));
            }
            Ok(())
        },
    );
    change.await?;
    Ok(RequestCancelWorkflowExecutionResponse {})
}
