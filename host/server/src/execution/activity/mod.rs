//! Activities: the commands that schedule and cancel them, their attempts, retries, timeouts and heartbeats.

pub(crate) mod attempt;
pub(crate) mod describe;
pub(crate) mod operate;
#[cfg(test)]
mod operate_tests;
pub(crate) mod options;
pub(crate) mod request_cancel;
pub(crate) mod respond;
pub(crate) mod schedule;
pub(crate) mod state;
pub(crate) mod task;
#[cfg(test)]
mod tests;
