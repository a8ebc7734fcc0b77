//! RespondWorkflowTaskFailed.

use host_wire::temporal::api::{
    enums::v1::WorkflowTaskFailedCause as Cause, workflowservice::v1::RespondWorkflowTaskFailedRequest,
};

use crate::execution::{run_transition::RunTransition, workflow_task::end};

/// Fails the workflow task, with the cause that the worker names.
pub(crate) fn fail(run: &mut RunTransition<'_>, request: RespondWorkflowTaskFailedRequest) {
    let cause = match request.cause() {
        Cause::Unspecified => Cause::WorkflowWorkerUnhandledFailure,
        given => given,
    };
    run.store_speculative_task(&request.identity, request.worker_version);
    end::fail(run, cause, request.failure, &request.identity, &request.binary_checksum);
}
