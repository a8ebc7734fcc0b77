//! Constructors of application failures, by the names of Temporal's Rust SDK.

use std::error::Error;
use std::time::Duration;

use serde::Serialize;

use crate::failure::{ApplicationErrorCategory, ApplicationFailure, Failure, FailureInfo, MAX_FAILURE_DEPTH};
use crate::payload::{Payload, PayloadError};

/// Builds an application failure from an error or a message.
#[derive(Clone, Debug)]
#[must_use]
pub struct FailureBuilder {
    failure: Failure,
    info: ApplicationFailure,
}

impl Failure {
    /// An application failure that is retried as the retry policy says. The sources of an error become the
    /// causes of the failure; a [`Failure`] is returned unchanged.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        match source.into().downcast::<Self>() {
            Ok(failure) => *failure,
            Err(source) => Self::builder(source).build(),
        }
    }

    /// An application failure that is not retried, whatever the retry policy says.
    pub fn non_retryable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::builder(source).non_retryable(true).build()
    }

    /// A builder of an application failure with a type, details and other fields.
    ///
    /// ```
    /// # use guest_sdk_types::Failure;
    /// let failure = Failure::builder("no funds")
    ///     .type_name("CardDeclined")
    ///     .non_retryable(true)
    ///     .details(&7)?
    ///     .build();
    /// assert_eq!(failure.type_name(), Some("CardDeclined"));
    /// # Ok::<(), guest_sdk_types::PayloadError>(())
    /// ```
    pub fn builder(source: impl Into<Box<dyn Error + Send + Sync>>) -> FailureBuilder {
        let source = source.into();
        let cause = source.source().map(|cause| Box::new(cause_of(cause, 1)));
        let failure = Self { message: source.to_string(), cause, ..Self::default() };
        FailureBuilder { failure, info: ApplicationFailure::default() }
    }

    /// The type of the first application failure in the chain of causes; `None` if there is none, or its type
    /// is empty.
    pub fn type_name(&self) -> Option<&str> {
        let info = self.application_failure()?;
        (!info.error_type.is_empty()).then_some(info.error_type.as_str())
    }

    /// Whether the first application failure in the chain of causes is marked as not retryable.
    pub fn is_non_retryable(&self) -> bool {
        self.application_failure().is_some_and(|info| info.non_retryable)
    }
}

impl FailureBuilder {
    /// Sets the type, which retry policies list as not retryable and callers compare with.
    pub fn type_name(mut self, name: impl Into<String>) -> Self {
        self.info.error_type = name.into();
        self
    }

    /// Sets whether it is not retried, whatever the retry policy says. Default: false.
    pub fn non_retryable(mut self, non_retryable: bool) -> Self {
        self.info.non_retryable = non_retryable;
        self
    }

    /// Sets the backoff before the next attempt, instead of the one of the retry policy.
    pub fn next_retry_delay(mut self, delay: Duration) -> Self {
        self.info.next_retry_delay = Some(delay);
        self
    }

    /// Sets the category. Default: [`ApplicationErrorCategory::Unspecified`], an error.
    pub fn category(mut self, category: ApplicationErrorCategory) -> Self {
        self.info.category = category;
        self
    }

    /// Adds one value to the details. It can be called several times.
    ///
    /// # Errors
    /// The value could not be encoded: see [`Payload::from_value`].
    pub fn details<T: Serialize + ?Sized>(mut self, details: &T) -> Result<Self, PayloadError> {
        self.info.details.push(Payload::from_value(details)?);
        Ok(self)
    }

    /// Sets the cause.
    pub fn cause(mut self, cause: impl Into<Failure>) -> Self {
        self.failure.cause = Some(Box::new(cause.into()));
        self
    }

    /// Makes the failure.
    #[must_use]
    pub fn build(self) -> Failure {
        Failure { info: FailureInfo::Application(self.info), ..self.failure }
    }
}

/// The source of an error and the sources below it, as a chain of failures.
fn cause_of(error: &(dyn Error + 'static), depth: usize) -> Failure {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.clone_truncated();
    }
    let cause = error.source().filter(|_| depth < MAX_FAILURE_DEPTH);
    let mut failure = Failure::application("", error.to_string()).build();
    failure.cause = cause.map(|cause| Box::new(cause_of(cause, depth + 1)));
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_become_causes() {
        let inner = std::io::Error::other("disk full");
        let middle = Failure::builder("not stored").type_name("Storage").cause(Failure::new(inner)).build();
        let outer = Failure::new(std::io::Error::other(middle.clone()));
        assert_eq!(outer.to_string(), "not stored (Storage): disk full");
        assert_eq!(Failure::new(middle.clone()), middle);
        assert!(Failure::non_retryable("no").is_non_retryable());
    }
}
