//! Task queues, the polls that wait at them, and queries. All of it lives in memory only.

pub(crate) mod polls;
pub(crate) mod queries;
pub(crate) mod queues;
