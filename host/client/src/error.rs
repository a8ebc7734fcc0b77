//! Errors of calls to a service.

use guest_sdk_types::{Failure, Payload, PayloadError};
use host_service::status_detail;
use host_wire::temporal::api::{
    enums::v1::WorkflowExecutionStatus, errordetails::v1::WorkflowExecutionAlreadyStartedFailure,
};
use tonic::{Code, Status};

/// A call had no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The service refused the call, or could not be reached.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The workflow id is taken, and the policies of the start say that this is an error.
    #[error(transparent)]
    AlreadyStarted(AlreadyStarted),
    /// The workflow was closed without a result.
    #[error(transparent)]
    Workflow(#[from] Box<WorkflowFailed>),
    /// The workflow rejected or failed an update.
    #[error("the update failed: {}", .0.message)]
    Update(Box<Failure>),
    /// The workflow's state forbids the query.
    #[error("the query was rejected: the workflow is {}", .0.as_str_name())]
    QueryRejected(WorkflowExecutionStatus),
    /// The history has no such place to reset to.
    #[error("the run cannot be reset: {0}")]
    NoResetPoint(String),
    /// A value could not be encoded for the call, or its result not be read.
    #[error("unexpected {what}")]
    Payload {
        /// Which value, such as `input`.
        what: &'static str,
        /// What is wrong with the payload.
        source: PayloadError,
    },
    /// The answer breaks a rule of the protocol.
    #[error("unexpected answer of the service: {0}")]
    Answer(&'static str),
}

/// How a workflow was closed without a result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WorkflowFailed {
    /// The workflow failed, with this failure and its causes.
    #[error("the workflow failed: {}", .0.message)]
    Failed(Failure),
    /// The workflow ended as cancelled, with these details.
    #[error("the workflow was cancelled")]
    Canceled(Vec<Payload>),
    /// A client terminated it, or the service did because of a limit.
    #[error("the workflow was terminated by {identity}: {reason}")]
    Terminated {
        /// Reason that the client gave; may be empty.
        reason: String,
        /// Identity of the client.
        identity: String,
        /// Details that the client gave.
        details: Vec<Payload>,
    },
    /// The run timeout or the execution timeout ended it.
    #[error("the workflow timed out")]
    TimedOut,
}

/// The workflow id is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("workflow {workflow_id} already exists (run {run_id})")]
pub struct AlreadyStarted {
    /// The id that is taken.
    pub workflow_id: String,
    /// The run that has it.
    pub run_id: String,
}

/// A call that the service refused, or that did not reach it.
#[derive(Debug, thiserror::Error)]
#[error("{} ({:?})", .0.message(), .0.code())]
pub struct RpcError(Box<Status>);

impl RpcError {
    /// The gRPC status code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code()
    }

    /// Whether there is no such workflow, activity or namespace.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.code() == Code::NotFound
    }

    /// The run that has the workflow id, if that is what the error is about.
    pub(crate) fn existing_run(&self) -> Option<String> {
        if self.code() != Code::AlreadyExists {
            return None;
        }
        let details: WorkflowExecutionAlreadyStartedFailure = status_detail(&self.0)?;
        Some(details.run_id)
    }
}

impl From<Status> for RpcError {
    fn from(status: Status) -> Self {
        Self(Box::new(status))
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Self::Rpc(status.into())
    }
}
