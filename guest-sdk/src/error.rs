//! How calls of a workflow, and the workflow itself, fail.

use std::error::Error;

use guest_sdk_types::{Failure, FailureInfo, Payload, PayloadError, TimeoutFailure};
use serde::Serialize;

use crate::WorkflowCancellationError;
use crate::bindings::workflow::host::workflow::ContinueAsNewOptions;
use crate::child_workflows::StartChildWorkflowExecutionFailedCause;

/// A failure that a workflow or an activity reports, by the name that Temporal's Rust SDK has for it.
pub type ApplicationFailure = Failure;

/// What a `#[run]` method returns.
pub type WorkflowResult<T> = Result<T, WorkflowTermination>;

/// How a run ends without a result.
#[derive(Debug)]
#[non_exhaustive]
pub enum WorkflowTermination {
    /// The run ends as canceled, with these details.
    Cancelled {
        /// Anything more.
        details: Vec<Payload>,
    },
    /// A new run takes the place of this one. Made by `continue_as_new`.
    ContinueAsNew(Box<ContinueAsNewRequest>),
    /// The run fails.
    Failed(Box<Failure>),
    /// A value could not be converted. That is a mistake in the code, so the workflow task fails, and the
    /// run can go on with a better version. To fail the run, wrap the error into an
    /// [`ApplicationFailure`].
    PayloadConversion(PayloadError),
}

/// What a new run is asked for with.
#[derive(Debug)]
pub struct ContinueAsNewRequest(pub(crate) ContinueAsNewOptions);

impl WorkflowTermination {
    /// The run ends as canceled.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::Cancelled { details: Vec::new() }
    }

    /// The run ends as canceled, with details.
    ///
    /// # Errors
    /// As [`Payload::from_value`].
    pub fn cancelled_with_details<T: Serialize + ?Sized>(details: &T) -> Result<Self, PayloadError> {
        Ok(Self::Cancelled { details: vec![Payload::from_value(details)?] })
    }

    /// The run fails with this failure.
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

/// A call that the service answers with a failure: one type for activities, one for children, …
macro_rules! call_errors {
    ($($(#[$doc:meta])* $name:ident: $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum $name {
            /// It failed.
            Failed(Box<Failure>),
            /// It was cancelled.
            Cancelled(Box<Failure>),
            /// Input or output could not be converted.
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

            /// What the service said, outermost first; absent if a value could not be converted.
            #[must_use]
            pub fn failure(&self) -> Option<&Failure> {
                match self {
                    Self::Failed(failure) | Self::Cancelled(failure) => Some(failure),
                    Self::Serialization(_) => None,
                }
            }

            /// What the other side reported: the failure within those that say which call failed.
            #[must_use]
            pub fn cause(&self) -> Option<&Failure> {
                self.failure()?.cause.as_deref()
            }

            /// The application failure that the other side reported.
            #[must_use]
            pub fn application_failure(&self) -> Option<&guest_sdk_types::ApplicationFailure> {
                self.failure()?.application_failure()
            }

            /// The timeout that ran out.
            #[must_use]
            pub fn as_timeout(&self) -> Option<&TimeoutFailure> {
                self.failure()?.chain().find_map(|link| match &link.info {
                    FailureInfo::Timeout(timeout) => Some(timeout),
                    _ => None,
                })
            }

            /// Whether it was cancelled.
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
    /// An activity did not give a result.
    ActivityExecutionError: "activity";
    /// A child workflow did not give a result.
    ChildWorkflowExecutionError: "child workflow";
    /// A signal was not delivered.
    WorkflowSignalError: "signal";
    /// A request to cancel was not delivered.
    CancelExternalWorkflowError: "request to cancel";
    /// A Nexus operation did not give a result.
    NexusOperationError: "Nexus operation";
}

/// A child workflow did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChildWorkflowStartError {
    /// The service refused.
    StartFailed {
        /// The workflow id of the child.
        workflow_id: String,
        /// The workflow type of the child.
        workflow_type: String,
        /// Why.
        cause: StartChildWorkflowExecutionFailedCause,
    },
    /// It was cancelled before it was started.
    Cancelled(Box<Failure>),
    /// The input could not be converted.
    Serialization(PayloadError),
}

impl std::fmt::Display for ChildWorkflowStartError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::StartFailed { workflow_id, workflow_type, cause } => {
                let cause = match cause {
                    StartChildWorkflowExecutionFailedCause::Unspecified => "no reason was given",
                    StartChildWorkflowExecutionFailedCause::WorkflowAlreadyExists => {
                        "a workflow with this id is there already"
                    }
                    StartChildWorkflowExecutionFailedCause::NamespaceNotFound => "there is no such namespace",
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

/// A failure as it travels, of any error: failures that travelled here go on as they are, others become
/// application failures with the causes that they name.
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
