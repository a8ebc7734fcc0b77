//! Errors of the calls that a workflow makes, and of the workflow itself.

use std::error::Error;

use guest_sdk_types::{Failure, FailureInfo, Payload, PayloadError, TimeoutFailure};
use serde::Serialize;

pub use crate::bindings::workflow::host::activation::ChildStartFailedCause as StartChildWorkflowExecutionFailedCause;
use crate::bindings::workflow::host::workflow::ContinueAsNewOptions;
use crate::cancellation::WorkflowCancellationError;

/// A failure that a workflow or an activity reports, by its name in Temporal's Rust SDK.
pub type ApplicationFailure = Failure;

/// The return type of a `#[run]` method.
pub type WorkflowResult<T> = Result<T, WorkflowTermination>;

/// The end of a run without a result.
#[derive(Debug)]
#[non_exhaustive]
pub enum WorkflowTermination {
    /// The run ends as canceled.
    Cancelled {
        /// Details of the WorkflowExecutionCanceled event.
        details: Vec<Payload>,
    },
    /// The run continues as new: see `continue_as_new`.
    ContinueAsNew(Box<ContinueAsNewRequest>),
    /// The run fails.
    Failed(Box<Failure>),
    /// A value could not be converted. The workflow task fails, so the run goes on once the code is
    /// corrected. To fail the run instead, wrap the error into an [`ApplicationFailure`].
    PayloadConversion(PayloadError),
}

/// The command that continues a run as new.
#[derive(Debug)]
pub struct ContinueAsNewRequest(pub(crate) ContinueAsNewOptions);

impl WorkflowTermination {
    /// Ends the run as canceled, without details.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::Cancelled { details: Vec::new() }
    }

    /// Ends the run as canceled, with details.
    ///
    /// # Errors
    /// The value could not be encoded: see [`Payload::from_value`].
    pub fn cancelled_with_details<T: Serialize + ?Sized>(details: &T) -> Result<Self, PayloadError> {
        Ok(Self::Cancelled { details: vec![Payload::from_value(details)?] })
    }

    /// Fails the run with `failure`.
    #[must_use]
    pub fn failed_application(failure: ApplicationFailure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl std::fmt::Display for WorkflowTermination {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cancelled { .. } => formatter.write_str("workflow cancelled"),
            Self::ContinueAsNew(_) => formatter.write_str("workflow continues as new"),
            Self::Failed(failure) => write!(formatter, "workflow failed: {failure}"),
            Self::PayloadConversion(error) => write!(formatter, "value not converted: {error}"),
        }
    }
}

impl Error for WorkflowTermination {}

impl From<WorkflowCancellationError> for WorkflowTermination {
    fn from(_: WorkflowCancellationError) -> Self {
        Self::cancelled()
    }
}

impl From<Failure> for WorkflowTermination {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl From<PayloadError> for WorkflowTermination {
    fn from(error: PayloadError) -> Self {
        Self::PayloadConversion(error)
    }
}

/// The error types of calls that the service answers with a failure.
macro_rules! call_errors {
    ($($(#[$doc:meta])* $name:ident: $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum $name {
            /// The call failed.
            Failed(Box<Failure>),
            /// The call was cancelled.
            Cancelled(Box<Failure>),
            /// The input or the result could not be converted.
            Serialization(PayloadError),
        }

        impl $name {
            pub(crate) fn of(failure: Failure) -> Self {
                if failure.is_canceled() {
                    Self::Cancelled(Box::new(failure))
                } else {
                    Self::Failed(Box::new(failure))
                }
            }

            /// The failure that the service reported; `None` if a value could not be converted.
            #[must_use]
            pub fn failure(&self) -> Option<&Failure> {
                match self {
                    Self::Failed(failure) | Self::Cancelled(failure) => Some(failure),
                    Self::Serialization(_) => None,
                }
            }

            /// The failure that the activity, child workflow or handler reported: the cause of
            /// [`failure`](Self::failure).
            #[must_use]
            pub fn cause(&self) -> Option<&Failure> {
                self.failure()?.cause.as_deref()
            }

            /// The first application failure in the chain of causes.
            #[must_use]
            pub fn application_failure(&self) -> Option<&guest_sdk_types::ApplicationFailure> {
                self.failure()?.application_failure()
            }

            /// The first timeout in the chain of causes.
            #[must_use]
            pub fn as_timeout(&self) -> Option<&TimeoutFailure> {
                self.failure()?.chain().find_map(|link| match &link.info {
                    FailureInfo::Timeout(timeout) => Some(timeout),
                    _ => None,
                })
            }

            /// Whether the call was cancelled.
            #[must_use]
            pub fn is_cancelled(&self) -> bool {
                matches!(self, Self::Cancelled(_))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    Self::Failed(failure) => write!(formatter, concat!($what, " failed: {}"), failure),
                    Self::Cancelled(failure) => write!(formatter, concat!($what, " cancelled: {}"), failure),
                    Self::Serialization(error) => write!(formatter, concat!($what, ": {}"), error),
                }
            }
        }

        impl Error for $name {}

        impl From<$name> for WorkflowTermination {
            fn from(error: $name) -> Self {
                match error {
                    $name::Failed(failure) | $name::Cancelled(failure) => Self::Failed(failure),
                    $name::Serialization(error) => Self::PayloadConversion(error),
                }
            }
        }

        impl From<PayloadError> for $name {
            fn from(error: PayloadError) -> Self {
                Self::Serialization(error)
            }
        }
    )*};
}

call_errors! {
    /// An activity gave no result.
    ActivityExecutionError: "activity";
    /// A child workflow gave no result.
    ChildWorkflowExecutionError: "child workflow";
    /// A signal was not delivered.
    WorkflowSignalError: "signal";
    /// A request to cancel was not delivered.
    CancelExternalWorkflowError: "request to cancel";
    /// A Nexus operation gave no result.
    NexusOperationError: "Nexus operation";
}

/// A child workflow did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChildWorkflowStartError {
    /// The service rejected the start.
    StartFailed {
        /// The workflow id of the child.
        workflow_id: String,
        /// The workflow type of the child.
        workflow_type: String,
        /// The reason, as the service names it.
        cause: StartChildWorkflowExecutionFailedCause,
    },
    /// The child was cancelled before it started.
    Cancelled(Box<Failure>),
    /// The input could not be encoded.
    Serialization(PayloadError),
}

impl std::fmt::Display for ChildWorkflowStartError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::StartFailed { workflow_id, workflow_type, cause } => {
                let cause = match cause {
                    StartChildWorkflowExecutionFailedCause::Unspecified => "the service gave no reason",
                    StartChildWorkflowExecutionFailedCause::WorkflowAlreadyExists => {
                        "a workflow with this id exists already"
                    }
                    StartChildWorkflowExecutionFailedCause::NamespaceNotFound => {
                        "the namespace does not exist"
                    }
                };
                write!(
                    formatter,
                    "child workflow `{workflow_id}` of type `{workflow_type}` not started: {cause}"
                )
            }
            Self::Cancelled(failure) => write!(formatter, "child workflow cancelled: {failure}"),
            Self::Serialization(error) => write!(formatter, "child workflow: {error}"),
        }
    }
}

impl Error for ChildWorkflowStartError {}

impl From<PayloadError> for ChildWorkflowStartError {
    fn from(error: PayloadError) -> Self {
        Self::Serialization(error)
    }
}

impl From<ChildWorkflowStartError> for ChildWorkflowExecutionError {
    fn from(error: ChildWorkflowStartError) -> Self {
        match error {
            ChildWorkflowStartError::Cancelled(failure) => Self::Cancelled(failure),
            ChildWorkflowStartError::Serialization(error) => Self::Serialization(error),
            ChildWorkflowStartError::StartFailed { .. } => Self::Failed(Box::new(Failure::new(error))),
        }
    }
}

impl From<ChildWorkflowStartError> for WorkflowTermination {
    fn from(error: ChildWorkflowStartError) -> Self {
        ChildWorkflowExecutionError::from(error).into()
    }
}

/// Converts any error into a failure. An error that contains a failure gives it unchanged; other errors
/// become application failures, with their sources as causes.
pub(crate) fn failure_of(error: Box<dyn Error + Send + Sync>) -> Failure {
    macro_rules! known {
        ($($type:ty => $convert:expr),* $(,)?) => {{
            let error = error;
            $(let error = match error.downcast::<$type>() {
                Ok(known) => return ($convert)(*known),
                Err(error) => error,
            };)*
            error
        }};
    }
    let call = |error: WorkflowTermination| match error {
        WorkflowTermination::Failed(failure) => *failure,
        error => Failure::application("", error.to_string()).build(),
    };
    let error = known! {
        Failure => |failure| failure,
        WorkflowTermination => call,
        ActivityExecutionError => |error: ActivityExecutionError| call(error.into()),
        ChildWorkflowStartError => |error: ChildWorkflowStartError| call(error.into()),
        ChildWorkflowExecutionError => |error: ChildWorkflowExecutionError| call(error.into()),
        WorkflowSignalError => |error: WorkflowSignalError| call(error.into()),
        CancelExternalWorkflowError => |error: CancelExternalWorkflowError| call(error.into()),
        NexusOperationError => |error: NexusOperationError| call(error.into()),
    };
    Failure::new(error)
}
