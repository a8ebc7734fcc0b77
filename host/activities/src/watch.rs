//! Finds async activities that block their thread, and names them in the log.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// How long one poll of an activity may take before the log names it.
const BLOCKED_AFTER: Duration = Duration::from_secs(2);

/// The interval between two checks.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Watches async activities from a thread of its own, because all threads of a runtime may be blocked.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    watched: Arc<Mutex<Vec<Weak<Activity>>>>,
    /// Dropping it ends the thread.
    thread: Mutex<Option<mpsc::Sender<()>>>,
}

/// An async activity that runs.
#[derive(Debug)]
struct Activity {
    activity_type: String,
    workflow_id: String,
    polling: Mutex<Option<Polling>>,
}

/// A poll that has not returned.
#[derive(Debug)]
struct Polling {
    since: Instant,
    told: bool,
}

/// A future that is watched.
pub(crate) struct Watched<F> {
    activity: Arc<Activity>,
    future: F,
}

impl Watch {
    /// Watches an activity until the returned future is dropped.
    ///
    /// # Errors
    /// The operating system does not start a thread.
    pub(crate) fn watch<F>(
        &self,
        activity_type: &str,
        workflow_id: Option<&str>,
        future: F,
    ) -> std::io::Result<Watched<F>> {
        self.start()?;
        let activity = Arc::new(Activity {
            activity_type: activity_type.to_owned(),
            workflow_id: workflow_id.unwrap_or_default().to_owned(),
            polling: Mutex::new(None),
        });
        lock(&self.watched).push(Arc::downgrade(&activity));
        Ok(Watched { activity, future })
    }

    fn start(&self) -> std::io::Result<()> {
        let mut thread = lock(&self.thread);
        if thread.is_some() {
            return Ok(());
        }
        let (stop, stopped) = mpsc::channel::<()>();
        let watched = Arc::clone(&self.watched);
        std::thread::Builder::new().name("activity-watch".to_owned()).spawn(move || {
            while stopped.recv_timeout(CHECK_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                check(&watched, Instant::now());
            }
        })?;
        *thread = Some(stop);
        Ok(())
    }
}

fn check(watched: &Mutex<Vec<Weak<Activity>>>, now: Instant) {
    let running: Vec<_> = {
        let mut watched = lock(watched);
        watched.retain(|activity| activity.strong_count() > 0);
        watched.iter().filter_map(Weak::upgrade).collect()
    };
    for activity in running {
        if let Some(blocked) = activity.newly_blocked(now) {
            tracing::warn!(
                activity_type = activity.activity_type,
                workflow_id = activity.workflow_id,
                blocked_ms = u64::try_from(blocked.as_millis()).unwrap_or(u64::MAX),
                "an async activity blocks a thread of the runtime, and other async activities wait for it: \
                 make it a plain `fn`, or call what blocks in `spawn_blocking`"
            );
        }
    }
}

impl Activity {
    /// How long its poll has taken, once for each poll that takes too long.
    fn newly_blocked(&self, now: Instant) -> Option<Duration> {
        let mut polling = lock(&self.polling);
        let polling = polling.as_mut()?;
        let blocked = now.duration_since(polling.since);
        (blocked >= BLOCKED_AFTER && !std::mem::replace(&mut polling.told, true)).then_some(blocked)
    }
}

impl<F: Future + Unpin> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let activity = Arc::clone(&self.activity);
        *lock(&activity.polling) = Some(Polling { since: Instant::now(), told: false });
        // A poll that panics is the last one: the activity is dropped.
        let poll = Pin::new(&mut self.future).poll(context);
        *lock(&activity.polling) = None;
        poll
    }
}

/// What the locks guard stays valid if a thread panics, as each change is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_that_takes_long_is_told_once() {
        let activity =
            Activity { activity_type: "a".to_owned(), workflow_id: String::new(), polling: Mutex::new(None) };
        let start = Instant::now();
        let check = |ms, expected: Option<u64>| {
            let told = activity.newly_blocked(start + Duration::from_millis(ms));
            assert_eq!(told, expected.map(Duration::from_millis), "after {ms} ms");
        };
        check(9_000, None);
        let begin = |ms| {
            let since = start + Duration::from_millis(ms);
            *lock(&activity.polling) = Some(Polling { since, told: false });
        };
        begin(0);
        check(1_999, None);
        check(2_500, Some(2_500));
        check(9_000, None);
        begin(9_000);
        check(9_500, None);
        check(12_000, Some(3_000));
    }
}
