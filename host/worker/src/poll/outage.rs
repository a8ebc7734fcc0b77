//! One line in the log for each outage, however many polls fail in it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tonic::Status;

/// Whether the service can be reached, as the polls of a worker find it.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    since: Mutex<Option<Instant>>,
}

impl Outage {
    /// A poll failed.
    pub(crate) fn failed(&self, task_queue: &str, status: &Status) {
        if self.begin(Instant::now()) {
            tracing::warn!(
                task_queue,
                code = ?status.code(),
                error = status.message(),
                "failed to poll, trying again until the service answers"
            );
        }
    }

    /// A poll was answered.
    pub(crate) fn answered(&self, task_queue: &str) {
        if let Some(outage) = self.end(Instant::now()) {
            let outage_ms = u64::try_from(outage.as_millis()).unwrap_or(u64::MAX);
            tracing::info!(task_queue, outage_ms, "the service answers again");
        }
    }

    fn begin(&self, now: Instant) -> bool {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let first = since.is_none();
        since.get_or_insert(now);
        first
    }

    fn end(&self, now: Instant) -> Option<Duration> {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.take().map(|since| now - since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_once() {
        let outage = Outage::default();
        let start = Instant::now();
        assert!(outage.begin(start));
        assert!(!outage.begin(start + Duration::from_secs(1)));
        let later = start + Duration::from_secs(3);
        assert_eq!(outage.end(later), Some(Duration::from_secs(3)));
        assert_eq!(outage.end(later), None);
        assert!(outage.begin(later));
    }
}
