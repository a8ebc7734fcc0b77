//! What the service takes from the machine besides storage: the time, new ids, and threads for work
//! that blocks. The simulation replaces all three.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::task::JoinError;
use uuid::Uuid;

use crate::time::Time;

/// Everything that the service takes from outside.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) blocking: Blocking,
}

impl Environment {
    /// The machine's clock, random ids, tokio's threads.
    pub(crate) fn of_the_machine() -> Self {
        Self { clock: Clock::system(), ids: Ids::random(), blocking: Blocking::Threads }
    }
}

/// Answers the current time.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Time + Send + Sync>);

impl Clock {
    /// The machine's wall clock, which may be set while the service runs.
    pub(crate) fn system() -> Self {
        Self::new(system_time)
    }

    /// A clock that answers what a function answers.
    pub(crate) fn new(now: impl Fn() -> Time + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Time {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn system_time() -> Time {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}

/// Makes run ids and request ids: version 4 UUIDs in lower case with hyphens.
pub(crate) struct Ids(Mutex<Box<dyn FnMut() -> Uuid + Send>>);

impl Ids {
    /// Ids from the system's random source.
    pub(crate) fn random() -> Self {
        Self::new(Uuid::new_v4)
    }

    /// Ids that a function makes.
    pub(crate) fn new(next: impl FnMut() -> Uuid + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(next)))
    }

    pub(crate) fn next(&self) -> String {
        (self.0.lock().unwrap_or_else(PoisonError::into_inner))().to_string()
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ids").finish_non_exhaustive()
    }
}

/// Where work runs that blocks its thread, such as reading files.
pub(crate) enum Blocking {
    /// On tokio's threads for blocking work.
    Threads,
    /// On the thread of the caller, after a pause and before another, each as long as a function says.
    #[cfg(test)]
    Here(Box<dyn Fn() -> std::time::Duration + Send + Sync>),
}

impl fmt::Debug for Blocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking").finish_non_exhaustive()
    }
}

impl Blocking {
    /// Does the work and waits for its result.
    ///
    /// # Errors
    ///
    /// When the work panicked, or the runtime ends before the work began.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        match self {
            Self::Threads => tokio::task::spawn_blocking(work).await,
            #[cfg(test)]
            Self::Here(pause) => {
                tokio::time::sleep(pause()).await;
                let done = work();
                tokio::time::sleep(pause()).await;
                Ok(done)
            }
        }
    }
}
