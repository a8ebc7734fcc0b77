//! Retry policies.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When failed attempts are retried: `temporal.api.common.v1.RetryPolicy`.
///
/// The service fills in what is not set: an initial interval of 1 s, a coefficient of 2, a maximum interval
/// of 100 times the initial one, unlimited attempts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Backoff before the second attempt.
    pub initial_interval: Option<Duration>,
    /// The factor from one backoff to the next, at least 1.
    pub backoff_coefficient: Option<f64>,
    /// The upper bound of the backoff.
    pub maximum_interval: Option<Duration>,
    /// The number of attempts. 0 means unlimited, 1 means no retries.
    pub maximum_attempts: u32,
    /// The types of application failures that are not retried.
    pub non_retryable_error_types: Vec<String>,
}

impl RetryPolicy {
    /// A policy without retries: one attempt.
    pub fn none() -> Self {
        Self::default().with_maximum_attempts(1)
    }

    /// Sets the backoff before the second attempt.
    #[must_use]
    pub fn with_initial_interval(mut self, interval: Duration) -> Self {
        self.initial_interval = Some(interval);
        self
    }

    /// Sets the factor from one backoff to the next, at least 1.
    #[must_use]
    pub fn with_backoff_coefficient(mut self, coefficient: f64) -> Self {
        self.backoff_coefficient = Some(coefficient);
        self
    }

    /// Sets the upper bound of the backoff.
    #[must_use]
    pub fn with_maximum_interval(mut self, interval: Duration) -> Self {
        self.maximum_interval = Some(interval);
        self
    }

    /// Sets the number of attempts; 0 means unlimited, 1 means no retries.
    #[must_use]
    pub fn with_maximum_attempts(mut self, attempts: u32) -> Self {
        self.maximum_attempts = attempts;
        self
    }

    /// Adds a type of application failure that is not retried.
    #[must_use]
    pub fn with_non_retryable_error_type(mut self, error_type: impl Into<String>) -> Self {
        self.non_retryable_error_types.push(error_type.into());
        self
    }
}
