//! Worker deployments: which version of the workers of an application gets the tasks of a workflow.
//!
//! Temporal's server runs a workflow for each deployment and for each version (`service/worker/workerdeployment`). Here
//! a deployment with its versions is one entity of the log; changes of it are functions of state, request and now.
//! Polls of versioned workers make deployments, versions and their task queues known ([`register`]). What a run keeps
//! of its version is in [`crate::execution::versioning`], and the queue that a task goes to in
//! [`crate::matching::routing`].

pub(crate) mod delete;
pub(crate) mod deployments;
pub(crate) mod describe;
pub(crate) mod drainage;
pub(crate) mod register;
pub(crate) mod routing;
pub(crate) mod set_current;
pub(crate) mod set_manager;
pub(crate) mod set_ramping;
pub(crate) mod state;
#[cfg(test)]
mod tests;
pub(crate) mod version;
