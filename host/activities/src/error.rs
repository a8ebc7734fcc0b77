//! The error type of activities. [`crate::Outcome`] is what the worker reports.

use guest_sdk_types::{
    ApplicationFailure, CanceledFailure, Failure, FailureInfo, MAX_FAILURE_DEPTH, Payload, PayloadError,
};
use serde::Serialize;

/// Why an activity gives no result.
///
/// `?` converts every error into an application failure that is retried as the retry policy says, with the
/// sources of the error as causes. [`Failure::application`] builds one with a type, details, a delay before
/// the next attempt, or without retries:
///
/// ```
/// # use host_activities::{ActivityError, types::Failure};
/// fn charge(amount: u64) -> Result<(), ActivityError> {
///     if amount > 1_000 {
///         return Err(Failure::application("CardDeclined", "no funds").non_retryable().build().into());
///     }
///     std::fs::write("/dev/null", amount.to_string())?;
///     Ok(())
/// }
/// # assert!(charge(1).is_ok() && charge(2_000).is_err());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum ActivityError {
    /// This attempt failed.
    Application(Box<Failure>),
    /// The activity stopped because it was cancelled: see [`crate::ActivityContext::is_cancelled`].
    Cancelled {
        /// Details of the cancellation, for the workflow.
        details: Vec<Payload>,
    },
    /// The activity is completed from outside the worker, with the task token of [`crate::ActivityInfo`].
    WillCompleteAsync,
}

impl ActivityError {
    /// The activity stopped because it was cancelled.
    pub fn cancelled() -> Self {
        Self::Cancelled { details: Vec::new() }
    }

    /// The activity stopped because it was cancelled, with details for the workflow.
    ///
    /// # Errors
    /// The details could not be encoded: see [`Payload::from_value`].
    pub fn cancelled_with_details<T: Serialize + ?Sized>(details: &T) -> Result<Self, PayloadError> {
        Ok(Self::Cancelled { details: vec![Payload::from_value(details)?] })
    }

    /// Converts an error as `?` does, into a failure that is not retried.
    pub fn non_retryable(error: impl Into<anyhow::Error>) -> Self {
        let mut converted = Self::from(error);
        if let Self::Application(failure) = &mut converted
            && let FailureInfo::Application(application) = &mut failure.info
        {
            application.non_retryable = true;
        }
        converted
    }

    /// An application failure that this crate reports itself, with a type of [`crate::failure_type`].
    pub(crate) fn of_type(error_type: &str, message: String) -> Self {
        Self::Application(Box::new(Failure::application(error_type, message).build()))
    }
}

impl<E: Into<anyhow::Error>> From<E> for ActivityError {
    fn from(error: E) -> Self {
        let error = error.into();
        let failure = match error.downcast_ref::<Failure>() {
            Some(failure) if matches!(failure.info, FailureInfo::Canceled(_)) => failure.clone_truncated(),
            _ => from_chain(&error),
        };
        match failure.info {
            FailureInfo::Canceled(CanceledFailure { details, .. }) => Self::Cancelled { details },
            _ => Self::Application(Box::new(failure)),
        }
    }
}

/// Converts an error and its sources into application failures. A [`Failure`] ends the chain unchanged; the
/// failures that wrap it take over its type and whether it is retryable.
fn from_chain(error: &anyhow::Error) -> Failure {
    let mut messages = Vec::new();
    let mut innermost = None;
    for source in error.chain().take(MAX_FAILURE_DEPTH) {
        if let Some(failure) = source.downcast_ref::<Failure>() {
            innermost = Some(failure.clone_truncated());
            break;
        }
        messages.push(source.to_string());
    }
    let application = innermost
        .as_ref()
        .and_then(Failure::application_failure)
        .map(|failure| ApplicationFailure { details: Vec::new(), ..failure.clone() })
        .unwrap_or_default();
    let wrap = |cause: Option<Failure>, message| {
        let info = FailureInfo::Application(application.clone());
        Some(Failure { message, info, cause: cause.map(Box::new), ..Failure::default() })
    };
    messages.into_iter().rev().fold(innermost, wrap).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application(error: ActivityError) -> Failure {
        match error {
            ActivityError::Application(failure) => *failure,
            other => panic!("expected an application failure, got {other:?}"),
        }
    }

    fn check(error: ActivityError, expected: &str, non_retryable: bool) {
        let failure = application(error);
        assert_eq!(failure.to_string(), expected);
        assert_eq!(failure.application_failure().unwrap().non_retryable, non_retryable);
    }

    fn declined() -> Failure {
        Failure::application("CardDeclined", "no funds").non_retryable().build()
    }

    #[test]
    fn errors_become_failures_with_causes() {
        let io = || std::io::Error::other("disk full");
        check(io().into(), "disk full", false);
        check(ActivityError::non_retryable(io()), "disk full", true);
        check(anyhow::Error::new(io()).context("saving").into(), "saving: disk full", false);
        check(declined().into(), "no funds (CardDeclined)", true);
        let charging = anyhow::Error::new(declined()).context("charging");
        check(charging.into(), "charging (CardDeclined): no funds (CardDeclined)", true);
    }

    #[test]
    fn a_cancellation_stays_one() {
        let canceled = Failure::canceled("stopped", vec![Payload::from_value(&7).unwrap()]);
        let expected = ActivityError::cancelled_with_details(&7).unwrap();
        assert_eq!(ActivityError::from(canceled.clone()), expected);
        assert_eq!(ActivityError::from(anyhow::Error::new(canceled).context("copying")), expected);
    }
}
