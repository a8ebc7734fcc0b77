//! TerminateWorkflowExecution.

use host_wire::temporal::api::workflowservice::v1::{
    TerminateWorkflowExecutionRequest, TerminateWorkflowExecutionResponse,
};
use tonic::Status;

use crate::{
    api::context::Context,
    execution::{child, close::terminate, request::check_payloads},
};

/// What the history says where the request gives no reason.
const DEFAULT_REASON: &str = "terminated by user via frontend";

pub(crate) async fn handle(
    context: &Context,
    r: TerminateWorkflowExecutionRequest,
) -> Result<TerminateWorkflowExecutionResponse, Status> {
    check_payloads(r.details.as_ref())?;
    let execution = r.workflow_execution.as_ref();
    let reason = if r.reason.is_empty() { DEFAULT_REASON } else { &r.reason };
    let change = context.change(
        (),
        |executions, ()| {
            let number = executions.find_open(&r.namespace, execution, &r.first_execution_run_id)?;
            if let Some(run) = executions.get(number) {
                child::close::look_up(executions, run, true)?;
            }
            Ok(number)
        },
        |transition, (), number| {
            transition.change(number, |run| terminate::terminate(run, reason, r.details, &r.identity));
            Ok(())
        },
    );
    change.await?;
    Ok(TerminateWorkflowExecutionResponse {})
}
