//! The host as a Worker Deployment: each module is a version of it, and the service says which version gets which
//! workflow tasks.
//!
//! A worker that is a version executes every task that it gets on that version's module. Which versions a host polls
//! for, `plan` says; [`VersionedWorkers`] begins and ends their workers. Nothing here moves a run: the service does.

mod plan;
pub(crate) mod version;
mod versions;

pub use version::{BadName, Deployment, WorkerVersion};
pub use versions::VersionedWorkers;
