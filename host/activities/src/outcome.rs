//! What an attempt came to, as a worker reports it.

use guest_sdk_types::{Failure, Payload};
use serde::{Deserialize, Serialize};

use crate::cancel::CancelReason;
use crate::error::ActivityError;
use crate::failure_type;
use crate::size::check_size;

/// What a worker reports of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// The result: `RespondActivityTaskCompleted`.
    Completed(Payload),
    /// This attempt failed: `RespondActivityTaskFailed`.
    Failed {
        /// Why.
        failure: Box<Failure>,
        /// What the attempt recorded last, for the next one.
        last_heartbeat_details: Vec<Payload>,
    },
    /// It stopped because it was asked to: `RespondActivityTaskCanceled`.
    Cancelled {
        /// Anything more.
        details: Vec<Payload>,
    },
    /// Somebody else reports it: nothing to send.
    WillCompleteAsync,
    /// The service gave this attempt up already: nothing to send.
    Lost(CancelReason),
}

impl Outcome {
    /// A failure without heartbeat details.
    pub fn failed(failure: Failure) -> Self {
        Self::Failed { failure: Box::new(failure), last_heartbeat_details: Vec::new() }
    }
}

/// What a function returned, as an outcome. What is too large to be reported is a failure that is tried
/// again: the next attempt may be that of a corrected program.
pub(crate) fn returned(activity: &str, result: Result<Payload, ActivityError>) -> Outcome {
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

/// A panic of an activity, as a failure that is tried again.
pub(crate) fn panicked(activity: &str, payload: &(dyn std::any::Any + Send)) -> Outcome {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    failed(failure_type::PANIC, format!("activity `{activity}` panicked: {message}"))
}

/// An application failure of a kind that this crate itself reports; tried again.
pub(crate) fn failed(error_type: &str, message: String) -> Outcome {
    Outcome::failed(Failure::application(error_type, message).build())
}
