//! The options of a run, as its events left them.

use host_wire::temporal::api::{
    common::v1::Priority,
    deployment::v1::WorkerDeploymentVersion,
    enums::v1::VersioningBehavior,
    history::v1::{WorkflowExecutionOptionsUpdatedEventAttributes, WorkflowExecutionStartedEventAttributes},
    workflow::v1::{
        VersioningOverride,
        versioning_override::{Override, PinnedOverride, PinnedOverrideBehavior},
    },
};

/// Options of a run that clients may change.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WorkflowOptions {
    versioning_override: Option<VersioningOverride>,
    priority: Option<Priority>,
}

impl WorkflowOptions {
    /// The versioning override, without the fields of older protocols.
    pub(crate) fn versioning_override(&self) -> Option<&VersioningOverride> {
        self.versioning_override.as_ref()
    }

    /// The priority of its workflow tasks, and of activities and children that do not say more.
    pub(crate) fn priority(&self) -> Option<&Priority> {
        self.priority.as_ref()
    }

    pub(in crate::execution) fn started(&mut self, started: &WorkflowExecutionStartedEventAttributes) {
        self.versioning_override = started.versioning_override.as_ref().map(current);
        self.priority.clone_from(&started.priority);
    }

    pub(in crate::execution) fn updated(&mut self, updated: &WorkflowExecutionOptionsUpdatedEventAttributes) {
        if updated.unset_versioning_override || updated.versioning_override.is_some() {
            self.versioning_override = updated.versioning_override.as_ref().map(current);
        }
        // One that says nothing takes it away.
        if let Some(priority) = &updated.priority {
            self.priority = (*priority != Priority::default()).then(|| priority.clone());
        }
    }
}

/// The override in the fields of today's protocol.
pub(crate) fn current(given: &VersioningOverride) -> VersioningOverride {
    let pinned = |deployment_name: &str, build_id: &str| {
        Override::Pinned(PinnedOverride {
            behavior: PinnedOverrideBehavior::Pinned.into(),
            version: Some(WorkerDeploymentVersion {
                build_id: build_id.to_owned(),
                deployment_name: deployment_name.to_owned(),
            }),
        })
    };
    let current = if let Some((name, build_id)) = given.pinned_version.split_once('.') {
        Some(pinned(name, build_id))
    } else if let Some(deployment) = &given.deployment {
        Some(pinned(&deployment.series_name, &deployment.build_id))
    } else if given.behavior() == VersioningBehavior::AutoUpgrade {
        Some(Override::AutoUpgrade(true))
    } else {
        given.r#override.clone()
    };
    VersioningOverride { r#override: current, ..VersioningOverride::default() }
}
