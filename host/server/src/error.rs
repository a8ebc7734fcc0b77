//! Refusals of requests. `status` turns them into gRPC statuses.

use std::sync::Arc;

use crate::execution::damage::Damage;

/// A refusal. Nothing was changed, unless the variant says so.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}")]
    InvalidArgument(String),
    #[error("{0}")]
    NotFound(String),
    #[error("workflow execution already completed")]
    Completed,
    #[error("Namespace {0} is not found.")]
    NamespaceNotFound(String),
    #[error("Namespace {0:?} already exists")]
    NamespaceExists(String),
    /// The namespace is deprecated.
    #[error("Namespace has invalid state: Deprecated. Must be Registered.")]
    NamespaceDeprecated(String),
    #[error("{message}")]
    AlreadyStarted { message: String, request_id: String, run_id: String, first_run_id: String },
    #[error("{message}")]
    Exhausted { message: String, cause: ExhaustedCause },
    #[error("{0}")]
    AlreadyExists(String),
    #[error("{0}")]
    FailedPrecondition(String),
    /// The workflow cannot take the call now.
    #[error("{0}")]
    WorkflowNotReady(String),
    #[error("{0}")]
    PermissionDenied(String),
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Unimplemented(String),
    /// The schedule cannot be read.
    #[error("the schedule {id} is damaged: {reason}")]
    DamagedSchedule { id: String, reason: String },
    /// The batch operation cannot be read.
    #[error("the batch operation {id} is damaged: {reason}")]
    DamagedBatch { id: String, reason: String },
    /// The worker deployment cannot be read.
    #[error("the worker deployment {name} is damaged: {reason}")]
    DamagedDeployment { name: String, reason: String },
    /// The run cannot be read.
    #[error("{0}")]
    Damaged(Arc<Damage>),
}

/// Which resource there was not enough of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExhaustedCause {
    /// The workflow is closing and takes no more input for the moment.
    BusyWorkflow,
    /// Storage is full.
    Storage,
    /// Too many calls wait.
    Waiting,
    /// Too many updates of one workflow are on their way.
    Updates,
    /// Too many batch operations of a namespace are running.
    Batches,
}

impl Error {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::InvalidArgument(message.into())
    }

    pub(crate) fn too_many(what: &str) -> Self {
        Self::Exhausted { message: format!("too many {what}"), cause: ExhaustedCause::Waiting }
    }

    pub(crate) fn no_workflow(workflow_id: &str) -> Self {
        Self::NotFound(format!("workflow not found for ID: {workflow_id}"))
    }

    pub(crate) fn no_schedule() -> Self {
        Self::NotFound("schedule not found".to_owned())
    }

    pub(crate) fn completed() -> Self {
        Self::Completed
    }

    /// A worker is about to close the workflow, or another run follows this one.
    pub(crate) fn closing() -> Self {
        Self::Exhausted {
            message: "workflow operation can not be applied because workflow is closing".to_owned(),
            cause: ExhaustedCause::BusyWorkflow,
        }
    }

    pub(crate) fn no_task() -> Self {
        Self::NotFound("Workflow task not found.".to_owned())
    }

    pub(crate) fn no_nexus_task() -> Self {
        Self::NotFound("Nexus task not found or already expired".to_owned())
    }

    pub(crate) fn no_such_activity() -> Self {
        Self::NotFound(
            "Can't find pending activity with such ID. Invalid activityID or activity already completed"
                .to_owned(),
        )
    }

    pub(crate) fn no_activity() -> Self {
        Self::NotFound(
            "invalid activityID or activity already timed out or invoking workflow is completed".to_owned(),
        )
    }
}
