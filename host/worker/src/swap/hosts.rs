//! Keeps in step with other hosts on the data folder.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::swapper::{Swapper, blocking};
use crate::{deadline::at, modules::catalog::StoreWatch};

/// How often the store is looked at for what other hosts have changed.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How often counts of another host's canary are written while nothing fails.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);
/// How long failures are collected before they are written: one write for many.
const COLLECT: Duration = Duration::from_secs(1);

impl Swapper {
    /// Takes over what other hosts change in the store, until `end`.
    pub async fn watch_store(self, end: CancellationToken) {
        let mut watch = StoreWatch::new(Arc::clone(self.catalog()));
        let mut is_read = true;
        while end.run_until_cancelled(sleep(LOOK_INTERVAL)).await.is_some() {
            let looked = blocking(move || {
                let looked = watch.look();
                Ok((watch, looked))
            });
            // The work itself cannot fail.
            let Ok((back, looked)) = looked.await else { return };
            watch = back;
            if let Err(error) = &looked
                && is_read
            {
                let error = error as &dyn std::error::Error;
                tracing::warn!(error, "what other hosts change on the data folder is not known here");
            }
            is_read = looked.is_ok();
        }
    }

    /// Adds what this host counts of the canary to what the host counts that carries it out, until `end`.
    pub async fn follow_canary(self, end: CancellationToken) {
        let mut news = self.catalog().canary_news();
        loop {
            let write = self.catalog().canary().map(|_| Instant::now() + COUNT_INTERVAL);
            let is_end = tokio::select! {
                () = end.cancelled() => true,
                // The catalog has the other end.
                _ = news.changed() => end.run_until_cancelled(sleep(COLLECT)).await.is_none(),
                () = at(write) => false,
            };
            let catalog = Arc::clone(self.catalog());
            if let Err(error) = blocking(move || catalog.add_canary_counts()).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the state of the canary cannot be written");
            }
            if is_end {
                return;
            }
        }
    }
}
