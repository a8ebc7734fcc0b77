//! How many activities run at once, and how long each thing may take.

use std::path::PathBuf;
use std::time::Duration;

/// What executors are made with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Activities of all kinds at once: how many tasks a worker takes from the service.
    pub total: usize,
    /// Tasks at once.
    pub asynchronous: usize,
    /// Threads of the pool.
    pub threads: usize,
    /// Child processes of the pool.
    pub processes: usize,
    /// From the request to stop until an activity that should not hold its slot any longer is dropped: one
    /// whose result nobody waits for, and any in a child process.
    pub cancel_grace: Duration,
    /// Added to timeouts that the host watches itself, so that the service comes first.
    pub timeout_margin: Duration,
    /// What child processes run; this program if `None`. Tests need it: they are not the program.
    pub child_program: Option<PathBuf>,
    /// From the start of a child process until it is ready.
    pub child_start_timeout: Duration,
}

/// Default of [`Options::total`] and [`Options::asynchronous`], as in other Temporal SDKs.
const DEFAULT_ACTIVITIES: usize = 100;

/// Default of [`Options::threads`]: what blocks on files and sockets needs more of them than cores.
const DEFAULT_THREADS: usize = 32;

impl Default for Options {
    fn default() -> Self {
        Self {
            total: DEFAULT_ACTIVITIES,
            asynchronous: DEFAULT_ACTIVITIES,
            threads: DEFAULT_THREADS,
            processes: std::thread::available_parallelism().map_or(1, usize::from),
            cancel_grace: Duration::from_secs(30),
            timeout_margin: Duration::from_secs(5),
            child_program: None,
            child_start_timeout: Duration::from_secs(10),
        }
    }
}

/// How a host stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// Activities go on undisturbed for this long.
    pub finish: Duration,
    /// Then they are asked to stop, and have this long to do so.
    pub stop: Duration,
}
