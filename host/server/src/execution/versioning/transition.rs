//! The way of a run to another version: it begins when a worker of that version gets a task, and ends when such a worker
//! completes a workflow task. Meanwhile no activity starts.

use host_wire::temporal::api::{
    deployment::v1::WorkerDeploymentVersion, enums::v1::VersioningBehavior as Behavior,
};

use crate::execution::{
    fact::{UnrecordedChange, VersionTransition},
    run::Run,
    run_transition::{Effect, RunTransition},
    worker::Worker,
    workflow_task::end::clear_sticky,
};

/// The version and behaviour of a run, to see whether they change.
#[derive(Debug, PartialEq)]
pub(crate) struct Before {
    behavior: Behavior,
    version: Option<WorkerDeploymentVersion>,
    is_in_transition: bool,
}

impl Before {
    pub(crate) fn of(run: &Run) -> Self {
        Self {
            behavior: run.versioning_behavior(),
            version: run.effective_version().cloned(),
            is_in_transition: run.versioning().transition().is_some(),
        }
    }
}

/// Whether a worker that completed a task of a run may have what comes next, without a poll.
pub(crate) fn serves(run: &Run, worker: &Worker) -> bool {
    let pinned = run.pinned_version();
    run.versioning().transition().is_none()
        && pinned.is_none_or(|pinned| worker.deployment.as_ref() == Some(pinned))
}

/// A worker of another version than that of the run gets its workflow task: the run is on its way there.
pub(crate) fn begin(run: &mut RunTransition<'_>, to: Option<&WorkerDeploymentVersion>) {
    if run.effective_version() == to || run.versioning_behavior() == Behavior::Pinned {
        return;
    }
    run.unrecorded(UnrecordedChange::VersionTransition(VersionTransition { version: to.cloned() }));
    clear_sticky(run);
    if run.workflow_tasks().task().is_some_and(|task| task.started.is_none()) {
        run.effect(Effect::WorkflowTask);
    }
}

/// What waits for workers goes to the right ones, where the version or the behaviour has changed.
pub(crate) fn send_tasks_again(run: &mut RunTransition<'_>, before: &Before) {
    if Before::of(run) == *before {
        return;
    }
    if run.workflow_tasks().task().is_some_and(|task| task.started.is_none()) {
        run.effect(Effect::WorkflowTask);
    }
    let activities: Vec<i64> = run.activities().iter().map(|activity| activity.scheduled_event_id).collect();
    activities.into_iter().for_each(|id| run.effect(Effect::Activity(id)));
}
