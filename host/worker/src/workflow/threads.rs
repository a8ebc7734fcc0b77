//! The threads on which guests run.
//!
//! A guest that does not return holds its thread until its deadline, so these are threads of their
//! own, never those of the async runtime. Work goes in as a closure that owns what it needs (a run, a
//! page of history) and comes back with it: one hop per workflow task, none in a replay.
//!
//! Guests that take long have a few threads for themselves, so that any number of them leaves the others theirs:
//! [`pace`](super::pace) says which they are.

mod pool;

use std::{
    any::Any,
    io,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use host_sandbox::Background;
use tokio::sync::oneshot;

use pool::Pool;

/// Threads for each CPU. More than one, so that guests that do not return leave threads to the others
/// until their deadline: the CPUs are then shared by time slices, and not one after another.
const THREADS_PER_CPU: usize = 4;

/// Pieces of work in the queue, per thread. Callers with more wait in [`SandboxThreads::run`].
const QUEUED_PER_THREAD: usize = 4;

/// Pieces of slow work on the threads and in the queue. Each holds one of the worker's slots, of which there are 200
/// unless the configuration says otherwise: with more the slow ones would take them all.
const SLOW_PLACES: usize = 64;

/// Niceness of the threads of slow work: beside any other thread of the host they get a tenth of a processor.
#[cfg(target_os = "linux")]
const SLOW_NICENESS: i32 = 10;

/// Which threads a piece of work is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// For guests that return soon.
    Prompt,
    /// For guests that take long: fewer threads, with low priority.
    Slow,
}

/// A fixed number of threads that run guests.
#[derive(Debug)]
pub struct SandboxThreads {
    prompt: Pool,
    slow: Pool,
    /// What slow work waits for on its thread.
    background: Arc<Background>,
}

/// Why a piece of work has no result.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The work panicked: a fault of the host. What the work owned is dropped.
    #[error("sandbox thread panicked: {message}")]
    Panicked {
        /// The panic message.
        message: String,
    },
    /// More slow work waits than may hold slots.
    #[error("{SLOW_PLACES} calls of slow workflow types wait already")]
    Crowded,
    /// The threads have been shut down.
    #[error("the sandbox threads have been shut down")]
    Closed,
}

impl SandboxThreads {
    /// Starts a few threads for each CPU that the process may use. Slow work takes places of `background`.
    ///
    /// # Errors
    ///
    /// When the system starts no more threads.
    pub fn start(background: Arc<Background>) -> io::Result<Self> {
        let cpus = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::start_with(NonZeroUsize::MIN.saturating_add(cpus * THREADS_PER_CPU - 1), background)
    }

    /// Starts a number of threads, and as many for slow work as `background` has places.
    ///
    /// # Errors
    ///
    /// When the system starts no more threads.
    pub fn start_with(count: NonZeroUsize, background: Arc<Background>) -> io::Result<Self> {
        let prompt = Pool::start("sandbox", count.get(), count.get() * (1 + QUEUED_PER_THREAD), || ())?;
        let slow = Pool::start("sandbox-slow", background.places().get(), SLOW_PLACES, lower_priority)?;
        Ok(Self { prompt, slow, background })
    }

    /// How many threads there are for work that is not slow.
    #[must_use]
    pub fn count(&self) -> usize {
        self.prompt.count()
    }

    /// Runs `work` on one of the threads of a lane. When the future is dropped, work that has been handed in is
    /// still done, and its result dropped there.
    ///
    /// # Errors
    ///
    /// When the work panics, or too much slow work waits.
    pub async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkError> {
        let (pool, place, background) = match lane {
            Lane::Prompt => {
                let place = Arc::clone(&self.prompt.places).acquire_owned().await;
                (&self.prompt, place.map_err(|_| WorkError::Closed)?, None)
            }
            Lane::Slow => {
                let place = Arc::clone(&self.slow.places).try_acquire_owned();
                let background = Arc::clone(&self.background);
                (&self.slow, place.map_err(|_| WorkError::Crowded)?, Some(background))
            }
        };
        let (answer, answered) = oneshot::channel();
        pool.hand_in(Box::new(move || {
            let in_background = background.as_ref().map(|background| background.take());
            let outcome = catch_unwind(AssertUnwindSafe(work));
            drop((in_background, place));
            // The caller may have stopped waiting: then the result is dropped here.
            let _ = answer.send(outcome);
        }))?;
        let outcome = answered.await.map_err(|_| WorkError::Closed)?;
        outcome.map_err(|panic| WorkError::Panicked { message: panic_message(panic.as_ref()) })
    }
}

/// Lowers the priority of this thread; on other systems than Linux that would lower it for the whole process.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(SLOW_NICENESS) {
        tracing::debug!(%error, "slow guests run with the priority of the others");
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Barrier, Mutex, mpsc},
        time::Duration,
    };

    use futures_util::future::join_all;

    use super::*;

    fn threads(count: usize) -> SandboxThreads {
        SandboxThreads::start_with(NonZeroUsize::new(count).unwrap(), Arc::default()).unwrap()
    }

    #[tokio::test]
    async fn work_runs_at_once_on_as_many_threads_as_there_are() {
        let threads = threads(2);
        let barrier = Arc::new(Barrier::new(2));
        let meet = || {
            let barrier = Arc::clone(&barrier);
            threads.run(Lane::Prompt, move || {
                barrier.wait();
                thread::current().name().map(str::to_owned)
            })
        };
        let (one, other) = tokio::join!(meet(), meet());
        assert_ne!(one.unwrap(), other.unwrap());
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_thread_goes_on() {
        let threads = threads(1);
        let panicked = threads.run(Lane::Prompt, || panic!("seven")).await;
        assert!(matches!(panicked, Err(WorkError::Panicked { message }) if message == "seven"));
        assert_eq!(threads.run(Lane::Prompt, || 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn more_work_than_fits_waits_and_is_done() {
        let threads = threads(2);
        let results = join_all((0..100).map(|n| threads.run(Lane::Prompt, move || n))).await;
        let sum: i32 = results.into_iter().map(Result::unwrap).sum();
        assert_eq!(sum, 4950);
    }

    #[tokio::test]
    async fn who_stops_waiting_leaves_no_place_taken() {
        let threads = threads(1);
        for _ in 0..20 {
            let slow = threads.run(Lane::Prompt, || thread::sleep(Duration::from_millis(2)));
            let _ = tokio::time::timeout(Duration::from_micros(10), slow).await;
        }
        assert_eq!(threads.run(Lane::Prompt, || 1).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn slow_work_holds_up_none_that_is_prompt_and_is_refused_when_too_much_waits() {
        let threads = threads(1);
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let mut slow = Vec::new();
        for _ in 0..SLOW_PLACES {
            let released = Arc::clone(&released);
            slow.push(Box::pin(threads.run(Lane::Slow, move || {
                let _ = released.lock().unwrap().recv();
            })));
        }
        // Hands all in.
        let all = join_all(slow);
        tokio::pin!(all);
        assert!(futures_util::poll!(all.as_mut()).is_pending());
        assert_eq!(threads.run(Lane::Prompt, || 7).await.unwrap(), 7);
        assert!(matches!(threads.run(Lane::Slow, || 8).await, Err(WorkError::Crowded)));
        drop(release);
        assert!(all.await.into_iter().all(|done| done.is_ok()));
        assert_eq!(threads.run(Lane::Slow, || 9).await.unwrap(), 9);
    }
}
