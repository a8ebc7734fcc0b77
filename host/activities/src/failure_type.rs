//! The types of application failures that the host reports itself. They are retried, unless the retry policy
//! lists them as not retryable.

/// The activity is not registered at this host; another host may have it. Other Temporal SDKs use the same
/// name.
pub const NOT_FOUND: &str = "NotFoundError";
/// The arguments could not be decoded as the parameters of the activity.
pub const INVALID_ARGUMENTS: &str = "InvalidArguments";
/// The result could not be encoded.
pub const INVALID_RESULT: &str = "InvalidResult";
/// The result or the details are larger than the service accepts.
pub const PAYLOADS_TOO_LARGE: &str = "PayloadsTooLarge";
/// The activity panicked.
pub const PANIC: &str = "Panic";
/// The activity returned that it was cancelled, without a request to cancel it.
pub const NOT_CANCELLED: &str = "NotCancelled";
/// The host shut down before the activity ended.
pub const WORKER_SHUTDOWN: &str = "WorkerShutdown";
/// The activity stopped because it was paused.
pub const ACTIVITY_PAUSE: &str = "ActivityPause";
/// The activity stopped because it was reset.
pub const ACTIVITY_RESET: &str = "ActivityReset";
/// The operating system did not start a thread.
pub const NO_THREAD: &str = "NoThread";
/// No child process could be started for the activity.
pub const NO_PROCESS: &str = "NoProcess";
/// The child process ended before the activity ended.
pub const PROCESS_DIED: &str = "ProcessDied";
/// A local activity returned that it is completed from outside, which only activity tasks can be.
pub const COMPLETES_ASYNC: &str = "CompletesAsync";
