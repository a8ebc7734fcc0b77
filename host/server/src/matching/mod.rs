//! Task queues, queries, and calls that wait for updates, which live in memory only.

pub(crate) mod queries;
pub(crate) mod queue_key;
pub(crate) mod queues;
pub(crate) mod updates;
