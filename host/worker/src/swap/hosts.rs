//! Keeps in step with other hosts on the data folder.

use std::{error::Error, sync::Arc, time::Duration};

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
    /// Takes over what other hosts change in the store, and tells them what is loaded here, until `end`.
    pub async fn watch_store(self, end: CancellationToken) {
        let mut watch = StoreWatch::new(Arc::clone(self.catalog()));
        let (mut is_read, mut is_said) = (true, true);
        loop {
            let catalog = Arc::clone(self.catalog());
            let looked = blocking(move || {
                let looked = watch.look();
                Ok((watch, looked, catalog.say_loaded()))
            });
            // The work itself cannot fail.
            let Ok((back, looked, said)) = looked.await else { return };
            watch = back;
            warn_once(
                &mut is_read,
                looked.err(),
                "what other hosts change on the data folder is not known here",
            );
            warn_once(&mut is_said, said.err(), "other hosts may prune modules that this host has loaded");
            if end.run_until_cancelled(sleep(LOOK_INTERVAL)).await.is_none() {
                return;
            }
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

/// Reports the first of several failures.
fn warn_once(went_well: &mut bool, failure: Option<impl Error + 'static>, message: &'static str) {
    if let Some(error) = &failure
        && *went_well
    {
        tracing::warn!(error = error as &dyn Error, message);
    }
    *went_well = failure.is_none();
}
