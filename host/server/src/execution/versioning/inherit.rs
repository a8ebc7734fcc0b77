//! What children and following runs inherit.

use host_wire::temporal::api::{
    deployment::v1::WorkerDeploymentVersion, enums::v1::TaskQueueType,
    history::v1::WorkflowExecutionStartedEventAttributes, workflow::v1::VersioningOverride,
};

use crate::execution::{executions::Executions, run::Run, versioning::effective::pinned};

/// The version of a run that is pinned, and its override if that pins it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Inherited {
    pub(crate) version: Option<WorkerDeploymentVersion>,
    pub(crate) given: Option<VersioningOverride>,
}

/// Takes away what a run inherits from another, unless it is on the same queue, or the workers of the version poll that of
/// the new run too.
pub(crate) fn keep_on_queue(
    executions: &Executions,
    from: &Run,
    namespace: &str,
    start: &mut WorkflowExecutionStartedEventAttributes,
) {
    let queue = start.task_queue.as_ref().map_or("", |queue| &queue.name);
    let is_same = namespace == from.identity().namespace;
    if is_same && queue == from.start().queue_name() {
        return;
    }
    let version = start.inherited_pinned_version.as_ref();
    let polls = |version| executions.deployments.polls(namespace, version, queue, TaskQueueType::Workflow);
    if !is_same || !version.is_some_and(polls) {
        start.inherited_pinned_version = None;
        start.versioning_override = None;
    }
}

impl Inherited {
    /// What a child of a run inherits, where the workers of its version poll the queue of the child as well.
    pub(crate) fn of(run: &Run) -> Self {
        let given = run.options().versioning_override().filter(|given| pinned(Some(given)).is_some());
        Self { version: run.pinned_version().cloned(), given: given.cloned() }
    }

    /// What a run inherits that continues another as new: the version, whatever pins the run.
    pub(crate) fn of_continued(run: &Run) -> Self {
        Self { given: None, ..Self::of(run) }
    }

    /// What the next attempt of a run inherits: the version where this attempt inherited one. By a cron schedule, a run
    /// inherits no version.
    pub(crate) fn of_retry(run: &Run) -> Self {
        let has_inherited = run.start().attributes().inherited_pinned_version.is_some();
        let inherited = Self::of(run);
        Self { version: inherited.version.filter(|_| has_inherited), ..inherited }
    }

    /// What a run by a cron schedule inherits.
    pub(crate) fn of_cron(run: &Run) -> Self {
        Self { version: None, ..Self::of(run) }
    }

    /// Puts it into the start of a run.
    pub(crate) fn put_into(self, start: &mut WorkflowExecutionStartedEventAttributes) {
        start.inherited_pinned_version = self.version;
        start.versioning_override = self.given;
    }
}
