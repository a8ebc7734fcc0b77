//! TerminateWorkflowExecution.

use host_wire::temporal::api::workflowservice::v1::TerminateWorkflowExecutionRequest;

use crate::{
    error::Error,
    execution::{request::check_payloads, transition::Transition},
};

/// What the history says where the request gives no reason.
const DEFAULT_REASON: &str = "terminated by user via frontend";

/// Ends an open run.
pub(crate) fn terminate(
    transition: &mut Transition<'_>,
    request: TerminateWorkflowExecutionRequest,
) -> Result<(), Error> {
    check_payloads(request.details.as_ref())?;
    let number = transition.executions.find_open(
        &request.namespace,
        request.workflow_execution.as_ref(),
        &request.first_execution_run_id,
    )?;
    let reason = if request.reason.is_empty() { DEFAULT_REASON } else { &request.reason };
    transition.change(number, |run| run.terminate(reason, request.details, &request.identity));
    Ok(())
}
