//! What a run keeps of its version.

use host_wire::temporal::api::{
    deployment::v1::WorkerDeploymentVersion,
    enums::v1::VersioningBehavior as Behavior,
    history::v1::{WorkflowExecutionStartedEventAttributes, WorkflowTaskCompletedEventAttributes},
    workflow::v1::VersioningOverride,
};

use crate::execution::{fact::VersionTransition, versioning::effective};

/// The version of a run. What clients override is with the run's options.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Versioning {
    /// Of the last completed task, or Pinned by inheritance.
    behavior: Behavior,
    version: Option<WorkerDeploymentVersion>,
    /// The version that the run is on its way to: a worker of it got a task, and has not completed it.
    transition: Option<Target>,
    /// The deployment of the last worker, also of one without a version.
    deployment_name: String,
    /// Whether there is something to be described.
    is_known: bool,
    /// Whether search attributes say so.
    is_listed: bool,
}

/// Where a run is on its way to; none is workers without a version.
pub(crate) type Target = Option<WorkerDeploymentVersion>;

impl Versioning {
    /// Without overrides.
    pub(crate) fn behavior(&self) -> Behavior {
        self.behavior
    }

    /// The version of the last completed task, or the inherited one.
    pub(crate) fn version(&self) -> Option<&WorkerDeploymentVersion> {
        self.version.as_ref()
    }

    /// The version that the run is on its way to.
    pub(crate) fn transition(&self) -> Option<&Target> {
        self.transition.as_ref()
    }

    pub(crate) fn deployment_name(&self) -> &str {
        &self.deployment_name
    }

    pub(crate) fn is_known(&self) -> bool {
        self.is_known
    }

    pub(crate) fn is_listed(&self) -> bool {
        self.is_listed
    }

    /// `given` is the override of the start.
    pub(in crate::execution) fn started(
        &mut self,
        started: &WorkflowExecutionStartedEventAttributes,
        given: Option<&VersioningOverride>,
    ) {
        self.is_known = given.is_some();
        if let Some(inherited) = &started.inherited_pinned_version {
            self.is_known = true;
            self.behavior = Behavior::Pinned;
            self.version = Some(inherited.clone());
        }
        self.is_listed = effective::behavior(self, given) == Behavior::Pinned;
        self.deployment_name =
            effective::version(self, given).map(|of| of.deployment_name.clone()).unwrap_or_default();
    }

    pub(in crate::execution) fn completed(&mut self, completed: &WorkflowTaskCompletedEventAttributes) {
        self.deployment_name.clone_from(&completed.worker_deployment_name);
        if self.transition.as_ref().is_some_and(|target| *target == completed.deployment_version) {
            self.transition = None;
        }
        self.behavior = completed.versioning_behavior();
        self.version = match self.behavior {
            Behavior::Unspecified => None,
            _ => completed.deployment_version.clone(),
        };
        self.is_known |= self.behavior != Behavior::Unspecified;
        self.is_listed = true;
    }

    pub(in crate::execution) fn transition_began(&mut self, transition: &VersionTransition) {
        self.is_known = true;
        self.transition = Some(transition.version.clone());
    }

    /// The override was changed from one to another.
    pub(in crate::execution) fn overridden(
        &mut self,
        before: Option<&VersioningOverride>,
        after: Option<&VersioningOverride>,
    ) {
        // What it comes to once the run is where it is on its way to.
        let settled = Self { transition: None, ..self.clone() };
        let effective =
            |given| (effective::behavior(&settled, given), effective::version(&settled, given).cloned());
        let has_changed = effective(before) != effective(after);
        if after.is_some() {
            self.is_known = true;
        }
        match effective::pinned(after) {
            Some(version) => self.deployment_name.clone_from(&version.deployment_name),
            None if after.is_none() => {
                self.deployment_name =
                    self.version.as_ref().map(|of| of.deployment_name.clone()).unwrap_or_default();
            }
            None => {}
        }
        if has_changed {
            // Its tasks are to go where the override says, at once.
            self.transition = None;
            self.is_listed = true;
        }
    }
}
