//! What an attempt came to, as a worker reports it.

use guest_sdk_types::{Failure, Payload};
use serde::{Deserialize, Serialize};

use crate::cancel::CancelReason;
use crate::error::ActivityError;

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

impl From<Result<Payload, ActivityError>> for Outcome {
    fn from(result: Result<Payload, ActivityError>) -> Self {
        match result {
            Ok(result) => Self::Completed(result),
            Err(ActivityError::Application(failure)) => Self::failed(*failure),
            Err(ActivityError::Cancelled { details }) => Self::Cancelled { details },
            Err(ActivityError::WillCompleteAsync) => Self::WillCompleteAsync,
        }
    }
}

/// A panic of an activity, as a failure that is tried again.
pub(crate) fn panicked(activity: &str, payload: &(dyn std::any::Any + Send)) -> Outcome {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    failed("Panic", format!("activity `{activity}` panicked: {message}"))
}

/// An application failure of a kind that this crate itself reports; tried again.
pub(crate) fn failed(error_type: &str, message: String) -> Outcome {
    Outcome::failed(Failure::application(error_type, message).build())
}
