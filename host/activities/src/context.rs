//! What an activity has in its hands while it runs.

use std::sync::Arc;

use guest_sdk_types::{FromPayloads, IntoPayloads, NamedPayloads, Payload, PayloadError};

use crate::cancel::{CancelReason, Cancellation};
use crate::info::{ActivityInfo, ActivityTask};
use crate::size::{self, TooLarge};

/// The first parameter of every activity: what it may know, heartbeats, and the request to stop.
///
/// Cheap to clone, and may be handed to other threads and tasks of the activity.
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
    /// The context of a task, and its arguments. `record` gets each heartbeat's details.
    ///
    /// Executors call this; so does a test that calls an activity directly.
    pub fn new(
        task: ActivityTask,
        cancellation: Cancellation,
        record: impl Fn(Vec<Payload>) + Send + Sync + 'static,
    ) -> (Self, Vec<Payload>) {
        let ActivityTask { info, headers, arguments, heartbeat_details } = task;
        let record = Box::new(record);
        (Self(Arc::new(Inner { info, headers, heartbeat_details, cancellation, record })), arguments)
    }

    /// Which activity this is, and under which conditions it runs.
    pub fn info(&self) -> &ActivityInfo {
        &self.0.info
    }

    /// Headers, by name.
    pub fn headers(&self) -> &NamedPayloads {
        &self.0.headers
    }

    /// What the attempt before this one recorded last; `None` if it recorded nothing.
    ///
    /// # Errors
    /// The details are not a `T`.
    pub fn heartbeat_details<T: serde::de::DeserializeOwned>(&self) -> Result<Option<T>, PayloadError> {
        if self.0.heartbeat_details.is_empty() {
            return Ok(None);
        }
        <(T,)>::from_payloads(&self.0.heartbeat_details).map(|(details,)| Some(details))
    }

    /// What the attempt before this one recorded last, as payloads.
    pub fn raw_heartbeat_details(&self) -> &[Payload] {
        &self.0.heartbeat_details
    }

    /// Tells the service that the activity is alive and how far it is. Does not wait: it may be called
    /// as often as there is progress, and is sent on at most as often as the heartbeat timeout needs.
    ///
    /// The answer may be that the activity should stop: see [`ActivityContext::is_cancelled`].
    ///
    /// # Errors
    /// The details cannot be encoded, or are larger than a payload may be.
    pub fn record_heartbeat<T: serde::Serialize>(&self, details: T) -> Result<(), HeartbeatError> {
        let details = (details,).into_payloads()?;
        size::check_size(&self.0.info.activity_type, "heartbeat details", &details)?;
        (self.0.record)(details);
        Ok(())
    }

    /// Whether the activity should stop. It may finish nevertheless; to stop, return
    /// [`crate::ActivityError::cancelled`].
    pub fn is_cancelled(&self) -> bool {
        self.cancel_reason().is_some()
    }

    /// Waits until the activity should stop.
    pub async fn cancelled(&self) {
        self.0.cancellation.cancelled().await;
    }

    /// Why the activity should stop, if it should.
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
    /// The details have no encoding.
    #[error("failed to encode heartbeat details")]
    Encode(#[from] PayloadError),
    /// The details are larger than a payload may be.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}
