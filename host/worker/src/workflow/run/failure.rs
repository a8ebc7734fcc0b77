//! Why a run cannot go on, and how that is reported to the service.

use host_core::Nondeterminism;
use host_sandbox::{Fault, GuestFault, HostFault};
use host_wire::temporal::api::{
    enums::v1::WorkflowTaskFailedCause,
    failure::v1::{ApplicationFailureInfo, Failure, failure::FailureInfo},
};

use super::payload_limit::TooLarge;
use crate::convert::{self, Malformed};

/// What `Failure.source` says of failures that the host itself reports.
const SOURCE: &str = "workflow-host";

/// Why a run cannot go on. It fails the workflow task, never the execution; the run is dropped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunFailure {
    /// The workflow does not match its history, or the history is broken.
    #[error(transparent)]
    Core(#[from] host_core::Error),
    /// A call into the guest failed.
    #[error(transparent)]
    Sandbox(#[from] Fault),
    /// The guest asked for something that the protocol cannot express.
    #[error("the workflow asked for something malformed: {0}")]
    Malformed(String),
    /// The guest asked for something larger than the service takes.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The module does not define the workflow type.
    #[error("workflow type `{workflow_type}` is not known here; known are: {}", known.join(", "))]
    UnknownType {
        /// The type in the history's first event.
        workflow_type: String,
        /// The types that the module defines.
        known: Vec<String>,
    },
    /// An activation came for a run that was never started: a bug of the host.
    #[error("the first activation has no start")]
    NotStarted,
}

/// What is to blame for a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The workflow does something else than its history says.
    Nondeterminism,
    /// The history is broken, or newer than this host.
    History,
    /// The guest did something wrong.
    Guest,
    /// The guest took more than it may.
    Limit,
    /// No workflow of that type is there.
    UnknownType,
    /// The host itself.
    Host,
}

impl From<Malformed> for RunFailure {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed.to_string())
    }
}

impl RunFailure {
    /// What is to blame.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Core(host_core::Error::Nondeterminism(_)) => FailureKind::Nondeterminism,
            Self::Core(host_core::Error::GuestFault { .. }) => FailureKind::Guest,
            Self::Core(host_core::Error::OutOfOrder { .. }) => FailureKind::Host,
            Self::Core(_) => FailureKind::History,
            Self::Sandbox(Fault::Guest(_)) | Self::Malformed(_) => FailureKind::Guest,
            Self::Sandbox(Fault::Limit(_)) | Self::TooLarge(_) => FailureKind::Limit,
            Self::Sandbox(Fault::Host(_)) | Self::NotStarted => FailureKind::Host,
            Self::UnknownType { .. } => FailureKind::UnknownType,
        }
    }

    /// Whether it is only that too many guests are alive at the moment.
    #[must_use]
    pub fn is_lack_of_room(&self) -> bool {
        matches!(self, Self::Sandbox(Fault::Host(HostFault::NoRoom(_))))
    }

    /// Whether the code of the module is to blame, so that other code may do better: it panicked, trapped, or does not
    /// match the history. A failure that it returned, or a limit, is none.
    #[must_use]
    pub fn is_fault_of_code(&self) -> bool {
        match self {
            Self::Core(host_core::Error::Nondeterminism(_) | host_core::Error::GuestFault { .. }) => true,
            Self::Sandbox(Fault::Guest(GuestFault::Panicked { .. } | GuestFault::Trapped { .. })) => true,
            Self::Core(_)
            | Self::Sandbox(_)
            | Self::Malformed(_)
            | Self::TooLarge(_)
            | Self::UnknownType { .. }
            | Self::NotStarted => false,
        }
    }

    /// The first difference between history and workflow, when that is what is wrong.
    #[must_use]
    pub fn nondeterminism(&self) -> Option<&Nondeterminism> {
        match self {
            Self::Core(host_core::Error::Nondeterminism(difference)) => Some(difference),
            _ => None,
        }
    }

    /// The cause for `RespondWorkflowTaskFailed`.
    #[must_use]
    pub fn cause(&self) -> WorkflowTaskFailedCause {
        match self {
            Self::Core(error) => error.cause(),
            Self::TooLarge(TooLarge::Payloads { .. }) => WorkflowTaskFailedCause::PayloadsTooLarge,
            Self::TooLarge(TooLarge::Completion { .. } | TooLarge::Answer { .. }) => {
                WorkflowTaskFailedCause::GrpcMessageTooLarge
            }
            Self::Sandbox(_) | Self::Malformed(_) | Self::UnknownType { .. } | Self::NotStarted => {
                WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure
            }
        }
    }

    /// Where in the guest it happened: one frame a line. Empty where that is not known.
    #[must_use]
    pub fn backtrace(&self) -> &str {
        match self {
            Self::Sandbox(fault) => fault.details(),
            _ => "",
        }
    }

    /// The failure for `RespondWorkflowTaskFailed`. One that the guest itself returned goes out as it
    /// is, with all its causes.
    #[must_use]
    pub fn into_wire(self) -> Failure {
        let message = self.to_string();
        let kind = self.kind();
        let stack_trace = self.backtrace().to_owned();
        if let Self::Sandbox(Fault::Guest(GuestFault::Failed(links))) = self
            && let Ok(failure) = convert::failure::to_wire(links)
        {
            return convert::failure::fit_event(failure);
        }
        let info = ApplicationFailureInfo { r#type: kind.name().to_owned(), ..Default::default() };
        convert::failure::fit_event(Failure {
            message,
            source: SOURCE.to_owned(),
            stack_trace,
            failure_info: Some(FailureInfo::ApplicationFailureInfo(info)),
            ..Failure::default()
        })
    }
}

impl FailureKind {
    /// The type under which the service shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nondeterminism => "Nondeterminism",
            Self::History => "History",
            Self::Guest => "WorkflowFault",
            Self::Limit => "WorkflowLimit",
            Self::UnknownType => "UnknownWorkflowType",
            Self::Host => "HostFault",
        }
    }
}
