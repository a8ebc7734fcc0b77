//! What clients see of a batch operation.

use host_wire::temporal::api::{
    batch::v1::BatchOperationInfo, enums::v1::BatchOperationState,
    workflowservice::v1::DescribeBatchOperationResponse,
};

use crate::batch::{
    request::{identity, kind},
    state::Batch,
};

/// The whole of a batch operation. Runs that are gone or closed by the time that it comes to them are not in the total
/// of one that ended, as with Temporal's server.
pub(crate) fn describe(batch: &Batch) -> DescribeBatchOperationResponse {
    let request = batch.definition.request.clone().unwrap_or_default();
    let progress = &batch.progress;
    let done = progress.completed + progress.failed;
    let total = match batch.state() {
        BatchOperationState::Completed => done,
        _ => progress.total.unwrap_or_default().max(done),
    };
    DescribeBatchOperationResponse {
        operation_type: kind(batch.operation()).into(),
        job_id: batch.identity.job_id.clone(),
        state: batch.state().into(),
        start_time: batch.definition.start_time,
        close_time: progress.close_time,
        total_operation_count: total,
        complete_operation_count: progress.completed,
        failure_operation_count: progress.failed,
        identity: identity(batch.operation()).to_owned(),
        reason: request.reason,
        query: request.visibility_query,
        executions: Vec::new(),
    }
}

/// An entry of a list.
pub(crate) fn info(batch: &Batch) -> BatchOperationInfo {
    BatchOperationInfo {
        job_id: batch.identity.job_id.clone(),
        state: batch.state().into(),
        start_time: batch.definition.start_time,
        close_time: batch.progress.close_time,
        operation_type: kind(batch.operation()).into(),
    }
}
