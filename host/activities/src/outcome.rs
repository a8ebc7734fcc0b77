//! The outcome of an attempt, which the worker reports.

use guest_sdk_types::{Failure, Payload};
use serde::{Deserialize, Serialize};

use crate::cancel::CancelReason;
use crate::error::ActivityError;
use crate::failure_type;
use crate::size::check_size;

/// The outcome of an attempt, with the RPC that reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// The result: `RespondActivityTaskCompleted`.
    Completed(Payload),
    /// This attempt failed: `RespondActivityTaskFailed`.
    Failed {
        /// The failure.
        failure: Box<Failure>,
        /// The details of the last heartbeat, for the next attempt.
        last_heartbeat_details: Vec<Payload>,
    },
    /// The activity stopped because it was cancelled: `RespondActivityTaskCanceled`.
    Cancelled {
        /// Details of the cancellation, for the workflow.
        details: Vec<Payload>,
    },
    /// The activity is completed from outside: nothing is reported.
    WillCompleteAsync,
    /// The service has given this attempt up: nothing is reported.
    Lost(CancelReason),
}

impl Outcome {
    /// The outcome of an attempt that failed without heartbeat details.
    pub fn failed(failure: Failure) -> Self {
        Self::Failed { failure: Box::new(failure), last_heartbeat_details: Vec::new() }
    }
}

/// The outcome of what a function returned. If that is too large to be reported, the outcome is a failure
/// that is retried, so that a corrected program can complete the activity.
pub(crate) fn returned(activity: &str, mut result: Result<Payload, ActivityError>) -> Outcome {
    if let Err(ActivityError::Application(failure)) = &mut result {
        failure.truncate_causes();
    }
    let checked = match &result {
        Ok(result) => check_size(activity, "result payloads", std::slice::from_ref(result)),
        Err(ActivityError::Cancelled { details }) => check_size(activity, "cancellation details", details),
        Err(ActivityError::Application(failure)) => match failure.application_failure() {
            Some(application) => check_size(activity, "failure details", &application.details),
            None => Ok(()),
        },
        Err(ActivityError::WillCompleteAsync) => Ok(()),
    };
    if let Err(error) = checked {
        return failed(failure_type::PAYLOADS_TOO_LARGE, error.to_string());
    }
    match result {
        Ok(result) => Outcome::Completed(result),
        Err(ActivityError::Application(failure)) => Outcome::failed(*failure),
        Err(ActivityError::Cancelled { details }) => Outcome::Cancelled { details },
        Err(ActivityError::WillCompleteAsync) => Outcome::WillCompleteAsync,
    }
}

/// What an activity has for interceptors. [`returned`] makes the same outcome of it.
pub(crate) fn result_of(outcome: Outcome) -> Result<Payload, ActivityError> {
    match outcome {
        Outcome::Completed(result) => Ok(result),
        Outcome::Failed { failure, .. } => Err(ActivityError::Application(failure)),
        Outcome::Cancelled { details } => Err(ActivityError::Cancelled { details }),
        Outcome::WillCompleteAsync => Err(ActivityError::WillCompleteAsync),
        // An attempt is given up around its interceptors, not within.
        Outcome::Lost(_) => Err(ActivityError::cancelled()),
    }
}

/// The outcome of a panic: a failure that is retried.
pub(crate) fn panicked(activity: &str, payload: &(dyn std::any::Any + Send)) -> Outcome {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    failed(failure_type::PANIC, format!("activity `{activity}` panicked: {message}"))
}

/// An application failure that this crate reports itself, with a type of [`crate::failure_type`].
pub(crate) fn failed(error_type: &str, message: String) -> Outcome {
    Outcome::failed(Failure::application(error_type, message).build())
}

/// The outcome of an attempt for which the operating system started no thread.
pub(crate) fn no_thread(activity: &str, error: &std::io::Error) -> Outcome {
    failed(failure_type::NO_THREAD, format!("failed to start a thread for activity `{activity}`: {error}"))
}
