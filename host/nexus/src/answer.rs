//! Answers of handlers as the protocol has them.

use host_wire::{
    protojson::{WriteOptions, message_to_json},
    temporal::api::{
        enums::v1::NexusHandlerErrorRetryBehavior as Retry,
        failure::v1::Failure,
        nexus::v1::{
            Failure as NexusFailure, HandlerError, Response, StartOperationResponse,
            UnsuccessfulOperationError, response,
            start_operation_response::{Async, Sync, Variant},
        },
    },
};

use crate::{error::NexusError, service::Started};

/// What a worker sends.
#[derive(Debug)]
pub(crate) enum Answer {
    Completed(Response),
    Failed(HandlerError),
}

impl Answer {
    /// Of a call that starts an operation.
    pub(crate) fn of_start(result: Result<Started, NexusError>) -> Self {
        let variant = match result {
            Ok(Started::Sync(payload)) => {
                Variant::SyncSuccess(Sync { payload: Some(payload.into()), links: Vec::new() })
            }
            Ok(Started::Async(run)) => Variant::AsyncSuccess(Async {
                operation_id: run.token.clone(),
                operation_token: run.token,
                links: run.links,
            }),
            Err(NexusError::Failed(failure)) => unsuccessful("failed", (*failure).into()),
            Err(NexusError::Canceled(failure)) => unsuccessful("canceled", (*failure).into()),
            Err(error) => return Self::failed(error),
        };
        let started = StartOperationResponse { variant: Some(variant) };
        Self::Completed(Response { variant: Some(response::Variant::StartOperation(started)) })
    }

    /// Of a call that cancels one.
    pub(crate) fn of_cancel(result: Result<(), NexusError>) -> Self {
        match result {
            Ok(()) => Self::Completed(Response {
                variant: Some(response::Variant::CancelOperation(Default::default())),
            }),
            Err(error) => Self::failed(error),
        }
    }

    fn failed(error: NexusError) -> Self {
        let (of, failure, retryable) = match error {
            NexusError::Handler { of, failure, retryable } => (of.name(), failure, retryable),
            // Not of a call that cancels.
            NexusError::Failed(failure) | NexusError::Canceled(failure) => ("INTERNAL", failure, None),
        };
        let retry = match retryable {
            None => Retry::Unspecified,
            Some(true) => Retry::Retryable,
            Some(false) => Retry::NonRetryable,
        };
        Self::Failed(HandlerError {
            error_type: of.to_owned(),
            failure: Some(to_nexus((*failure).into())),
            retry_behavior: retry.into(),
        })
    }
}

fn unsuccessful(state: &str, failure: Failure) -> Variant {
    Variant::OperationError(UnsuccessfulOperationError {
        operation_state: state.to_owned(),
        failure: Some(to_nexus(failure)),
    })
}

/// A failure as one of the Nexus protocol, which has all of it in its details.
fn to_nexus(mut failure: Failure) -> NexusFailure {
    let message = std::mem::take(&mut failure.message);
    if failure == Failure::default() {
        return NexusFailure { message, ..NexusFailure::default() };
    }
    match message_to_json(&failure, WriteOptions { one_line: true, shorthand_payloads: false }) {
        Ok(json) => NexusFailure {
            message,
            metadata: [("type".to_owned(), "temporal.api.failure.v1.Failure".to_owned())].into(),
            details: json.into(),
            ..NexusFailure::default()
        },
        Err(_) => NexusFailure { message, ..NexusFailure::default() },
    }
}
