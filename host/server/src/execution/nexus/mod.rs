//! Nexus operations: the commands that schedule and cancel them, the calls of their handlers, retries and timeouts, and
//! their completion by what the handlers started. `components/nexusoperations` of Temporal's server.
//!
//! A handler is called by a task for the workers of the endpoint's target. Such a *call* starts an operation or cancels
//! it. Its answer ends the operation, says that it is started, or fails the attempt.

pub(crate) mod answer;
pub(crate) mod call;
pub(crate) mod callback;
pub(crate) mod callback_token;
pub(crate) mod describe;
pub(crate) mod failure;
pub(crate) mod link;
pub(crate) mod request_cancel;
pub(crate) mod schedule;
pub(crate) mod state;
pub(crate) mod task;
#[cfg(test)]
mod tests;
