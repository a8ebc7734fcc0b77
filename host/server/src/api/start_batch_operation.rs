//! StartBatchOperation.

use host_wire::temporal::api::workflowservice::v1::{
    StartBatchOperationRequest, StartBatchOperationResponse,
};
use tonic::Status;

use crate::{
    api::context::Context,
    batch::{record::BatchNumber, request::check, select::filter, state::Batch},
    error::{Error, ExhaustedCause},
    execution::{executions::Executions, loading::NotReady},
    limits,
};

/// Where a new batch operation goes.
struct Place {
    number: BatchNumber,
    /// One that ended, which is forgotten for it.
    oldest: Option<BatchNumber>,
}

pub(crate) async fn handle(
    context: &Context,
    request: StartBatchOperationRequest,
) -> Result<StartBatchOperationResponse, Status> {
    if request.namespace.is_empty() {
        return Err(Error::invalid("Namespace is empty.").into());
    }
    check(&request)?;
    if !request.visibility_query.is_empty() {
        let custom = context.search_attributes(&request.namespace)?;
        filter(&request.visibility_query, request.operation.as_ref(), &custom)?;
    }
    let change = context.change(request, prepare, |transition, request, place| {
        if let Some(oldest) = place.oldest {
            transition.delete_batch(oldest);
        }
        let before = transition.executions().next_number();
        let uid = transition.new_id();
        let batch = Batch::new(uid, request, before, transition.now());
        transition.put_batch(place.number, batch);
        Ok(StartBatchOperationResponse {})
    });
    let started = change.await?;
    context.batches_changed().notify_one();
    Ok(started)
}

fn prepare(executions: &Executions, request: &StartBatchOperationRequest) -> Result<Place, NotReady> {
    executions.check_namespace(&request.namespace)?;
    let of_namespace = || executions.batches.before(&request.namespace, BatchNumber::MAX);
    if of_namespace().filter(|(_, batch)| batch.is_running()).count() >= limits::BATCHES_RUNNING {
        return Err(Error::Exhausted {
            message: "Max concurrent batch operations is reached".to_owned(),
            cause: ExhaustedCause::Batches,
        }
        .into());
    }
    if let Some((_, batch)) = executions.batches.find(&request.namespace, &request.job_id)? {
        return Err(exists(batch).into());
    }
    let oldest = of_namespace().filter(|(_, batch)| !batch.has_work()).last().map(|(number, _)| number);
    let is_full = of_namespace().count() >= limits::BATCHES;
    Ok(Place { number: executions.batches.next_number(), oldest: oldest.filter(|_| is_full) })
}

/// As of a workflow, which a batch operation is with Temporal's server. One that runs is too many anyway.
fn exists(batch: &Batch) -> Error {
    let names = &batch.identity;
    Error::AlreadyStarted {
        message: format!(
            "Workflow execution already finished. WorkflowId: {}, RunId: {}. Workflow Id reuse policy: reject \
             duplicate workflow Id.",
            names.job_id, names.uid
        ),
        request_id: names.uid.clone(),
        run_id: names.uid.clone(),
        first_run_id: names.uid.clone(),
    }
}
