//! Task queues and queries, which live in memory only.

pub(crate) mod queries;
pub(crate) mod queue_key;
pub(crate) mod queues;
