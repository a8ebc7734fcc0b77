//! The types of failures that the host itself reports, as retry policies name them. All of them are tried
//! again unless a policy lists them.

/// The activity is not registered; another host may have it. The name that other Temporal SDKs use.
pub const NOT_FOUND: &str = "NotFoundError";
/// The arguments are not what the activity takes.
pub const INVALID_ARGUMENTS: &str = "InvalidArguments";
/// The result cannot be encoded.
pub const INVALID_RESULT: &str = "InvalidResult";
/// A result or details are larger than history takes.
pub const PAYLOADS_TOO_LARGE: &str = "PayloadsTooLarge";
/// The activity panicked.
pub const PANIC: &str = "Panic";
/// The activity said that it was cancelled, but nobody cancelled it.
pub const NOT_CANCELLED: &str = "NotCancelled";
/// The host stopped before the activity was done.
pub const WORKER_SHUTDOWN: &str = "WorkerShutdown";
/// The activity stopped because it was paused.
pub const ACTIVITY_PAUSE: &str = "ActivityPause";
/// The activity stopped because it was reset.
pub const ACTIVITY_RESET: &str = "ActivityReset";
/// The system gave no thread.
pub const NO_THREAD: &str = "NoThread";
/// There is no child process to run the activity.
pub const NO_PROCESS: &str = "NoProcess";
/// The child process ended before the activity did.
pub const PROCESS_DIED: &str = "ProcessDied";
