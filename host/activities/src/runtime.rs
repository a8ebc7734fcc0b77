//! The async runtime of activities: one of their own, so that a function that blocks its thread holds up
//! other async activities at most, and neither polls nor heartbeats nor the embedded service.

use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

/// The fewest threads of the runtime: one blocked thread then leaves another.
const MIN_THREADS: usize = 2;

/// The runtime, which starts with the first async activity.
#[derive(Debug)]
pub(crate) struct ActivityRuntime {
    given: Option<Handle>,
    own: Mutex<Option<Runtime>>,
}

impl ActivityRuntime {
    /// Async activities run on `given`, or on a runtime of their own if it is `None`.
    pub(crate) fn new(given: Option<Handle>) -> Self {
        Self { given, own: Mutex::default() }
    }

    /// # Errors
    /// The operating system does not start its threads.
    pub(crate) fn handle(&self) -> std::io::Result<Handle> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*own {
            return Ok(runtime.handle().clone());
        }
        let threads = std::thread::available_parallelism().map_or(MIN_THREADS, usize::from).max(MIN_THREADS);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("activity-async")
            .enable_all()
            .build()?;
        Ok(own.insert(runtime).handle().clone())
    }
}

impl Drop for ActivityRuntime {
    /// Does not wait for threads that an activity blocks.
    fn drop(&mut self) {
        let own = self.own.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = own.take() {
            runtime.shutdown_background();
        }
    }
}
