//! Refusals as the protocol's statuses, with the details that clients look for.

use host_service::status_with_detail;
use host_wire::{
    google::rpc,
    temporal::api::{
        enums::v1::{NamespaceState, ResourceExhaustedCause, ResourceExhaustedScope},
        errordetails::v1::{
            NamespaceAlreadyExistsFailure, NamespaceInvalidStateFailure, NamespaceNotFoundFailure,
            NotFoundFailure, PermissionDeniedFailure, ResourceExhaustedFailure,
            WorkflowExecutionAlreadyStartedFailure, WorkflowNotReadyFailure,
        },
    },
};
use prost::Message;
use tonic::{Code, Status};

use crate::{
    error::{Error, ExhaustedCause},
    limits, text,
};

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::InvalidArgument(_) => Self::invalid_argument(message),
            Error::Unimplemented(_) => Self::unimplemented(message),
            Error::Damaged(_)
            | Error::DamagedSchedule { .. }
            | Error::DamagedBatch { .. }
            | Error::DamagedDeployment { .. } => Self::data_loss(message),
            Error::WorkflowNotReady(_) => not_ready(&message),
            Error::PermissionDenied(_) => {
                status_with_detail(Code::PermissionDenied, &message, &PermissionDeniedFailure::default())
            }
            Error::Unavailable(_) => Self::unavailable(message),
            Error::AlreadyExists(_) => Self::already_exists(message),
            Error::FailedPrecondition(_) => Self::failed_precondition(message),
            Error::NotFound(_) | Error::Completed => {
                status_with_detail(Code::NotFound, &message, &NotFoundFailure::default())
            }
            Error::NamespaceNotFound(namespace) => {
                status_with_detail(Code::NotFound, &message, &NamespaceNotFoundFailure { namespace })
            }
            Error::NamespaceExists(_) => {
                status_with_detail(Code::AlreadyExists, &message, &NamespaceAlreadyExistsFailure::default())
            }
            Error::NamespaceDeprecated(namespace) => {
                let detail = NamespaceInvalidStateFailure {
                    namespace,
                    state: NamespaceState::Deprecated.into(),
                    allowed_states: vec![NamespaceState::Registered.into()],
                };
                status_with_detail(Code::FailedPrecondition, &message, &detail)
            }
            Error::AlreadyStarted { request_id, run_id, first_run_id, .. } => {
                let detail = WorkflowExecutionAlreadyStartedFailure {
                    start_request_id: request_id,
                    run_id,
                    first_execution_run_id: first_run_id,
                };
                status_with_detail(Code::AlreadyExists, &message, &detail)
            }
            Error::Exhausted { cause, .. } => {
                let scope = match cause {
                    ExhaustedCause::Updates | ExhaustedCause::Batches => ResourceExhaustedScope::Namespace,
                    _ => ResourceExhaustedScope::System,
                };
                let cause = match cause {
                    ExhaustedCause::BusyWorkflow => ResourceExhaustedCause::BusyWorkflow,
                    ExhaustedCause::Waiting | ExhaustedCause::Updates | ExhaustedCause::Batches => {
                        ResourceExhaustedCause::ConcurrentLimit
                    }
                    ExhaustedCause::Storage => ResourceExhaustedCause::PersistenceStorageLimit,
                };
                let detail = ResourceExhaustedFailure { cause: cause.into(), scope: scope.into() };
                status_with_detail(Code::ResourceExhausted, &message, &detail)
            }
        }
    }
}

/// The status with its text cut to [`limits::STATUS_TEXT_BYTES`]. Details that are too large for a header are left out;
/// what makes them keeps them small.
pub(crate) fn fitting(status: Status) -> Status {
    let fits = status.message().len() <= limits::STATUS_TEXT_BYTES;
    if fits && status.details().len() <= limits::STATUS_DETAIL_BYTES {
        return status;
    }
    let mut message = status.message().to_owned();
    text::cut(&mut message, limits::STATUS_TEXT_BYTES);
    let mut details = rpc::Status::decode(status.details()).unwrap_or_default();
    details.message.clone_from(&message);
    let mut details = details.encode_to_vec();
    if status.details().is_empty() || details.len() > limits::STATUS_DETAIL_BYTES {
        details.clear();
    }
    Status::with_details_and_metadata(status.code(), message, details.into(), status.metadata().clone())
}

/// A workflow that cannot answer yet.
pub(crate) fn not_ready(message: &str) -> Status {
    status_with_detail(Code::FailedPrecondition, message, &WorkflowNotReadyFailure::default())
}
