//! Batch operations: one request, done to every run that a filter selects or the request names.
//!
//! Temporal's server runs a workflow for each (`service/worker/batcher`). Here a batch operation is an entity of the
//! log. What it does to a run and how far it is then are in the same transition, so a crash neither repeats nor skips
//! one; only deletions are in two steps ([`run`]). Runs are taken by falling number, from those that were there when it
//! started: that order does not change, and what the operation itself makes (runs of resets) is not in it.

mod activities;
pub(crate) mod batches;
pub(crate) mod describe;
pub(crate) mod operation;
mod pace;
pub(crate) mod record;
pub(crate) mod request;
mod reset_point;
pub(crate) mod run;
pub(crate) mod select;
pub(crate) mod state;
