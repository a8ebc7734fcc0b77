//! Failures, and the chain of their causes: `temporal.api.failure.v1.Failure`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::payload::{Payload, PayloadError};

/// Links a chain of failures may have. What comes in longer is cut there.
pub const MAX_FAILURE_DEPTH: usize = 64;

/// A failure, with what caused it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What happened.
    pub message: String,
    /// The SDK that made it.
    pub source: String,
    /// Where it happened.
    pub stack_trace: String,
    /// Message and stack trace, where a payload codec encrypts them.
    pub encoded_attributes: Option<Payload>,
    /// What kind of failure it is.
    pub info: FailureInfo,
    /// What caused it.
    pub cause: Option<Box<Failure>>,
}

/// What kind of failure it is: `failure_info` of the protocol.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum FailureInfo {
    /// Nothing is said.
    #[default]
    None,
    /// A workflow or an activity reported it.
    Application(ApplicationFailure),
    /// A timeout ran out.
    Timeout(TimeoutFailure),
    /// What was asked for was cancelled.
    Canceled(CanceledFailure),
    /// Terminated by this identity.
    Terminated(String),
    /// The service failed; whether it is not retried.
    Server(bool),
    /// The last heartbeat details of an activity that a reset interrupted.
    ResetWorkflow(Vec<Payload>),
    /// An activity failed; the cause says how.
    Activity(ActivityFailure),
    /// A child workflow failed; the cause says how.
    ChildWorkflow(ChildWorkflowFailure),
    /// A Nexus operation failed; the cause says how.
    NexusOperation(NexusOperationFailure),
    /// A Nexus handler failed.
    NexusHandler(NexusHandlerFailure),
}

/// A failure that a workflow or an activity reported.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApplicationFailure {
    /// Named `type` in the protocol; what retry policies list.
    pub error_type: String,
    /// Never tried again, whatever the retry policy says.
    pub non_retryable: bool,
    /// Anything more.
    pub details: Vec<Payload>,
    /// Takes the place of the backoff of the retry policy.
    pub next_retry_delay: Option<Duration>,
    /// How dashboards and alerts see it.
    pub category: ApplicationErrorCategory,
}

/// How a failure is seen by dashboards and alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApplicationErrorCategory {
    /// An error.
    #[default]
    Unspecified,
    /// Expected: no alert, logged at a low level.
    Benign,
}

/// A timeout ran out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeoutFailure {
    /// Which.
    pub timeout_type: TimeoutType,
    /// What the activity last said of itself.
    pub last_heartbeat_details: Vec<Payload>,
}

/// Which timeout ran out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeoutType {
    /// Nothing is said.
    #[default]
    Unspecified,
    /// One attempt took too long.
    StartToClose,
    /// No worker took it in time.
    ScheduleToStart,
    /// All attempts together took too long.
    ScheduleToClose,
    /// No heartbeat in time.
    Heartbeat,
}

/// What was asked for was cancelled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CanceledFailure {
    /// Anything more.
    pub details: Vec<Payload>,
    /// Who cancelled.
    pub identity: String,
}

/// Why nothing was, or will be, tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetryState {
    /// Nothing is said.
    #[default]
    Unspecified,
    /// It will be tried again.
    InProgress,
    /// The failure says so, or the retry policy does.
    NonRetryableFailure,
    /// No time is left.
    Timeout,
    /// No attempt is left.
    MaximumAttemptsReached,
    /// There is no retry policy.
    RetryPolicyNotSet,
    /// The service failed.
    InternalServerError,
    /// Somebody asked to cancel.
    CancelRequested,
}

/// An activity failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ActivityFailure {
    /// The event that scheduled it.
    pub scheduled_event_id: i64,
    /// The event that started it.
    pub started_event_id: i64,
    /// The worker.
    pub identity: String,
    /// Its type.
    pub activity_type: String,
    /// Its id.
    pub activity_id: String,
    /// Why it is not tried again.
    pub retry_state: RetryState,
}

/// A child workflow failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChildWorkflowFailure {
    /// Its namespace.
    pub namespace: String,
    /// Its workflow id.
    pub workflow_id: String,
    /// Its run id.
    pub run_id: String,
    /// Its type.
    pub workflow_type: String,
    /// The event that initiated it.
    pub initiated_event_id: i64,
    /// The event that started it.
    pub started_event_id: i64,
    /// Why it is not tried again.
    pub retry_state: RetryState,
}

/// A Nexus operation failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NexusOperationFailure {
    /// The event that scheduled it.
    pub scheduled_event_id: i64,
    /// Its endpoint.
    pub endpoint: String,
    /// Its service.
    pub service: String,
    /// Its name.
    pub operation: String,
    /// Its token.
    pub operation_token: String,
}

/// Whether a failed Nexus handler is tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NexusRetryBehavior {
    /// As its type says.
    #[default]
    Unspecified,
    /// It is.
    Retryable,
    /// It is not.
    NonRetryable,
}

/// A Nexus handler failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NexusHandlerFailure {
    /// Named `type` in the protocol.
    pub error_type: String,
    /// Whether it is tried again.
    pub retry_behavior: NexusRetryBehavior,
}

impl Failure {
    /// An application failure of this type; tried again as the retry policy says.
    pub fn application(
        error_type: impl Into<String>,
        message: impl Into<String>,
    ) -> ApplicationFailureBuilder {
        ApplicationFailureBuilder {
            message: message.into(),
            failure: ApplicationFailure { error_type: error_type.into(), ..ApplicationFailure::default() },
            cause: None,
        }
    }

    /// A cancellation.
    pub fn canceled(message: impl Into<String>, details: Vec<Payload>) -> Self {
        Self {
            message: message.into(),
            info: FailureInfo::Canceled(CanceledFailure { details, identity: String::new() }),
            ..Self::default()
        }
    }

    /// The application failure at the outermost level or below, which is what most callers look for:
    /// the service wraps it into an activity or child workflow failure.
    pub fn application_failure(&self) -> Option<&ApplicationFailure> {
        self.chain().find_map(|link| match &link.info {
            FailureInfo::Application(failure) => Some(failure),
            _ => None,
        })
    }

    /// Whether this is a cancellation, at any level that only wraps another.
    pub fn is_canceled(&self) -> bool {
        match (&self.info, &self.cause) {
            (FailureInfo::Canceled(_), _) => true,
            (
                FailureInfo::Activity(_) | FailureInfo::ChildWorkflow(_) | FailureInfo::NexusOperation(_),
                Some(cause),
            ) => cause.is_canceled(),
            _ => false,
        }
    }

    /// This failure and its causes, outermost first; at most [`MAX_FAILURE_DEPTH`].
    pub fn chain(&self) -> impl Iterator<Item = &Failure> {
        std::iter::successors(Some(self), |link| link.cause.as_deref()).take(MAX_FAILURE_DEPTH)
    }
}

impl std::fmt::Display for Failure {
    /// The messages of the chain, outermost first.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, link) in self.chain().enumerate() {
            if index > 0 {
                formatter.write_str(": ")?;
            }
            match &link.info {
                FailureInfo::Application(failure) if !failure.error_type.is_empty() => {
                    write!(formatter, "{} ({})", link.message, failure.error_type)?;
                }
                FailureInfo::Activity(failure) if !failure.activity_type.is_empty() => {
                    write!(formatter, "{} ({})", link.message, failure.activity_type)?;
                }
                _ => formatter.write_str(&link.message)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// Builds an application failure.
#[derive(Clone, Debug)]
pub struct ApplicationFailureBuilder {
    message: String,
    failure: ApplicationFailure,
    cause: Option<Box<Failure>>,
}

impl ApplicationFailureBuilder {
    /// Never tried again, whatever the retry policy says.
    #[must_use]
    pub fn non_retryable(mut self) -> Self {
        self.failure.non_retryable = true;
        self
    }

    /// Adds a detail.
    ///
    /// # Errors
    /// As [`Payload::from_value`].
    pub fn detail<T: Serialize + ?Sized>(mut self, detail: &T) -> Result<Self, PayloadError> {
        self.failure.details.push(Payload::from_value(detail)?);
        Ok(self)
    }

    /// Takes the place of the backoff of the retry policy.
    #[must_use]
    pub fn next_retry_delay(mut self, delay: Duration) -> Self {
        self.failure.next_retry_delay = Some(delay);
        self
    }

    /// Expected: no alert, logged at a low level.
    #[must_use]
    pub fn benign(mut self) -> Self {
        self.failure.category = ApplicationErrorCategory::Benign;
        self
    }

    /// What caused it.
    #[must_use]
    pub fn cause(mut self, cause: Failure) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// The failure.
    pub fn build(self) -> Failure {
        Failure {
            message: self.message,
            info: FailureInfo::Application(self.failure),
            cause: self.cause,
            ..Failure::default()
        }
    }
}

impl From<ApplicationFailureBuilder> for Failure {
    fn from(builder: ApplicationFailureBuilder) -> Self {
        builder.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_reads_from_the_outside_in() {
        let failure = Failure {
            message: "Activity task failed".to_owned(),
            info: FailureInfo::Activity(ActivityFailure {
                activity_type: "charge".to_owned(),
                ..ActivityFailure::default()
            }),
            cause: Some(Box::new(
                Failure::application("CardDeclined", "no funds").non_retryable().detail(&7).unwrap().build(),
            )),
            ..Failure::default()
        };
        assert_eq!(failure.to_string(), "Activity task failed (charge): no funds (CardDeclined)");
        let application = failure.application_failure().unwrap();
        assert!(application.non_retryable);
        assert_eq!(application.details[0].to_value::<u8>().unwrap(), 7);
        assert!(!failure.is_canceled());
    }

    #[test]
    fn a_wrapped_cancellation_is_one() {
        let canceled = Failure::canceled("canceled", vec![]);
        let wrapped = Failure {
            info: FailureInfo::Activity(ActivityFailure::default()),
            cause: Some(Box::new(canceled.clone())),
            ..Failure::default()
        };
        let reported = Failure::application("Other", "gave up").cause(canceled.clone()).build();
        assert!(canceled.is_canceled() && wrapped.is_canceled() && !reported.is_canceled());
    }
}
