//! Refusals as the protocol's statuses, with the details that clients look for.

use host_service::status_with_detail;
use host_wire::temporal::api::{
    enums::v1::{ResourceExhaustedCause, ResourceExhaustedScope},
    errordetails::v1::{
        NamespaceNotFoundFailure, NotFoundFailure, ResourceExhaustedFailure,
        WorkflowExecutionAlreadyStartedFailure, WorkflowNotReadyFailure,
    },
};
use tonic::{Code, Status};

use crate::error::{Error, ExhaustedCause};

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::InvalidArgument(_) => Self::invalid_argument(message),
            Error::Unimplemented(_) => Self::unimplemented(message),
            Error::Damaged(_) => Self::data_loss(message),
            Error::FailedPrecondition(_) => Self::failed_precondition(message),
            Error::NotFound(_) | Error::Completed => {
                status_with_detail(Code::NotFound, &message, &NotFoundFailure::default())
            }
            Error::NamespaceNotFound(namespace) => {
                status_with_detail(Code::NotFound, &message, &NamespaceNotFoundFailure { namespace })
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
                let cause = match cause {
                    ExhaustedCause::BusyWorkflow => ResourceExhaustedCause::BusyWorkflow,
                    ExhaustedCause::Storage => ResourceExhaustedCause::PersistenceStorageLimit,
                };
                let detail = ResourceExhaustedFailure {
                    cause: cause.into(),
                    scope: ResourceExhaustedScope::System.into(),
                };
                status_with_detail(Code::ResourceExhausted, &message, &detail)
            }
        }
    }
}

/// A workflow that cannot answer yet.
pub(crate) fn not_ready(message: &str) -> Status {
    status_with_detail(Code::FailedPrecondition, message, &WorkflowNotReadyFailure::default())
}
