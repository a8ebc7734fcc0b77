//! Moves a run whose module fails it to the module that serves its type now, if that one replays the run and completes
//! the task that fails.

use std::sync::Arc;

use host_sandbox::{Digest, wit::workflow::host::definition::VersioningBehavior};
use host_wire::temporal::api::common::v1::WorkflowExecution;

use super::{
    history::PolledHistory,
    module_finder::ModuleFinder,
    moves::Moves,
    task_error::{Missing, TaskError},
};
use crate::modules::{
    LoadedModule,
    audit::{AuditAction, AuditEntry, AuditedRun},
    catalog::Catalog,
    pinning::ModuleChoice,
};

/// A run that may leave its module.
#[derive(Debug)]
pub(crate) struct Healing {
    /// The module that fails it, or that is missing.
    pub(crate) from: Digest,
    /// The module that is tried.
    pub(crate) to: Arc<LoadedModule>,
    why: String,
}

/// The run of a task, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailedTask<'a> {
    pub(crate) execution: &'a WorkflowExecution,
    pub(crate) polled: &'a PolledHistory,
    pub(crate) workflow_type: &'a str,
    /// The `WorkflowTaskStarted` event of the task before.
    pub(crate) after: i64,
}

impl Healing {
    /// Whether a run may leave its module after this error, and for which one. Only code heals code: limits, faults of the
    /// host, and failures that the workflow returned, as codecs and converters do, never do.
    pub(crate) async fn of(
        task: FailedTask<'_>,
        error: &TaskError,
        finder: &ModuleFinder<'_>,
        moves: &Moves,
    ) -> Option<Self> {
        let from = match error {
            TaskError::Missing(Missing::Module { digest, .. }) => *digest,
            _ if error.is_fault_of_code() => {
                let named = finder.choose(task.execution, task.polled).await.ok()?;
                let ModuleChoice::Named(digest) = named else { return None };
                if !moves.failed(&task.execution.run_id, task.after, digest, &error.to_string()) {
                    return None;
                }
                digest
            }
            _ => return None,
        };
        let served = finder.catalog.serving_type(task.workflow_type)?;
        let to = served.module;
        if to.digest() == from || moves.has_declined(&task.execution.run_id, &to.digest()) {
            return None;
        }
        // One that was rolled back is not healed back to, and a module of which nothing is known is older than any.
        if finder.catalog.position(&from).is_some_and(|position| position > served.position) {
            return None;
        }
        let own = match error {
            TaskError::Missing(_) => None,
            _ => finder.catalog.resolve(&from).await.ok(),
        };
        let definition = own.as_ref().unwrap_or(&to).definition(task.workflow_type)?;
        if definition.versioning_behavior == VersioningBehavior::Pinned {
            return None;
        }
        Some(Self { from, to, why: error.to_string() })
    }

    /// Takes note that the run has moved.
    pub(crate) fn record(self, task: FailedTask<'_>, catalog: &Arc<Catalog>) {
        let Self { from, to, why } = self;
        tracing::warn!(
            %from,
            to = %to.digest(),
            why,
            "a run moved to a newer module, because its own fails its task or is missing"
        );
        let entry = AuditEntry {
            run: Some(AuditedRun {
                workflow_id: task.execution.workflow_id.clone(),
                run_id: task.execution.run_id.clone(),
                why,
            }),
            ..AuditEntry::now(
                "the host",
                AuditAction::Healed,
                vec![from.to_string()],
                to.digest().to_string(),
            )
        };
        let catalog = Arc::clone(catalog);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = catalog.audit(&entry) {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the audit of modules cannot be written");
            }
        });
    }
}
