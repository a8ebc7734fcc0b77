//! Workflow tasks: from the poll to the response, and the runs that they advance.
//!
//! [`run`] is synchronous: a run's state machines and its guest. Around it, `task` moves messages: it
//! takes the run out of the cache or replays it, and sends what the run answers.

pub(crate) mod cache;
pub(crate) mod cached_run;
mod driver_input;
mod eager;
mod healing;
mod history;
mod metrics;
mod module_finder;
pub(crate) mod moves;
pub(crate) mod pace;
pub(crate) mod parking;
mod query_result;
pub mod replay;
pub(crate) mod reporter;
mod response;
pub mod run;
pub(crate) mod task;
mod task_error;
mod task_outcome;
mod threads;

pub use threads::{Lane, SandboxThreads, WorkError};
