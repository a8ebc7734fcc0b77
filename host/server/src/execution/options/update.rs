//! UpdateWorkflowExecutionOptions.

use heck::ToLowerCamelCase as _;
use host_wire::{
    EventAttributes,
    temporal::api::{
        enums::v1::VersioningBehavior,
        history::v1::WorkflowExecutionOptionsUpdatedEventAttributes,
        workflow::v1::{
            VersioningOverride, WorkflowExecutionOptions,
            versioning_override::{Override, PinnedOverrideBehavior},
        },
    },
};
use prost_types::FieldMask;

use crate::{
    error::Error,
    execution::{
        options::state::current,
        priority,
        run::Run,
        run_transition::RunTransition,
        versioning::{
            describe::with_older_fields,
            transition::{Before, send_tasks_again},
        },
        workflow_task::end::clear_sticky,
    },
};

/// Changes the options that a mask names, and records that they changed; answers all options, an override also in the
/// fields of older clients.
///
/// # Errors
///
/// When the mask names what does not exist, or a part without the rest of it.
pub(crate) fn update(
    run: &mut RunTransition<'_>,
    given: WorkflowExecutionOptions,
    mask: &FieldMask,
    identity: &str,
) -> Result<WorkflowExecutionOptions, Error> {
    let before = options(run);
    let mut merged = before.clone();
    if changes_override(mask)? {
        merged.versioning_override = given.versioning_override.as_ref().map(current);
    }
    for path in &mask.paths {
        priority::merge(&mut merged.priority, given.priority.as_ref(), &camel(path));
    }
    priority::check(merged.priority.as_ref())?;
    if merged != before {
        let priority =
            (merged.priority != before.priority).then(|| merged.priority.clone().unwrap_or_default());
        let version = Before::of(run);
        run.record(EventAttributes::WorkflowExecutionOptionsUpdatedEventAttributes(Box::new(
            WorkflowExecutionOptionsUpdatedEventAttributes {
                unset_versioning_override: merged.versioning_override.is_none(),
                versioning_override: merged.versioning_override.clone(),
                identity: identity.to_owned(),
                priority,
                ..Default::default()
            },
        )));
        if merged.versioning_override != before.versioning_override {
            // As on Temporal's server: other workers may be the right ones now.
            clear_sticky(run);
            send_tasks_again(run, &version);
        }
    }
    merged.versioning_override = merged.versioning_override.as_ref().map(with_older_fields);
    Ok(merged)
}

fn options(run: &Run) -> WorkflowExecutionOptions {
    let versioning_override = run.options().versioning_override().cloned();
    let priority = run.options().priority().cloned();
    WorkflowExecutionOptions { versioning_override, priority, ..WorkflowExecutionOptions::default() }
}

fn changes_override(mask: &FieldMask) -> Result<bool, Error> {
    let paths: Vec<String> = mask.paths.iter().map(|path| camel(path)).collect();
    let has = |wanted: &str| paths.iter().any(|path| path == wanted);
    let parts = (has("versioningOverride.deployment"), has("versioningOverride.behavior"));
    let known =
        |path: &&String| path.split('.').next() == Some("versioningOverride") || priority::is_path(path);
    if let Some(unknown) = paths.iter().find(|path| !known(path)) {
        return Err(Error::invalid(format!("error parsing UpdateMask: there is no option {unknown}")));
    }
    if parts.0 != parts.1 {
        return Err(Error::invalid(
            "error applying update_options: versioning_override fields must be updated together",
        ));
    }
    Ok(has("versioningOverride") || parts.0)
}

/// Checks that a mask names options that there are.
///
/// # Errors
///
/// As [`update`].
pub(crate) fn check_mask(mask: &FieldMask) -> Result<(), Error> {
    changes_override(mask).map(drop)
}

fn camel(path: &str) -> String {
    path.split('.').map(|part| part.to_lower_camel_case()).collect::<Vec<_>>().join(".")
}

/// Checks an override, as `ValidateVersioningOverride` of Temporal's server.
///
/// # Errors
///
/// Says what is missing.
pub(crate) fn check_override(given: Option<&VersioningOverride>) -> Result<(), Error> {
    let Some(given) = given else { return Ok(()) };
    let wrong = match &given.r#override {
        Some(Override::AutoUpgrade(true)) => return Ok(()),
        Some(Override::Pinned(pinned)) if pinned.version.is_none() => {
            "must provide version if override is pinned."
        }
        Some(Override::Pinned(pinned)) if pinned.behavior() == PinnedOverrideBehavior::Unspecified => {
            "must specify pinned override behavior if override is pinned."
        }
        Some(Override::Pinned(_)) => return Ok(()),
        Some(Override::OneTime(_)) => "a one-time override is not supported",
        Some(Override::AutoUpgrade(false)) | None => return check_older(given),
    };
    Err(Error::invalid(wrong))
}

/// The same for the fields of older protocols.
fn check_older(given: &VersioningOverride) -> Result<(), Error> {
    let wrong = match given.behavior() {
        VersioningBehavior::Pinned if given.deployment.is_some() => return Ok(()),
        VersioningBehavior::Pinned if given.pinned_version.contains('.') => return Ok(()),
        VersioningBehavior::Pinned => {
            "must provide deployment (deprecated) or pinned version if behavior is 'PINNED'"
        }
        VersioningBehavior::AutoUpgrade if given.deployment.is_some() => {
            "only provide deployment if behavior is 'PINNED'"
        }
        VersioningBehavior::AutoUpgrade if !given.pinned_version.is_empty() => {
            "only provide pinned version if behavior is 'PINNED'"
        }
        VersioningBehavior::AutoUpgrade => return Ok(()),
        VersioningBehavior::Unspecified => "override behavior is required",
    };
    Err(Error::invalid(wrong))
}
