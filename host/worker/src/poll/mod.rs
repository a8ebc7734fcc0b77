//! Polls the task queues: each poller reserves a slot, asks the service, and hands the task to the
//! worker. Does not look into tasks.

pub(crate) mod activity_poller;
pub(crate) mod balance;
mod outage;
pub(crate) mod polls;
pub(crate) mod rate;
pub(crate) mod workflow_poller;
