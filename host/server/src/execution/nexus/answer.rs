//! What workers answer to calls: RespondNexusTaskCompleted and RespondNexusTaskFailed.

use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::{Link, Payload},
        failure::v1::Failure,
        history::v1::{
            NexusOperationCancelRequestCompletedEventAttributes, NexusOperationCanceledEventAttributes,
            NexusOperationCompletedEventAttributes, NexusOperationFailedEventAttributes,
            NexusOperationStartedEventAttributes,
        },
        nexus::v1::{
            Failure as NexusFailure, HandlerError, Response, UnsuccessfulOperationError, response,
            start_operation_response::{Async, Sync, Variant},
        },
    },
};
use prost::Message;

use crate::{
    error::Error,
    execution::{
        executions::Executions,
        loading::NotReady,
        nexus::{
            call::fail,
            failure::{CallError, of_canceled, of_nexus, of_operation},
            link,
            state::CallKind,
        },
        record::RunNumber,
        run_transition::{Effect, RunTransition},
        token::TaskToken,
        workflow_task::schedule::schedule_task,
    },
    limits,
    nexus::endpoint::Endpoint,
    time::Time,
};

/// What a worker answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Completed(Option<Response>),
    Failed(HandlerError),
}

/// Checks an answer without looking at any run.
///
/// # Errors
///
/// Says what is wrong.
pub(crate) fn check(answer: &Answer) -> Result<(), Error> {
    let details = match answer {
        Answer::Failed(error) => error.failure.as_ref(),
        Answer::Completed(response) => match start_variant(response.as_ref()) {
            Some(Variant::AsyncSuccess(started)) => {
                let length = token_of(started).len();
                if length == 0 {
                    // As that server spells it.
                    return Err(Error::invalid("missing opration token in response"));
                }
                if length > limits::NEXUS_TOKEN_BYTES {
                    return Err(Error::invalid(format!(
                        "operation token length exceeds allowed limit ({length}/{})",
                        limits::NEXUS_TOKEN_BYTES
                    )));
                }
                None
            }
            Some(Variant::OperationError(error)) => error.failure.as_ref(),
            _ => None,
        },
    };
    let is_json = |failure: &NexusFailure| {
        failure.details.is_empty() || serde_json::from_slice::<serde_json::Value>(&failure.details).is_ok()
    };
    if details.is_none_or(is_json) {
        Ok(())
    } else {
        Err(Error::invalid("failure details must be JSON serializable"))
    }
}

fn start_variant(response: Option<&Response>) -> Option<&Variant> {
    match response?.variant.as_ref()? {
        response::Variant::StartOperation(started) => started.variant.as_ref(),
        response::Variant::CancelOperation(_) => None,
    }
}

fn token_of(started: &Async) -> &str {
    if started.operation_token.is_empty() { &started.operation_id } else { &started.operation_token }
}

/// Checks that a call went to workers of this namespace.
///
/// # Errors
///
/// When its endpoint has its workers elsewhere, or the run must be loaded first.
pub(crate) fn check_namespace(
    executions: &Executions,
    token: &TaskToken,
    namespace: &str,
) -> Result<(), NotReady> {
    let run = executions.run(token.run)?.filter(|run| run.identity().run_id == token.run_id);
    let operation = run.and_then(|run| run.nexus().get(token.scheduled_event_id));
    let scheduled = operation.map(|operation| &operation.scheduled);
    let endpoint = scheduled.and_then(|it| executions.endpoints.find(&it.endpoint_id, &it.endpoint));
    let target = endpoint.and_then(Endpoint::target);
    if target.is_some_and(|target| target.namespace != namespace) {
        // As for any other namespace, there is no such task.
        return Err(Error::no_nexus_task().into());
    }
    Ok(())
}

/// Finds the run whose operation waits for the attempt of a token.
///
/// # Errors
///
/// When none does, or the run must be loaded first.
pub(crate) fn find(executions: &Executions, token: &TaskToken) -> Result<RunNumber, NotReady> {
    token.check_nexus(executions)?;
    Ok(token.run)
}

/// Takes the answer of the call that an operation waits for.
pub(crate) fn take(run: &mut RunTransition<'_>, id: i64, answer: Answer) {
    let current = run.nexus().get(id).and_then(|operation| operation.current_call());
    let Some(kind) = current.map(|(kind, _)| kind) else { return };
    let response = match answer {
        Answer::Failed(error) => return fail(run, id, CallError::of_handler(error)),
        Answer::Completed(response) => response,
    };
    if kind == CallKind::Cancel {
        return cancel_taken(run, id);
    }
    let started = match response.and_then(|response| response.variant) {
        Some(response::Variant::StartOperation(started)) => started.variant,
        Some(response::Variant::CancelOperation(_)) | None => None,
    };
    match started {
        Some(Variant::SyncSuccess(Sync { payload, links })) => {
            if payload.as_ref().map_or(0, Message::encoded_len) > limits::BLOB_BYTES {
                return fail(run, id, CallError::Unusable("http: response body too large"));
            }
            complete(run, id, payload, link::read_all(&links));
        }
        Some(Variant::AsyncSuccess(started)) => {
            start(run, id, token_of(&started), None, link::read_all(&started.links));
        }
        Some(Variant::OperationError(error)) => end_of_handler(run, id, error),
        Some(Variant::Failure(_)) | None => fail(run, id, CallError::internal("empty outcome")),
    }
}

fn cancel_taken(run: &mut RunTransition<'_>, id: i64) {
    let cancellation = run.nexus().get(id).and_then(|operation| operation.cancellation.as_ref());
    let Some(requested_event_id) = cancellation.map(|it| it.requested_event_id) else { return };
    run.record(EventAttributes::NexusOperationCancelRequestCompletedEventAttributes(Box::new(
        NexusOperationCancelRequestCompletedEventAttributes {
            requested_event_id,
            workflow_task_completed_event_id: 0,
            scheduled_event_id: id,
        },
    )));
    schedule_task(run);
}

/// The operation is started, now or at a time.
pub(crate) fn start(run: &mut RunTransition<'_>, id: i64, token: &str, time: Option<Time>, links: Vec<Link>) {
    let Some(operation) = run.nexus().get(id) else { return };
    let attributes = NexusOperationStartedEventAttributes {
        scheduled_event_id: id,
        operation_id: token.to_owned(),
        request_id: operation.scheduled.request_id.clone(),
        operation_token: token.to_owned(),
    };
    let time = time.unwrap_or(run.now());
    let attributes = EventAttributes::NexusOperationStartedEventAttributes(Box::new(attributes));
    run.record_linked_at(time, attributes, links);
    schedule_task(run);
    // A cancellation that was requested before.
    if run.nexus().get(id).is_some_and(|operation| operation.current_call().is_some()) {
        run.effect(Effect::Nexus(id));
    }
}

/// The operation has a result.
pub(crate) fn complete(run: &mut RunTransition<'_>, id: i64, result: Option<Payload>, links: Vec<Link>) {
    let Some(operation) = run.nexus().get(id) else { return };
    let attributes = NexusOperationCompletedEventAttributes {
        scheduled_event_id: id,
        result: Some(result.unwrap_or_else(link::null)),
        request_id: operation.scheduled.request_id.clone(),
    };
    run.record_linked(EventAttributes::NexusOperationCompletedEventAttributes(Box::new(attributes)), links);
    schedule_task(run);
}

/// The handler says how the operation ended.
fn end_of_handler(run: &mut RunTransition<'_>, id: i64, error: UnsuccessfulOperationError) {
    let failure = error.failure.unwrap_or_default();
    match error.operation_state.as_str() {
        "failed" => end(run, id, of_nexus(failure, false), false),
        "canceled" => end(run, id, of_canceled(failure), true),
        _ => fail(run, id, CallError::internal("internal error")),
    }
}

/// The operation failed, or was cancelled.
pub(crate) fn end(run: &mut RunTransition<'_>, id: i64, cause: Failure, is_canceled: bool) {
    let Some(operation) = run.nexus().get(id) else { return };
    let failure = Some(of_operation(operation, cause));
    let request_id = operation.scheduled.request_id.clone();
    run.record(if is_canceled {
        let attributes =
            NexusOperationCanceledEventAttributes { scheduled_event_id: id, failure, request_id };
        EventAttributes::NexusOperationCanceledEventAttributes(Box::new(attributes))
    } else {
        let attributes = NexusOperationFailedEventAttributes { scheduled_event_id: id, failure, request_id };
        EventAttributes::NexusOperationFailedEventAttributes(Box::new(attributes))
    });
    schedule_task(run);
}
