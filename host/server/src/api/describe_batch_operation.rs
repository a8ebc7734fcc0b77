//! DescribeBatchOperation.

use host_wire::temporal::api::workflowservice::v1::{
    DescribeBatchOperationRequest, DescribeBatchOperationResponse,
};
use tonic::Status;

use crate::{api::context::Context, batch::describe::describe, error::Error};

pub(crate) async fn handle(
    context: &Context,
    request: DescribeBatchOperationRequest,
) -> Result<DescribeBatchOperationResponse, Status> {
    check_names(&request.job_id, &request.namespace)?;
    let (description, position) = {
        let shard = context.lock();
        shard.executions.check_namespace(&request.namespace)?;
        let found = shard.executions.batches.find(&request.namespace, &request.job_id)?;
        let (_, batch) = found.ok_or_else(|| Error::no_workflow(&request.job_id))?;
        (describe(batch), shard.position())
    };
    context.on_disk(position).await?;
    Ok(description)
}

/// Checks that a request names a batch operation.
///
/// # Errors
///
/// INVALID_ARGUMENT.
pub(super) fn check_names(job_id: &str, namespace: &str) -> Result<(), Error> {
    match (job_id, namespace) {
        (_, "") => Err(Error::invalid("Namespace is empty.")),
        ("", _) => Err(Error::invalid("JobId is not set on request.")),
        _ => Ok(()),
    }
}
