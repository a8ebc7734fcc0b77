//! The context of an activity.

use std::sync::Arc;

use guest_sdk_types::{FromPayloads, IntoPayloads, NamedPayloads, Payload, PayloadError};

use crate::cancel::{CancelReason, Cancellation};
use crate::info::{ActivityInfo, ActivityTask};
use crate::size::{self, TooLarge};

/// The context of an activity: information about its task, heartbeats and cancellation.
///
/// A clone is the same context, for other threads and tasks of the activity.
#[derive(Clone)]
pub struct ActivityContext(Arc<Inner>);

struct Inner {
    info: ActivityInfo,
    headers: NamedPayloads,
    heartbeat_details: Vec<Payload>,
    cancellation: Cancellation,
    record: Box<dyn Fn(Vec<Payload>) + Send + Sync>,
}

impl ActivityContext {
    /// Splits a task into its context and its arguments. The context passes the details of each heartbeat to
    /// `record`.
    ///
    /// Executors call it, and tests that call an activity directly.
    pub fn new(
        task: ActivityTask,
        cancellation: Cancellation,
        record: impl Fn(Vec<Payload>) + Send + Sync + 'static,
    ) -> (Self, Vec<Payload>) {
        let ActivityTask { info, headers, arguments, heartbeat_details } = task;
        let record = Box::new(record);
        (Self(Arc::new(Inner { info, headers, heartbeat_details, cancellation, record })), arguments)
    }

    /// The ids, timeouts and other fields of the activity task.
    pub fn info(&self) -> &ActivityInfo {
        &self.0.info
    }

    /// The headers of the activity, by name.
    pub fn headers(&self) -> &NamedPayloads {
        &self.0.headers
    }

    /// The details of the last heartbeat of earlier attempts; `None` if there is none.
    ///
    /// # Errors
    /// The details could not be decoded as a `T`.
    pub fn heartbeat_details<T: serde::de::DeserializeOwned>(&self) -> Result<Option<T>, PayloadError> {
        if self.0.heartbeat_details.is_empty() {
            return Ok(None);
        }
        <(T,)>::from_payloads(&self.0.heartbeat_details).map(|(details,)| Some(details))
    }

    /// The details of the last heartbeat of earlier attempts, as payloads.
    pub fn raw_heartbeat_details(&self) -> &[Payload] {
        &self.0.heartbeat_details
    }

    /// Records a heartbeat with the progress of the activity. Returns at once, and may be called at every
    /// step: the host sends the newest heartbeat after 0.8 of the heartbeat timeout, at most every 60 s.
    ///
    /// The answer of the service may cancel the activity: see [`ActivityContext::is_cancelled`].
    ///
    /// # Errors
    /// The details could not be encoded, or have more than [`MAX_PAYLOADS_BYTES`](crate::types::MAX_PAYLOADS_BYTES).
    pub fn record_heartbeat<T: serde::Serialize>(&self, details: T) -> Result<(), HeartbeatError> {
        let details = (details,).into_payloads()?;
        size::check_size(&self.0.info.activity_type, "heartbeat details", &details)?;
        (self.0.record)(details);
        Ok(())
    }

    /// Whether the activity is cancelled. It may complete nevertheless; to stop, it returns
    /// [`crate::ActivityError::cancelled`].
    pub fn is_cancelled(&self) -> bool {
        self.cancel_reason().is_some()
    }

    /// Waits until the activity is cancelled.
    pub async fn cancelled(&self) {
        self.0.cancellation.cancelled().await;
    }

    /// Why the activity is cancelled; `None` if it is not.
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.0.cancellation.reason()
    }
}

impl std::fmt::Debug for ActivityContext {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ActivityContext")
            .field("info", &self.0.info)
            .field("cancel_reason", &self.cancel_reason())
            .finish_non_exhaustive()
    }
}

/// Why a heartbeat was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum HeartbeatError {
    /// The details could not be encoded.
    #[error("failed to encode heartbeat details")]
    Encode(#[from] PayloadError),
    /// The details have too many bytes.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}
