//! TerminateWorkflowExecution.

use host_wire::temporal::api::workflowservice::v1::TerminateWorkflowExecutionRequest;

use crate::state::{error::Error, world::Turn};

/// What the history says where the request gives no reason.
const DEFAULT_REASON: &str = "terminated by user via frontend";

/// Ends an open run.
pub(crate) fn terminate(
    turn: &mut Turn<'_>,
    request: TerminateWorkflowExecutionRequest,
) -> Result<(), Error> {
    super::check_payloads(request.details.as_ref())?;
    let number = turn.world.find_open(
        &request.namespace,
        request.workflow_execution.as_ref(),
        &request.first_execution_run_id,
    )?;
    let reason = if request.reason.is_empty() { DEFAULT_REASON } else { &request.reason };
    turn.step(number, |step| step.terminate(reason, request.details, &request.identity));
    Ok(())
}
