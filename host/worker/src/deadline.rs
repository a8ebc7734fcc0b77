//! Waits for a deadline that there may be.

use std::future::pending;

use tokio::time::{Instant, sleep_until};

/// Returns at this time. Without one it never returns.
pub(crate) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
