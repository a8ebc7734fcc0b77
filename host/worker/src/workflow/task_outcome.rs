//! What the catalog is told of workflow tasks: how those of a canary end, and which runs have closed.

use std::sync::{Arc, Mutex, PoisonError};

use host_core::Completion;
use host_sandbox::Digest;
use host_wire::temporal::api::{enums::v1::CommandType, workflowservice::v1::PollWorkflowTaskQueueResponse};

use super::{
    cached_run::{execution, workflow_type},
    history::PolledHistory,
    task::WorkflowTasks,
};
use crate::{
    modules::{LoadedModule, catalog::TaskOutcome},
    shadow::{Seen, SeenEnd},
};

/// The module on which a task was tried last.
#[derive(Debug, Default)]
pub(super) struct Tried(Mutex<Option<Digest>>);

impl Tried {
    pub(super) fn note(&self, module: &LoadedModule) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(module.digest());
    }

    fn last(&self) -> Option<Digest> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of a run with a completion.
pub(super) fn outcome_of(completion: &Completion) -> TaskOutcome {
    if !completion.ends_run {
        return TaskOutcome::Completed;
    }
    let ending = completion.commands.last().map(|command| command.command_type());
    TaskOutcome::Ended { failed: ending == Some(CommandType::FailWorkflowExecution) }
}

impl WorkflowTasks {
    /// A task was completed, and the service has it.
    pub(super) fn completed(
        &self,
        task: &PollWorkflowTaskQueueResponse,
        module: &LoadedModule,
        outcome: TaskOutcome,
        keep_run: bool,
    ) {
        self.catalog.count_task(&module.digest(), is_first(task), outcome);
        let end = match outcome {
            TaskOutcome::Ended { .. } => SeenEnd::Closed,
            TaskOutcome::Completed | TaskOutcome::Failed if keep_run => SeenEnd::GoesOn,
            TaskOutcome::Completed | TaskOutcome::Failed => SeenEnd::Rewound,
        };
        self.shadow.show(workflow_type(task), || seen(task, end));
        if !matches!(outcome, TaskOutcome::Ended { .. }) {
            return;
        }
        let run_id = execution(task).run_id;
        if self.catalog.moved(&run_id).is_some() {
            let catalog = Arc::clone(&self.catalog);
            tokio::task::spawn_blocking(move || catalog.run_closed(&run_id));
        }
    }

    /// The module failed a task.
    pub(super) fn failed(&self, task: &PollWorkflowTaskQueueResponse, tried: &Tried) {
        if let Some(digest) = tried.last() {
            self.catalog.count_task(&digest, is_first(task), TaskOutcome::Failed);
        }
    }
}

/// What a shadow sees of a task.
fn seen(task: &PollWorkflowTaskQueueResponse, end: SeenEnd) -> Option<Seen> {
    let (events, has_more) = PolledHistory::of(task).ok()?.into_events();
    Some(Seen {
        execution: execution(task),
        workflow_type: workflow_type(task).to_owned(),
        events,
        has_more,
        started_event_id: task.started_event_id,
        end,
    })
}

/// Whether it is the task's first attempt: a task that fails again and again counts once.
fn is_first(task: &PollWorkflowTaskQueueResponse) -> bool {
    task.attempt <= 1
}
