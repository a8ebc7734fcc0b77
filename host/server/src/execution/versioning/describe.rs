//! What descriptions and search attributes say of the version of a run.

use std::collections::BTreeMap;

use host_wire::temporal::api::{
    common::v1::Payload,
    enums::v1::{IndexedValueType as Kind, VersioningBehavior as Behavior},
    workflow::v1::{
        DeploymentVersionTransition, VersioningOverride, WorkflowExecutionVersioningInfo,
        versioning_override::Override,
    },
};

use crate::{
    deployment::version::{name, older_name},
    execution::{
        run::Run,
        versioning::effective::{asked_behavior, pinned},
    },
    visibility::value::{Value, encode},
};

/// `versioning_info` of a description; none for a run that never had to do with versions.
pub(crate) fn info(run: &Run) -> Option<WorkflowExecutionVersioningInfo> {
    let versioning = run.versioning();
    if !versioning.is_known() {
        return None;
    }
    let version = versioning.version();
    Some(WorkflowExecutionVersioningInfo {
        behavior: versioning.behavior().into(),
        version: version.map_or(String::new(), |version| older_name(Some(version))),
        deployment_version: version.cloned(),
        versioning_override: run.options().versioning_override().map(with_older_fields),
        version_transition: versioning.transition().map(|target| DeploymentVersionTransition {
            version: older_name(target.as_ref()),
            deployment_version: target.clone(),
        }),
        ..WorkflowExecutionVersioningInfo::default()
    })
}

/// An override also in the fields of older clients.
pub(crate) fn with_older_fields(given: &VersioningOverride) -> VersioningOverride {
    let behavior = match &given.r#override {
        Some(Override::AutoUpgrade(true)) => Behavior::AutoUpgrade,
        Some(Override::Pinned(_)) => Behavior::Pinned,
        _ => Behavior::Unspecified,
    };
    let pinned_version = pinned(Some(given)).map_or(String::new(), |version| older_name(Some(version)));
    VersioningOverride { behavior: behavior.into(), pinned_version, ..given.clone() }
}

const BUILD_IDS: &str = "BuildIds";
const DEPLOYMENT: &str = "TemporalWorkerDeployment";
const VERSION: &str = "TemporalWorkerDeploymentVersion";
const BEHAVIOR: &str = "TemporalWorkflowVersioningBehavior";

/// What `BuildIds` has of a run that is pinned to a version.
pub(crate) fn pinned_build_id(version: &str) -> String {
    format!("pinned:{version}")
}

/// A search attribute that the service sets as workers complete tasks; none if it is another, or has no value.
pub(crate) fn attribute(run: &Run, attribute: &str) -> Option<Value> {
    let text = |text: String| (!text.is_empty()).then_some(Value::Text(text));
    match attribute {
        BUILD_IDS => build_ids(run).map(Value::Keywords),
        DEPLOYMENT => text(listed(run)?.deployment),
        VERSION => text(listed(run)?.version),
        BEHAVIOR => text(listed(run)?.behavior.to_owned()),
        _ => None,
    }
}

/// All of these.
pub(crate) fn add_attributes(run: &Run, fields: &mut BTreeMap<String, Payload>) {
    if let Some(build_ids) = build_ids(run) {
        fields.insert(BUILD_IDS.to_owned(), encode(build_ids, Kind::KeywordList));
    }
    let Some(listed) = listed(run) else { return };
    for (name, value) in
        [(DEPLOYMENT, &*listed.deployment), (VERSION, &listed.version), (BEHAVIOR, listed.behavior)]
    {
        if !value.is_empty() {
            fields.insert(name.to_owned(), encode(value, Kind::Keyword));
        }
    }
}

struct Shown {
    deployment: String,
    version: String,
    behavior: &'static str,
}

fn listed(run: &Run) -> Option<Shown> {
    let versioning = run.versioning();
    if !versioning.is_listed() {
        return None;
    }
    let given = run.options().versioning_override();
    let deployment =
        pinned(given).map_or(versioning.deployment_name(), |version| version.deployment_name.as_str());
    Some(Shown {
        deployment: deployment.to_owned(),
        version: pinned(given).or(versioning.version()).map(name).unwrap_or_default(),
        behavior: match asked_behavior(versioning, given) {
            Behavior::Unspecified => "",
            Behavior::Pinned => "Pinned",
            Behavior::AutoUpgrade => "AutoUpgrade",
        },
    })
}

/// `BuildIds`: the version that the run is pinned to, or that it has none, and the builds of workers without versions.
fn build_ids(run: &Run) -> Option<Vec<String>> {
    let ids = run.workflow_tasks().build_ids();
    let shown = listed(run).filter(|shown| !shown.behavior.is_empty());
    let first = match shown {
        Some(Shown { behavior: "Pinned", version, .. }) => Some(pinned_build_id(&version)),
        Some(_) => None,
        None if ids.is_empty() => return None,
        None => Some("unversioned".to_owned()),
    };
    let of_workers = ids.iter().map(|id| format!("unversioned:{}", id.replace(['"', '\\'], "?")));
    let all: Vec<String> = first.into_iter().chain(of_workers).collect();
    (!all.is_empty()).then_some(all)
}
