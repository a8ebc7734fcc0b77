//! RespondWorkflowTaskFailed.

use host_wire::temporal::api::{
    enums::v1::WorkflowTaskFailedCause as Cause, workflowservice::v1::RespondWorkflowTaskFailedRequest,
};

use super::token::TaskToken;
use crate::state::{error::Error, world::Turn};

/// The worker could not complete the workflow task.
pub(crate) fn fail_task(
    turn: &mut Turn<'_>,
    token: &TaskToken,
    request: RespondWorkflowTaskFailedRequest,
) -> Result<(), Error> {
    token.check_task(turn.world, &request.namespace)?;
    let cause = match request.cause() {
        Cause::Unspecified => Cause::WorkflowWorkerUnhandledFailure,
        given => given,
    };
    turn.step(token.run, |step| {
        step.fail_task(cause, request.failure, &request.identity, &request.binary_checksum);
    });
    Ok(())
}
