//! Bounds of what a run and a request may be. The protocol's own where it names some.

use std::time::Duration;

/// Longest workflow id, type, queue name, signal name, activity id, timer id.
pub(crate) const ID_BYTES: usize = 1_000;
/// Largest input, result, details or other payloads of one field.
pub(crate) const BLOB_BYTES: usize = host_wire::MAX_PAYLOADS_BYTES;
/// Largest memo.
pub(crate) const MEMO_BYTES: usize = 2 * 1024 * 1024;
/// Most events of a run; one with more is terminated.
pub(crate) const HISTORY_EVENTS: usize = 51_200;
/// Most bytes of a run's history; one with more is terminated.
pub(crate) const HISTORY_BYTES: usize = 50 * 1024 * 1024;
/// Events from which workers are told to continue as new.
pub(crate) const SUGGEST_CONTINUE_AS_NEW_EVENTS: usize = 4_096;
/// Bytes of history from which workers are told to continue as new.
pub(crate) const SUGGEST_CONTINUE_AS_NEW_BYTES: usize = 4 * 1024 * 1024;
/// Open activities, children, external signals and external cancellations of a run, each.
pub(crate) const PENDING: usize = 2_000;
/// Signals that a run accepts.
pub(crate) const SIGNALS: usize = 10_000;
/// Time for a worker to complete a workflow task, where the start says nothing.
pub(crate) const DEFAULT_WORKFLOW_TASK_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time for a workflow task that a start may ask for.
pub(crate) const WORKFLOW_TASK_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest time that an attempt of a workflow task gets which failed before.
pub(crate) const RETRIED_WORKFLOW_TASK_TIMEOUT: Duration = Duration::from_secs(600);
/// Shortest distance of a run from the one it continues, so that a workflow that continues as new
/// for ever does not take a whole core.
pub(crate) const CONTINUE_AS_NEW_INTERVAL: Duration = Duration::from_secs(1);
/// Longest time for which workflow tasks may complete only to ask for another.
pub(crate) const TASK_HEARTBEATS: Duration = Duration::from_secs(1_800);
