//! StopBatchOperation: what was done stays done, and nothing more is.

use host_wire::temporal::api::workflowservice::v1::{StopBatchOperationRequest, StopBatchOperationResponse};
use tonic::Status;

use crate::{
    api::{context::Context, describe_batch_operation::check_names},
    error::Error,
};

pub(crate) async fn handle(
    context: &Context,
    request: StopBatchOperationRequest,
) -> Result<StopBatchOperationResponse, Status> {
    check_names(&request.job_id, &request.namespace)?;
    if request.reason.is_empty() {
        return Err(Error::invalid("Reason is not set on request.").into());
    }
    let change = context.change(
        request,
        |executions, r| {
            executions.check_namespace(&r.namespace)?;
            let found = executions.batches.find(&r.namespace, &r.job_id)?;
            let (number, batch) = found.ok_or_else(|| Error::no_workflow(&r.job_id))?;
            if !batch.is_running() {
                return Err(Error::completed().into());
            }
            Ok((number, batch.clone()))
        },
        |transition, _, (number, mut batch)| {
            batch.close(true, transition.now());
            transition.put_batch(number, batch);
            Ok(StopBatchOperationResponse {})
        },
    );
    change.await
}
