//! Task queues, queries, calls that wait for updates, and heartbeats of workers, which live in memory only.

pub(crate) mod backlog;
pub(crate) mod limits;
pub(crate) mod queries;
mod queue;
pub(crate) mod queue_key;
pub(crate) mod queued;
pub(crate) mod queues;
pub(crate) mod rank;
pub(crate) mod routing;
mod scaling;
mod throughput;
pub(crate) mod updates;
pub(crate) mod workers;
