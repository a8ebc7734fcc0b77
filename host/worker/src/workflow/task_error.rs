//! Why a workflow task was not completed, and what is reported to the service.

use host_sandbox::Digest;
use host_wire::temporal::api::{enums::v1::WorkflowTaskFailedCause, failure::v1::Failure};
use prost::DecodeError;
use tonic::{Code, Status};

use super::{
    response::host_failure,
    run::{FailureKind, RunFailure},
    threads::WorkError,
};
use crate::modules::catalog::ResolveError;

/// Why a workflow task was not completed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskError {
    /// No module here executes the run.
    #[error("{0}")]
    Missing(Missing),
    /// The module that history names is here, and cannot be used.
    #[error("failed to load module {digest}")]
    Module { digest: Digest, source: Box<ResolveError> },
    /// The guest failed, or does not match the history.
    #[error(transparent)]
    Run(#[from] Box<RunFailure>),
    /// An event cannot be decoded.
    #[error("history has an event that cannot be decoded")]
    Decode(#[from] DecodeError),
    /// A page of history could not be fetched.
    #[error("failed to fetch history: {}", .0.message())]
    Fetch(Status),
    /// The history ends before the `WorkflowTaskStarted` event of the task.
    #[error("history ends before the task it was fetched for")]
    HistoryEnds,
    /// A fault of the host.
    #[error(transparent)]
    Work(#[from] WorkError),
}

/// What no module of the catalog can execute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// No module defines the type.
    Type { workflow_type: String, known: Vec<String> },
    /// The module of the version to which the service gave the task does not define the type.
    TypeInVersion { workflow_type: String, build_id: String, known: Vec<String> },
    /// The run stays on this module, which is not here.
    Module { digest: Digest, known: Vec<String> },
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = match self {
            Self::Type { workflow_type, known } => {
                write!(f, "no module defines workflow type `{workflow_type}`")?;
                known
            }
            Self::TypeInVersion { workflow_type, build_id, known } => {
                let known = known.join(", ");
                return write!(
                    f,
                    "version {build_id} of the worker deployment, to which the service gave this task, does not define \
                     workflow type `{workflow_type}`; its workflow types: {known}; the run goes on once the service gives \
                     it to a version that does"
                );
            }
            Self::Module { digest, known } => {
                write!(
                    f,
                    "this run was executed by the module with SHA-256 {digest}, which this host does not \
                     have"
                )?;
                known
            }
        };
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        write!(f, "; known workflow types: {known}; the run goes on once that module is here")
    }
}

/// What the worker does with a task that it did not complete.
#[derive(Debug, PartialEq)]
pub(crate) enum Disposition {
    /// The service is told, and gives the task out again.
    Report { cause: WorkflowTaskFailedCause, failure: Box<Failure> },
    /// It waits in this worker for a module.
    Park,
    /// It is left to time out at the service.
    LeaveToTimeOut,
}

impl TaskError {
    /// Whether another module may replay the history clean.
    pub(crate) fn is_nondeterminism(&self) -> bool {
        matches!(self, Self::Run(failure) if failure.kind() == FailureKind::Nondeterminism)
    }

    /// Whether the run failed on the module that it was tried on, so that another module may do better.
    pub(crate) fn is_of_the_run(&self) -> bool {
        matches!(self, Self::Run(failure) if failure.kind() != FailureKind::Host)
    }

    /// Whether the module's code is to blame: once there is another module, the task may succeed.
    pub(crate) fn is_fault_of_code(&self) -> bool {
        matches!(self, Self::Run(failure) if failure.is_fault_of_code())
    }

    /// Whether it is only that too many guests are alive at the moment.
    pub(crate) fn is_lack_of_room(&self) -> bool {
        matches!(self, Self::Run(failure) if failure.is_lack_of_room())
    }

    /// Whether it is only that too many tasks of slow workflow types wait.
    pub(crate) fn is_crowded(&self) -> bool {
        matches!(self, Self::Work(WorkError::Crowded))
    }

    /// What the worker does with the task. Only the first attempt is reported: the service gives a failed task
    /// out again at once, and only after a timeout it waits longer and longer.
    pub(crate) fn disposition(self, attempt: i32) -> Disposition {
        match self {
            // What a codec cannot decode stays so until a key is there: the history says which.
            Self::Fetch(ref status) if status.code() == Code::DataLoss && attempt == 1 => {
                Disposition::Report { cause: self.cause(), failure: Box::new(self.into_failure()) }
            }
            Self::Fetch(_) | Self::HistoryEnds | Self::Work(WorkError::Closed) => Disposition::LeaveToTimeOut,
            _ if self.is_lack_of_room() || self.is_crowded() => Disposition::LeaveToTimeOut,
            // The module of a version never gets another type; the service may give the next attempt to another version.
            Self::Missing(Missing::TypeInVersion { .. }) if attempt > 1 => Disposition::LeaveToTimeOut,
            Self::Missing(_) if attempt > 1 => Disposition::Park,
            // It is tried again as soon as there is another module.
            _ if attempt > 1 && self.is_fault_of_code() => Disposition::Park,
            _ if attempt > 1 => Disposition::LeaveToTimeOut,
            _ => Disposition::Report { cause: self.cause(), failure: Box::new(self.into_failure()) },
        }
    }

    /// The cause for `RespondWorkflowTaskFailed`.
    pub(crate) fn cause(&self) -> WorkflowTaskFailedCause {
        match self {
            Self::Run(failure) => failure.cause(),
            _ => WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure,
        }
    }

    /// The failure for `RespondWorkflowTaskFailed`.
    pub(crate) fn into_failure(self) -> Failure {
        let message = self.chain();
        let error_type = match self {
            Self::Run(failure) => return failure.into_wire(),
            Self::Missing(Missing::Type { .. } | Missing::TypeInVersion { .. }) => "UnknownWorkflowType",
            Self::Missing(Missing::Module { .. }) => "UnknownModule",
            Self::Module { .. } => "UnusableModule",
            Self::Decode(_) => "BrokenHistory",
            Self::Fetch(_) | Self::HistoryEnds => "HistoryUnavailable",
            Self::Work(_) => "HostFault",
        };
        host_failure(error_type, message)
    }

    /// The message, with those of the errors that led to it.
    pub(crate) fn chain(&self) -> String {
        let mut message = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            message = format!("{message}: {error}");
            source = error.source();
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use host_sandbox::{Fault, GuestFault, HostFault};

    use super::*;

    fn check(error: TaskError, attempt: i32, expected: &str) {
        let disposition = match error.disposition(attempt) {
            Disposition::Report { failure, .. } => failure.message,
            Disposition::Park => "parked".to_owned(),
            Disposition::LeaveToTimeOut => "left".to_owned(),
        };
        assert_eq!(disposition, expected);
    }

    #[test]
    fn only_the_first_attempt_is_reported() {
        let unknown = || {
            TaskError::Missing(Missing::Type {
                workflow_type: "Orders".to_owned(),
                known: vec!["Greetings".to_owned(), "Inventory".to_owned()],
            })
        };
        check(
            unknown(),
            1,
            "no module defines workflow type `Orders`; known workflow types: Greetings, Inventory; the \
             run goes on once that module is here",
        );
        check(unknown(), 2, "parked");
    }

    #[test]
    fn what_passes_is_not_reported() {
        check(TaskError::Fetch(Status::unavailable("gone")), 1, "left");
        check(TaskError::Fetch(Status::data_loss("no key")), 1, "failed to fetch history: no key");
        check(TaskError::Fetch(Status::data_loss("no key")), 2, "left");
        check(TaskError::HistoryEnds, 1, "left");
        check(TaskError::Work(WorkError::Closed), 1, "left");
        check(TaskError::Work(WorkError::Crowded), 1, "left");
        let panicked = || {
            let panicked =
                GuestFault::Panicked { message: "no".to_owned(), location: None, backtrace: String::new() };
            TaskError::Run(Box::new(RunFailure::from(Fault::from(panicked))))
        };
        check(panicked(), 1, "the workflow panicked: no");
        check(panicked(), 2, "parked");
        let no_room = RunFailure::from(Fault::from(HostFault::NoRoom(2)));
        check(TaskError::Run(Box::new(no_room)), 1, "left");
    }
}
