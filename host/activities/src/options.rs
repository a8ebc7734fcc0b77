//! The limits and timeouts of executors.

use std::path::PathBuf;
use std::time::Duration;

use tokio::runtime::Handle;

/// The configuration of [`Executors`](crate::Executors).
#[derive(Clone, Debug)]
pub struct Options {
    /// The number of slots: activities of all kinds that run at once. Default: 100.
    pub total: usize,
    /// Async activities that run at once. Default: 100.
    pub asynchronous: usize,
    /// Activities that run at once in threads. Default: 32.
    pub threads: usize,
    /// Activities that run at once in child processes. Default: the number of cores.
    pub processes: usize,
    /// Local activities of all kinds that run at once. They are not counted among the others, and have as many places
    /// in threads and in child processes as those. Default: 100.
    pub local: usize,
    /// The runtime of async activities. Default: one of their own, with a thread for each core.
    pub runtime: Option<Handle>,
    /// From cancellation until an activity is dropped, if it runs in a child process or the service has given
    /// it up. Default: 30 s.
    pub cancel_grace: Duration,
    /// Added to the timeouts that the host enforces itself, so that the service enforces them first. A child
    /// process is told when its timeout ends, and killed this much later. Default: 5 s.
    pub timeout_margin: Duration,
    /// The program of child processes. Default: the running program. A test passes the program that it tests.
    pub child_program: Option<PathBuf>,
    /// From the start of a child process until its first message. Default: 10 s.
    pub child_start_timeout: Duration,
}

/// Default of [`Options::total`], [`Options::asynchronous`] and [`Options::local`], as in other Temporal SDKs.
const DEFAULT_ACTIVITIES: usize = 100;

/// Default of [`Options::threads`]: more than there are cores, because blocking activities mostly wait.
const DEFAULT_THREADS: usize = 32;

impl Default for Options {
    fn default() -> Self {
        Self {
            total: DEFAULT_ACTIVITIES,
            asynchronous: DEFAULT_ACTIVITIES,
            threads: DEFAULT_THREADS,
            processes: std::thread::available_parallelism().map_or(1, usize::from),
            local: DEFAULT_ACTIVITIES,
            runtime: None,
            cancel_grace: Duration::from_secs(30),
            timeout_margin: Duration::from_secs(5),
            child_program: None,
            child_start_timeout: Duration::from_secs(10),
        }
    }
}

/// The grace periods of a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// From the start of the shutdown until running activities are cancelled.
    pub finish: Duration,
    /// From then until they are dropped.
    pub stop: Duration,
}
