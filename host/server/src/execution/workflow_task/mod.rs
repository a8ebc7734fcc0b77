//! Workflow tasks: scheduled, handed to workers, completed, failed, timed out; sticky and transient ones.

pub(crate) mod attributes;
pub(crate) mod complete;
pub(crate) mod describe;
pub(crate) mod end;
pub(crate) mod events;
pub(crate) mod fail;
pub(crate) mod schedule;
pub(crate) mod speculative;
#[cfg(test)]
mod speculative_tests;
pub(crate) mod start;
pub(crate) mod state;
pub(crate) mod task;
#[cfg(test)]
mod tests;
pub(crate) mod timeout;
