//! Failures of operations: as handlers say them, as Temporal's server keeps them. `common/nexus/failure.go` there.

use bytes::Bytes;
use host_wire::{
    protojson::message_from_json,
    temporal::api::{
        common::v1::{Payload, Payloads},
        enums::v1::NexusHandlerErrorRetryBehavior as RetryBehavior,
        failure::v1::{
            ApplicationFailureInfo, CanceledFailureInfo, Failure, NexusHandlerFailureInfo,
            NexusOperationFailureInfo, failure::FailureInfo,
        },
        nexus::v1::{Failure as NexusFailure, HandlerError},
    },
};
use serde_json::Value;

use crate::execution::{failure::cut_whole, nexus::state::Operation};

/// The `type` in the metadata of a failure whose details are a failure of this protocol.
const FAILURE_TYPE: &str = "temporal.api.failure.v1.Failure";

/// Error types of handlers. Others are [`INTERNAL`].
const KNOWN_TYPES: [&str; 9] = [
    "UPSTREAM_TIMEOUT",
    "UNAUTHENTICATED",
    "UNAUTHORIZED",
    "BAD_REQUEST",
    "RESOURCE_EXHAUSTED",
    "NOT_FOUND",
    "NOT_IMPLEMENTED",
    "UNAVAILABLE",
    INTERNAL,
];
const INTERNAL: &str = "INTERNAL";
/// Those after which a call is not tried again, unless the handler says otherwise.
const FINAL_TYPES: [&str; 5] =
    ["BAD_REQUEST", "UNAUTHENTICATED", "UNAUTHORIZED", "NOT_FOUND", "NOT_IMPLEMENTED"];

/// Why a call of a handler failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CallError {
    /// The handler says so, or what stands for it.
    Handler { of: String, retry: RetryBehavior, failure: Box<NexusFailure> },
    /// The answer cannot be kept, whatever the handler is asked again.
    Unusable(&'static str),
    /// No answer came in time.
    TimedOut,
}

impl CallError {
    /// What a worker answered.
    pub(crate) fn of_handler(error: HandlerError) -> Self {
        if !KNOWN_TYPES.contains(&&*error.error_type) {
            return Self::internal("internal error");
        }
        let retry = error.retry_behavior();
        Self::Handler { of: error.error_type, retry, failure: Box::new(error.failure.unwrap_or_default()) }
    }

    /// The worker's answer says nothing.
    pub(crate) fn internal(message: &str) -> Self {
        Self::of(INTERNAL, message.to_owned())
    }

    /// The handler is not there.
    pub(crate) fn not_found(message: String) -> Self {
        Self::of("NOT_FOUND", message)
    }

    /// The endpoint is a URL.
    pub(crate) fn outside() -> Self {
        let message = "this service calls no URLs: let the endpoint name a namespace and a task queue";
        Self::of("NOT_IMPLEMENTED", message.to_owned())
    }

    fn of(of: &str, message: String) -> Self {
        let failure = Box::new(NexusFailure { message, ..NexusFailure::default() });
        Self::Handler { of: of.to_owned(), retry: RetryBehavior::Unspecified, failure }
    }

    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Handler { retry: RetryBehavior::Retryable, .. } | Self::TimedOut => true,
            Self::Handler { retry: RetryBehavior::NonRetryable, .. } | Self::Unusable(_) => false,
            Self::Handler { of, retry: RetryBehavior::Unspecified, .. } => !FINAL_TYPES.contains(&&**of),
        }
    }

    /// The failure that is kept. `retryable` is what it says of itself.
    pub(crate) fn into_failure(self, retryable: bool) -> Failure {
        match self {
            Self::Handler { of, retry, failure } => Failure {
                message: format!("handler error ({of}): {}", failure.message),
                failure_info: Some(FailureInfo::NexusHandlerFailureInfo(NexusHandlerFailureInfo {
                    r#type: of,
                    retry_behavior: retry.into(),
                })),
                cause: Some(Box::new(of_nexus(*failure, retryable))),
                ..Failure::default()
            },
            Self::Unusable(message) => call_error(message, retryable),
            Self::TimedOut => call_error("request timed out", retryable),
        }
    }
}

fn call_error(message: &str, retryable: bool) -> Failure {
    Failure {
        message: message.to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
            r#type: "CallError".to_owned(),
            non_retryable: !retryable,
            ..ApplicationFailureInfo::default()
        })),
        ..Failure::default()
    }
}

/// A failure of the Nexus protocol as one of this protocol.
pub(crate) fn of_nexus(failure: NexusFailure, retryable: bool) -> Failure {
    let known = decoded(&failure);
    let mut kept = known.unwrap_or_else(|| Failure {
        failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
            r#type: "NexusFailure".to_owned(),
            non_retryable: !retryable,
            details: metadata(&failure),
            ..ApplicationFailureInfo::default()
        })),
        ..Failure::default()
    });
    kept.message = failure.message;
    cut_whole(&mut kept);
    kept
}

/// The cause of an operation that was cancelled, which SDKs expect to be a cancellation.
pub(crate) fn of_canceled(failure: NexusFailure) -> Failure {
    if let Some(known) = decoded(&failure)
        && matches!(known.failure_info, Some(FailureInfo::CanceledFailureInfo(_)))
    {
        return of_nexus(failure, false);
    }
    let mut kept = Failure {
        failure_info: Some(FailureInfo::CanceledFailureInfo(CanceledFailureInfo {
            details: metadata(&failure),
            ..CanceledFailureInfo::default()
        })),
        message: failure.message,
        ..Failure::default()
    };
    cut_whole(&mut kept);
    kept
}

/// The failure of this protocol that the details are; none if they are none that can be read.
fn decoded(failure: &NexusFailure) -> Option<Failure> {
    let is_failure = failure.metadata.get("type").is_some_and(|of| of == FAILURE_TYPE);
    is_failure.then(|| message_from_json(&failure.details).ok()).flatten()
}

/// Metadata and details as one JSON payload.
fn metadata(failure: &NexusFailure) -> Option<Payloads> {
    if failure.metadata.is_empty() && failure.details.is_empty() {
        return None;
    }
    // In the order of Temporal's server.
    let mut json = "{\"message\":\"\"".to_owned();
    if !failure.metadata.is_empty() {
        let metadata = failure.metadata.iter().map(|(key, value)| (key.clone(), value.clone().into()));
        json.push_str(",\"metadata\":");
        json.push_str(&Value::Object(metadata.collect()).to_string());
    }
    if let Ok(details) = serde_json::from_slice::<Value>(&failure.details) {
        json.push_str(",\"details\":");
        json.push_str(&details.to_string());
    }
    json.push('}');
    let payload = Payload {
        metadata: [("encoding".to_owned(), Bytes::from_static(b"json/plain"))].into(),
        data: json.into(),
        ..Payload::default()
    };
    Some(Payloads { payloads: vec![payload] })
}

/// The failure of an operation, as the event that closes it has it.
pub(crate) fn of_operation(operation: &Operation, cause: Failure) -> Failure {
    let token = operation.token.clone().unwrap_or_default();
    let scheduled = &operation.scheduled;
    Failure {
        message: "nexus operation completed unsuccessfully".to_owned(),
        failure_info: Some(FailureInfo::NexusOperationExecutionFailureInfo(NexusOperationFailureInfo {
            scheduled_event_id: operation.scheduled_event_id,
            endpoint: scheduled.endpoint.clone(),
            service: scheduled.service.clone(),
            operation: scheduled.operation.clone(),
            operation_id: token.clone(),
            operation_token: token,
        })),
        cause: Some(Box::new(cause)),
        ..Failure::default()
    }
}
