//! RespondWorkflowTaskFailed.

use host_wire::temporal::api::{
    enums::v1::WorkflowTaskFailedCause as Cause, workflowservice::v1::RespondWorkflowTaskFailedRequest,
};

use crate::{
    error::Error,
    execution::{token::TaskToken, transition::Transition},
};

/// The worker could not complete the workflow task.
pub(crate) fn fail_task(
    transition: &mut Transition<'_>,
    token: &TaskToken,
    request: RespondWorkflowTaskFailedRequest,
) -> Result<(), Error> {
    token.check_task(transition.executions, &request.namespace)?;
    let cause = match request.cause() {
        Cause::Unspecified => Cause::WorkflowWorkerUnhandledFailure,
        given => given,
    };
    transition.change(token.run, |run| {
        run.fail_task(cause, request.failure, &request.identity, &request.binary_checksum);
    });
    Ok(())
}
