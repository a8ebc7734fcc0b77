//! Workflow executions, as functions of (state, input, now): no async, no I/O, no clock, no
//! randomness. Ids and times are inputs; runs that are not in memory are loaded by the caller, see [`loading`].
//!
//! [`run::Run`] is one run, changed by [`fact::Fact`]s only; [`run_transition::RunTransition`] changes one
//! run; [`transition::Transition`] changes a run and others that follow from it; [`executions::Executions`] holds
//! the runs in memory. Each feature is a folder: `state` with its part of a run and the fold of its events, a file
//! for each command and operation, `describe`, tests. `run`, `commands`, `effects` and `pass_time` only dispatch to them.

pub(crate) mod activity;
pub(crate) mod archive;
mod attributes;
pub(crate) mod bounds;
mod buffer;
pub(crate) mod cancel;
pub(crate) mod child;
pub(crate) mod close;
mod commands;
mod cron;
#[cfg(test)]
mod cron_tests;
pub(crate) mod damage;
mod deadline;
pub(crate) mod describe;
mod details;
mod dropped;
pub(crate) mod effects;
mod event;
pub(crate) mod executions;
mod external;
pub(crate) mod fact;
pub(crate) mod failure;
pub(crate) mod history;
pub(crate) mod loading;
mod marker;
pub(crate) mod nexus;
mod open;
pub(crate) mod options;
pub(crate) mod pass_time;
mod plan;
pub(crate) mod priority;
pub(crate) mod record;
pub(crate) mod request;
pub(crate) mod reset;
pub(crate) mod restart;
mod retry;
pub(crate) mod run;
pub(crate) mod run_transition;
pub(crate) mod signal;
pub(crate) mod start;
mod successor;
pub(crate) mod task;
mod timer;
pub(crate) mod token;
pub(crate) mod transition;
pub(crate) mod update;
pub(crate) mod versioning;
mod volatile;
pub(crate) mod worker;
pub(crate) mod workflow_task;

#[cfg(test)]
pub(crate) mod tests;
