//! The thread that advances an engine's epoch, in which wasmtime counts deadlines.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Ticks in a deadline: a deadline is late by at most 1/40.
const TICKS_PER_DEADLINE: u32 = 40;
const MIN_TICK: Duration = Duration::from_millis(1);

/// Advances the epoch once for each tick, until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
    ticks: u64,
}

impl Ticker {
    pub(crate) fn start(engine: &wasmtime::Engine, deadline: Duration) -> std::io::Result<Self> {
        let tick = (deadline / TICKS_PER_DEADLINE).max(MIN_TICK);
        // One more, because the first tick may come at once.
        let ticks = deadline.as_nanos().div_ceil(tick.as_nanos()) + 1;
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let thread = std::thread::Builder::new().name("sandbox-epoch".to_owned()).spawn({
            let (stop, engine) = (Arc::clone(&stop), engine.clone());
            move || run(&stop, &engine, tick)
        })?;
        Ok(Self { stop, thread: Some(thread), ticks: u64::try_from(ticks).unwrap_or(u64::MAX) })
    }

    /// The number of ticks after which a call is stopped (`Store::set_epoch_deadline`).
    pub(crate) fn ticks(&self) -> u64 {
        self.ticks
    }
}

fn run(stop: &(Mutex<bool>, Condvar), engine: &wasmtime::Engine, tick: Duration) {
    let mut stopped = stop.0.lock().unwrap_or_else(PoisonError::into_inner);
    while !*stopped {
        (stopped, _) = stop.1.wait_timeout(stopped, tick).unwrap_or_else(PoisonError::into_inner);
        engine.increment_epoch();
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // The thread does not panic, and `drop` cannot report that it did.
            let _ = thread.join();
        }
    }
}
