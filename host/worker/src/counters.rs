//! Numbers that workers keep about themselves. Each comes through a [`tokio::sync::watch`] channel: the
//! latest value can be read at any time, and a reader can wait for one.

/// Counters of the run cache that the workers of a host share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheCounters {
    /// Runs in the cache now: idle ones, and ones that a task advances.
    pub runs: usize,
    /// Bytes of guest memory that the idle runs hold now.
    pub bytes: usize,
    /// Idle runs that were dropped since the start because the cache was full.
    pub evictions: u64,
}

/// Counters of one worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerCounters {
    /// Workflow tasks that wait now for a module that executes them.
    pub parked_tasks: usize,
    /// Activities since the start that came with the response to a workflow task, without a poll.
    pub eager_activities: u64,
}
