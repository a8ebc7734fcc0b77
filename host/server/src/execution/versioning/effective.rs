//! What the version and the behaviour of a run come to, with overrides and a transition.

use host_wire::temporal::api::{
    deployment::v1::WorkerDeploymentVersion,
    enums::v1::VersioningBehavior as Behavior,
    workflow::v1::{VersioningOverride, versioning_override::Override},
};

use crate::execution::versioning::state::Versioning;

/// The version of a pinned override.
pub(crate) fn pinned(given: Option<&VersioningOverride>) -> Option<&WorkerDeploymentVersion> {
    match given?.r#override.as_ref()? {
        Override::Pinned(pinned) => pinned.version.as_ref(),
        Override::AutoUpgrade(_) | Override::OneTime(_) => None,
    }
}

/// What an override says, or else the last worker.
pub(crate) fn asked_behavior(of: &Versioning, given: Option<&VersioningOverride>) -> Behavior {
    match given.and_then(|given| given.r#override.as_ref()) {
        Some(Override::AutoUpgrade(_)) => Behavior::AutoUpgrade,
        Some(Override::Pinned(_)) => Behavior::Pinned,
        Some(Override::OneTime(_)) | None => of.behavior(),
    }
}

/// `GetEffectiveVersioningBehavior` of Temporal's server.
pub(crate) fn behavior(of: &Versioning, given: Option<&VersioningOverride>) -> Behavior {
    if of.transition().is_some() { Behavior::AutoUpgrade } else { asked_behavior(of, given) }
}

/// The version of a run that has a behaviour; none is workers without a version. `GetEffectiveDeployment`.
pub(crate) fn version<'a>(
    of: &'a Versioning,
    given: Option<&'a VersioningOverride>,
) -> Option<&'a WorkerDeploymentVersion> {
    if let Some(target) = of.transition() {
        return target.as_ref();
    }
    match behavior(of, given) {
        Behavior::Unspecified => None,
        _ => pinned(given).or(of.version()),
    }
}
