//! ResetWorkflowExecution.

use host_wire::temporal::api::workflowservice::v1::{
    ResetWorkflowExecutionRequest, ResetWorkflowExecutionResponse,
};
use tonic::Status;

use crate::{
    api::context::Context,
    execution::reset::request::{prepare, reset},
};

pub(crate) async fn handle(
    context: &Context,
    request: ResetWorkflowExecutionRequest,
) -> Result<ResetWorkflowExecutionResponse, Status> {
    let change = context.change(request, prepare, |transition, request, plan| {
        let run = reset(transition, request, plan)?;
        Ok(transition.run(run).identity().run_id.clone())
    });
    Ok(ResetWorkflowExecutionResponse { run_id: change.await? })
}
