//! The cancellation of an attempt and its reason: the attempt sets it once, the activity reads it.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// Why an activity is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CancelReason {
    /// The workflow or a client requested cancellation.
    Requested,
    /// A timeout of this attempt has ended.
    TimedOut,
    /// This host shuts down; the service retries the activity elsewhere.
    WorkerShutdown,
    /// The service does not know this attempt any more, because it timed out or the workflow closed.
    NotFound,
    /// A client paused the activity; the service retries it once it is unpaused.
    Paused,
    /// A client reset the activity; the service retries it.
    Reset,
}

impl CancelReason {
    /// Whether the service has given this attempt up, so that it accepts no outcome.
    pub(crate) fn is_lost(self) -> bool {
        matches!(self, Self::TimedOut | Self::NotFound)
    }
}

/// A cancellation that happens at most once. A clone is the same cancellation.
#[derive(Clone, Debug, Default)]
pub struct Cancellation {
    reason: Arc<OnceLock<CancelReason>>,
    token: CancellationToken,
}

impl Cancellation {
    /// Not cancelled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels. Only the first reason counts.
    pub fn cancel(&self, reason: CancelReason) {
        // Fails if there is a reason already, which stays.
        let _ = self.reason.set(reason);
        self.token.cancel();
    }

    /// The reason, once it is cancelled.
    pub fn reason(&self) -> Option<CancelReason> {
        self.reason.get().copied()
    }

    /// Waits until it is cancelled.
    pub async fn cancelled(&self) {
        self.token.cancelled().await;
    }
}
