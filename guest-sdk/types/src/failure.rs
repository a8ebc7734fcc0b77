//! Failures and the chains of their causes: `temporal.api.failure.v1.Failure`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::payload::{Payload, PayloadError};

/// The number of failures in a chain of causes. A longer chain is cut there.
pub const MAX_FAILURE_DEPTH: usize = 64;

/// A failure and the chain of its causes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The message.
    pub message: String,
    /// The name of the SDK that made the failure; empty if the service made it.
    pub source: String,
    /// The stack trace, in the format of the language; empty if there is none.
    pub stack_trace: String,
    /// The encoded message and stack trace, if a failure converter encrypts them.
    pub encoded_attributes: Option<Payload>,
    /// The kind of failure, with its fields.
    pub info: FailureInfo,
    /// The cause.
    #[serde(with = "crate::causes")]
    pub cause: Option<Box<Failure>>,
}

/// The kind of a failure: the oneof `failure_info` of the protocol.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum FailureInfo {
    /// The failure has no `failure_info`.
    #[default]
    None,
    /// A workflow or an activity reported the failure.
    Application(ApplicationFailure),
    /// A timeout of an activity, a workflow or a Nexus operation.
    Timeout(TimeoutFailure),
    /// A cancellation.
    Canceled(CanceledFailure),
    /// A termination, with the identity that requested it.
    Terminated(String),
    /// A failure of the service; true if it is not retryable.
    Server(bool),
    /// A reset of the workflow interrupted an activity; with its last heartbeat details.
    ResetWorkflow(Vec<Payload>),
    /// An activity failed; the cause is its failure.
    Activity(ActivityFailure),
    /// A child workflow failed; the cause is its failure.
    ChildWorkflow(ChildWorkflowFailure),
    /// A Nexus operation failed; the cause is its failure.
    NexusOperation(NexusOperationFailure),
    /// A handler of a Nexus operation failed.
    NexusHandler(NexusHandlerFailure),
}

/// A failure that a workflow or an activity reported.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApplicationFailure {
    /// The type (`type` in the protocol), which retry policies list as not retryable. Empty if there is none.
    pub error_type: String,
    /// Whether it is not retried, whatever the retry policy says.
    pub non_retryable: bool,
    /// Details, for the caller.
    pub details: Vec<Payload>,
    /// The backoff before the next attempt, instead of the one of the retry policy.
    pub next_retry_delay: Option<Duration>,
    /// How logs and metrics treat it.
    pub category: ApplicationErrorCategory,
}

/// How logs and metrics treat an application failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApplicationErrorCategory {
    /// As an error.
    #[default]
    Unspecified,
    /// As expected: logged at debug level, and not counted as a failure.
    Benign,
}

/// A timeout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeoutFailure {
    /// The timeout that was exceeded.
    pub timeout_type: TimeoutType,
    /// The details of the last heartbeat that the service recorded.
    pub last_heartbeat_details: Vec<Payload>,
}

/// The kind of a timeout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeoutType {
    /// The service did not specify it.
    #[default]
    Unspecified,
    /// From the start of an attempt to its end.
    StartToClose,
    /// From scheduling to the start of an attempt.
    ScheduleToStart,
    /// From scheduling to the end of the last attempt.
    ScheduleToClose,
    /// From one heartbeat to the next.
    Heartbeat,
}

/// A cancellation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CanceledFailure {
    /// Details of the cancellation.
    pub details: Vec<Payload>,
    /// The identity of the worker that reported the cancellation; empty if the protocol names none.
    pub identity: String,
}

/// Why the service retries an attempt, or does not: `temporal.api.enums.v1.RetryState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetryState {
    /// The service did not specify it.
    #[default]
    Unspecified,
    /// It retries.
    InProgress,
    /// The failure is not retryable, or the retry policy lists its type.
    NonRetryableFailure,
    /// A timeout would end before the next attempt.
    Timeout,
    /// The retry policy allows no further attempt.
    MaximumAttemptsReached,
    /// The activity or workflow has no retry policy.
    RetryPolicyNotSet,
    /// The service had an internal error.
    InternalServerError,
    /// Cancellation was requested.
    CancelRequested,
}

/// An activity failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ActivityFailure {
    /// The id of the event that scheduled it.
    pub scheduled_event_id: i64,
    /// The id of the event that started it; 0 if there is none.
    pub started_event_id: i64,
    /// The identity of the worker of the last attempt.
    pub identity: String,
    /// The activity type.
    pub activity_type: String,
    /// The activity id.
    pub activity_id: String,
    /// Why it is not retried.
    pub retry_state: RetryState,
}

/// A child workflow failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChildWorkflowFailure {
    /// The namespace of the child.
    pub namespace: String,
    /// The workflow id of the child.
    pub workflow_id: String,
    /// The run id of the child; empty if it did not start.
    pub run_id: String,
    /// The workflow type of the child.
    pub workflow_type: String,
    /// The id of the event that initiated it.
    pub initiated_event_id: i64,
    /// The id of the event that started it; 0 if there is none.
    pub started_event_id: i64,
    /// Why it is not retried.
    pub retry_state: RetryState,
}

/// A Nexus operation failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NexusOperationFailure {
    /// The id of the event that scheduled it.
    pub scheduled_event_id: i64,
    /// The Nexus endpoint.
    pub endpoint: String,
    /// The Nexus service.
    pub service: String,
    /// The name of the operation.
    pub operation: String,
    /// The operation token; empty if the operation did not start asynchronously.
    pub operation_token: String,
}

/// Whether the service retries a failed Nexus handler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NexusRetryBehavior {
    /// It depends on the type of the error, as the Nexus specification says.
    #[default]
    Unspecified,
    /// It retries, whatever the type is.
    Retryable,
    /// It does not retry, whatever the type is.
    NonRetryable,
}

/// A handler of a Nexus operation failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NexusHandlerFailure {
    /// The type (`type` in the protocol): one of the Nexus specification, such as `BAD_REQUEST`.
    pub error_type: String,
    /// Whether the service retries it.
    pub retry_behavior: NexusRetryBehavior,
}

impl Failure {
    /// A builder of an application failure that is retried as the retry policy says.
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

    /// The first application failure in the chain of causes. The service wraps the failure that an activity
    /// or child workflow reported into an activity or child workflow failure.
    pub fn application_failure(&self) -> Option<&ApplicationFailure> {
        self.chain().find_map(|link| match &link.info {
            FailureInfo::Application(failure) => Some(failure),
            _ => None,
        })
    }

    /// Whether this is a cancellation, or an activity, child workflow or Nexus failure that a cancellation
    /// caused.
    pub fn is_canceled(&self) -> bool {
        for link in self.chain() {
            match &link.info {
                FailureInfo::Canceled(_) => return true,
                FailureInfo::Activity(_) | FailureInfo::ChildWorkflow(_) | FailureInfo::NexusOperation(_) => {
                }
                _ => return false,
            }
        }
        false
    }

    /// Leaves out the causes beyond [`MAX_FAILURE_DEPTH`] links. Takes no stack for a long chain.
    pub fn truncate_causes(&mut self) {
        let mut last = self;
        for _ in 1..MAX_FAILURE_DEPTH {
            match &mut last.cause {
                Some(cause) => last = cause,
                None => return,
            }
        }
        let mut rest = last.cause.take();
        while let Some(mut link) = rest {
            rest = link.cause.take();
        }
    }

    /// A copy of the first [`MAX_FAILURE_DEPTH`] links. Takes no stack for a long chain, as `clone` does.
    #[must_use]
    pub fn clone_truncated(&self) -> Self {
        let copy = |link: &Self| Self {
            message: link.message.clone(),
            source: link.source.clone(),
            stack_trace: link.stack_trace.clone(),
            encoded_attributes: link.encoded_attributes.clone(),
            info: link.info.clone(),
            cause: None,
        };
        let mut links: Vec<Self> = self.chain().map(copy).collect();
        let mut chain = links.pop().unwrap_or_default();
        while let Some(link) = links.pop() {
            chain = Self { cause: Some(Box::new(chain)), ..link };
        }
        chain
    }

    /// This failure and its causes, outermost first; at most [`MAX_FAILURE_DEPTH`] links.
    pub fn chain(&self) -> impl Iterator<Item = &Failure> {
        std::iter::successors(Some(self), |link| link.cause.as_deref()).take(MAX_FAILURE_DEPTH)
    }
}

impl std::fmt::Display for Failure {
    /// The messages of the chain, outermost first, each with the type of its failure.
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
    /// Marks it as not retryable, whatever the retry policy says.
    #[must_use]
    pub fn non_retryable(mut self) -> Self {
        self.failure.non_retryable = true;
        self
    }

    /// Adds one value to the details.
    ///
    /// # Errors
    /// The value could not be encoded: see [`Payload::from_value`].
    pub fn detail<T: Serialize + ?Sized>(mut self, detail: &T) -> Result<Self, PayloadError> {
        self.failure.details.push(Payload::from_value(detail)?);
        Ok(self)
    }

    /// Sets the backoff before the next attempt, instead of the one of the retry policy.
    #[must_use]
    pub fn next_retry_delay(mut self, delay: Duration) -> Self {
        self.failure.next_retry_delay = Some(delay);
        self
    }

    /// Sets the category [`ApplicationErrorCategory::Benign`].
    #[must_use]
    pub fn benign(mut self) -> Self {
        self.failure.category = ApplicationErrorCategory::Benign;
        self
    }

    /// Sets the cause.
    #[must_use]
    pub fn cause(mut self, cause: Failure) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// Makes the failure.
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
