//! Schedules: what starts workflows at the times of a spec.
//!
//! Temporal's server runs a workflow for each schedule (`service/worker/scheduler`). Here a schedule is an entity of
//! the log beside runs, and a step of it ([`step`]) is what an iteration of that workflow is: take the times that have
//! passed, do what a request asks, start what can be started. What it starts is in the same transition, so nothing is
//! started twice, and the end of a workflow that it started reaches it in the transition that closes the run.
//!
//! All schedules are in memory. What is stored of them: [`record`].

pub(crate) mod apply;
mod buffer;
mod canonical;
pub(crate) mod change;
pub(crate) mod close;
mod cron_string;
pub(crate) mod describe;
mod jitter;
pub(crate) mod listed;
mod ranges;
pub(crate) mod record;
pub(crate) mod request;
pub(crate) mod schedules;
pub(crate) mod spec;
pub(crate) mod state;
pub(crate) mod step;
#[cfg(test)]
mod tests;
mod times;
pub(crate) mod update;
