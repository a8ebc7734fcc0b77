//! The request to stop, and why: set once by whoever supervises an attempt, read by the activity.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// Why an activity is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CancelReason {
    /// The workflow, or somebody else, cancelled it.
    Requested,
    /// A timeout of this attempt ran out.
    TimedOut,
    /// This host is stopping; the activity is tried again elsewhere.
    WorkerShutdown,
    /// The service does not know this attempt any more: it timed out, or the workflow closed.
    NotFound,
    /// Somebody paused it; it is tried again once it is unpaused.
    Paused,
    /// Somebody reset it; it is tried again.
    Reset,
}

impl CancelReason {
    /// Nobody waits for what this attempt comes to.
    pub(crate) fn is_lost(self) -> bool {
        matches!(self, Self::TimedOut | Self::NotFound)
    }
}

/// A request to stop that is made at most once.
#[derive(Clone, Debug, Default)]
pub struct Cancellation {
    reason: Arc<OnceLock<CancelReason>>,
    token: CancellationToken,
}

impl Cancellation {
    /// Nobody asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks to stop. The first reason stays.
    pub fn cancel(&self, reason: CancelReason) {
        // A later reason changes nothing for the activity, which stops already.
        let _ = self.reason.set(reason);
        self.token.cancel();
    }

    /// Why, once somebody asked.
    pub fn reason(&self) -> Option<CancelReason> {
        self.reason.get().copied()
    }

    /// Waits until somebody asks.
    pub async fn cancelled(&self) {
        self.token.cancelled().await;
    }
}
