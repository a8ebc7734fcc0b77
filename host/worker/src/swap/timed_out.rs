//! Has the service count the runs of a canary that timed out: no worker hears of their end.
//!
//! Those that a person terminated or deleted are not counted, and those that were cancelled are counted by the worker, as
//! runs that did not fail: they say something of the person's plans and nothing of the module. The service's lists do not
//! say who terminated a run, so one that the service terminated for the size of its history is not counted either.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::swapper::{Swapper, blocking};
use crate::{
    gate::quoted,
    modules::{build_id, canary::CanaryState},
};

/// How often the service is asked while there is a canary.
const INTERVAL: Duration = Duration::from_secs(5);

/// The present window of a canary, and since when it is seen.
struct Window {
    digest: String,
    since_ms: u64,
    seen: Instant,
}

impl Swapper {
    /// Has the service count while there is a canary, until `end`.
    pub async fn watch_timed_out_runs(self, end: CancellationToken) {
        let mut news = self.catalog().canary_news();
        let mut window = None;
        let mut is_answered = true;
        while !end.is_cancelled() {
            let Some(state) = self.catalog().canary() else {
                tokio::select! {
                    () = end.cancelled() => {}
                    // The catalog has the other end.
                    _ = news.changed() => {}
                }
                continue;
            };
            let counted = self.count_timed_out(&state, &mut window).await;
            if let Err(status) = &counted
                && is_answered
            {
                let reason = status.message();
                tracing::warn!(
                    digest = state.digest,
                    reason,
                    "which runs of the canary timed out is not known"
                );
            }
            is_answered = counted.is_ok();
            tokio::select! {
                () = end.cancelled() => {}
                // What has timed out by the first answer was before it: so the service is asked at once of one that begins.
                () = self.another_canary(&state.digest, &mut news) => {}
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }

    /// Waits until the canary is another one, or there is none.
    async fn another_canary(&self, digest: &str, news: &mut watch::Receiver<()>) {
        while self.catalog().canary().is_some_and(|state| state.digest == digest) {
            if news.changed().await.is_err() {
                std::future::pending().await
            }
        }
    }

    async fn count_timed_out(&self, state: &CanaryState, window: &mut Option<Window>) -> Result<(), Status> {
        let Some(digest) = build_id::parse_digest(&state.digest) else { return Ok(()) };
        let (since_ms, end_ms) = (state.timed_out.since_ms, state.timed_out.end_ms());
        let is_same = |window: &&mut Window| window.digest == state.digest && window.since_ms == since_ms;
        let seen = match window.as_mut().filter(is_same) {
            Some(window) => window.seen.elapsed(),
            None => {
                *window = Some(Window { digest: state.digest.clone(), since_ms, seen: Instant::now() });
                Duration::ZERO
            }
        };
        let closed = format!(
            "ExecutionStatus = \"TimedOut\" AND TaskQueue IN ({}) AND CloseTime >= {}",
            quoted(self.task_queues()),
            time(since_ms)
        );
        let count = self.count_runs(&digest, &closed).await?;
        if state.clone().count_timed_out(count) {
            self.update_timed_out(state, move |state| state.count_timed_out(count)).await;
        }
        if !state.timed_out.is_over(seen) {
            return Ok(());
        }
        let count = self.count_runs(&digest, &format!("{closed} AND CloseTime < {}", time(end_ms))).await?;
        let begin_next = move |state: &mut CanaryState| {
            let is_this = state.timed_out.since_ms == since_ms;
            if is_this {
                state.timed_out.begin_next(count);
            }
            is_this
        };
        self.update_timed_out(state, begin_next).await;
        Ok(())
    }

    async fn update_timed_out(
        &self,
        state: &CanaryState,
        change: impl FnOnce(&mut CanaryState) -> bool + Send + 'static,
    ) {
        let (catalog, digest) = (Arc::clone(self.catalog()), state.digest.clone());
        let written = blocking(move || catalog.count_timed_out(&digest, change)).await;
        if let Err(error) = written {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the state of the canary cannot be written");
        }
    }
}

/// A time, in milliseconds since 1970, as list filters have it.
fn time(milliseconds: u64) -> String {
    let since_1970 = Duration::from_millis(milliseconds);
    let time = prost_types::Timestamp {
        seconds: i64::try_from(since_1970.as_secs()).unwrap_or_default(),
        nanos: i32::try_from(since_1970.subsec_nanos()).unwrap_or_default(),
    };
    format!("\"{time}\"")
}

#[cfg(test)]
mod tests {
    #[test]
    fn times() {
        assert_eq!(super::time(0), "\"1970-01-01T00:00:00Z\"");
        assert_eq!(super::time(1_764_235_398_250), "\"2025-11-27T09:23:18.250Z\"");
    }
}
