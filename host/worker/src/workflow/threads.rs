//! The threads on which guests run.
//!
//! A guest that does not return holds its thread until its deadline, so these are threads of their
//! own, never those of the async runtime. Work goes in as a closure that owns what it needs (a run, a
//! page of history) and comes back with it: one hop per workflow task, none in a replay.

use std::{
    any::Any,
    io,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

use tokio::sync::{Semaphore, oneshot};

/// Threads for each CPU. More than one, so that guests that do not return leave threads to the others
/// until their deadline: the CPUs are then shared by time slices, and not one after another.
const THREADS_PER_CPU: usize = 4;

/// Pieces of work in the queue, per thread. Callers with more wait in [`SandboxThreads::run`].
const QUEUED_PER_THREAD: usize = 4;

/// Stack of a sandbox thread in bytes: the guest's stack and the host calls made from it.
const STACK_SIZE_BYTES: usize = 8 * 1024 * 1024;

type Work = Box<dyn FnOnce() + Send>;

/// A fixed number of threads that run guests.
#[derive(Debug)]
pub struct SandboxThreads {
    /// `None` while this is dropped: the threads end with the queue.
    queue: Option<mpsc::Sender<Work>>,
    /// Bounds the pieces of work in the queue and on the threads.
    places: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
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
    /// The threads have been shut down.
    #[error("the sandbox threads have been shut down")]
    Closed,
}

impl SandboxThreads {
    /// Starts a few threads for each CPU that the process may use.
    ///
    /// # Errors
    ///
    /// When the system starts no more threads.
    pub fn start() -> io::Result<Self> {
        let cpus = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::start_with(NonZeroUsize::MIN.saturating_add(cpus * THREADS_PER_CPU - 1))
    }

    /// Starts a number of threads.
    ///
    /// # Errors
    ///
    /// When the system starts no more threads.
    pub fn start_with(count: NonZeroUsize) -> io::Result<Self> {
        let (queue, work) = mpsc::channel::<Work>();
        let work = Arc::new(Mutex::new(work));
        let threads = (0..count.get())
            .map(|index| {
                let work = Arc::clone(&work);
                thread::Builder::new()
                    .name(format!("sandbox-{index}"))
                    .stack_size(STACK_SIZE_BYTES)
                    .spawn(move || serve(&work))
            })
            .collect::<io::Result<_>>()?;
        let places = Arc::new(Semaphore::new(count.get() * (1 + QUEUED_PER_THREAD)));
        Ok(Self { queue: Some(queue), places, threads })
    }

    /// How many threads there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.threads.len()
    }

    /// Runs `work` on one of the threads. When the future is dropped, work that has been handed in is
    /// still done, and its result dropped there.
    ///
    /// # Errors
    ///
    /// When the work panics.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| WorkError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let boxed: Work = Box::new(move || {
            let outcome = catch_unwind(AssertUnwindSafe(work));
            drop(place);
            // The caller may have stopped waiting: then the result is dropped here.
            let _ = answer.send(outcome);
        });
        let queue = self.queue.as_ref().ok_or(WorkError::Closed)?;
        queue.send(boxed).map_err(|_| WorkError::Closed)?;
        let outcome = answered.await.map_err(|_| WorkError::Closed)?;
        outcome.map_err(|panic| WorkError::Panicked { message: panic_message(panic.as_ref()) })
    }
}

impl Drop for SandboxThreads {
    /// Waits until what has been handed in is done.
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // Panics of work are caught; there is nothing left that could have ended the thread.
            let _ = thread.join();
        }
    }
}

fn serve(work: &Mutex<mpsc::Receiver<Work>>) {
    loop {
        // A thread holds the lock only to wait for work, so a poisoned lock protects nothing broken.
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(work) => work(),
            Err(mpsc::RecvError) => return,
        }
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
    use std::{sync::Barrier, time::Duration};

    use futures_util::future::join_all;

    use super::*;

    fn threads(count: usize) -> SandboxThreads {
        SandboxThreads::start_with(NonZeroUsize::new(count).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn work_runs_at_once_on_as_many_threads_as_there_are() {
        let threads = threads(2);
        let barrier = Arc::new(Barrier::new(2));
        let meet = || {
            let barrier = Arc::clone(&barrier);
            threads.run(move || {
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
        let panicked = threads.run(|| panic!("seven")).await;
        assert!(matches!(panicked, Err(WorkError::Panicked { message }) if message == "seven"));
        assert_eq!(threads.run(|| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn more_work_than_fits_waits_and_is_done() {
        let threads = threads(2);
        let results = join_all((0..100).map(|n| threads.run(move || n))).await;
        let sum: i32 = results.into_iter().map(Result::unwrap).sum();
        assert_eq!(sum, 4950);
    }

    #[tokio::test]
    async fn who_stops_waiting_leaves_no_place_taken() {
        let threads = threads(1);
        for _ in 0..20 {
            let slow = threads.run(|| thread::sleep(Duration::from_millis(2)));
            let _ = tokio::time::timeout(Duration::from_micros(10), slow).await;
        }
        assert_eq!(threads.run(|| 1).await.unwrap(), 1);
    }
}
