//! The version of a worker deployment that executes a workflow, for people.

use heck::ToUpperCamelCase as _;
use host_wire::temporal::api::{
    deployment::v1::WorkerDeploymentVersion,
    enums::v1::VersioningBehavior,
    workflow::v1::{
        VersioningOverride, WorkflowExecutionInfo, WorkflowExecutionVersioningInfo,
        versioning_override::Override,
    },
};
use host_worker::modules::build_id;

/// What the service says of a workflow's version; each text is empty where it says nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Versioning {
    /// The version that executed its last workflow task, or that it inherited.
    pub(super) version: String,
    /// Whether it stays there.
    pub(super) behavior: String,
    /// What a client said instead.
    pub(super) given: String,
    /// Where it is on its way to.
    pub(super) transition: String,
}

impl Versioning {
    pub(super) fn of(info: WorkflowExecutionVersioningInfo) -> Self {
        Self {
            behavior: behavior(info.behavior()),
            version: info.deployment_version.as_ref().map(name).unwrap_or_default(),
            given: info.versioning_override.map(given).unwrap_or_default(),
            transition: info.version_transition.map_or(String::new(), |transition| {
                let version = transition.deployment_version.as_ref();
                format!("to {}", version.map_or("workers without a version".to_owned(), name))
            }),
        }
    }
}

/// The search attribute that has the version of a workflow; lists have no other.
const VERSION: &str = "TemporalWorkerDeploymentVersion";
/// How many digits of a module's digest a table shows.
const SHOWN_DIGITS: usize = 12;

/// The version of a workflow in a list, with the first digits of a module's digest; empty where it has none.
pub(super) fn listed_version(workflow: &WorkflowExecutionInfo) -> String {
    let fields = workflow.search_attributes.as_ref().map(|attributes| &attributes.indexed_fields);
    let value = fields.and_then(|fields| fields.get(VERSION));
    let version: String =
        value.and_then(|value| serde_json::from_slice(&value.data).ok()).unwrap_or_default();
    match version.split_once(build_id::PREFIX) {
        Some((deployment, digest)) => {
            let digits: String = digest.chars().take(SHOWN_DIGITS).collect();
            format!("{deployment}{}{digits}", build_id::PREFIX)
        }
        None => version,
    }
}

/// `deployment:build`, as search attributes have it.
fn name(version: &WorkerDeploymentVersion) -> String {
    format!("{}:{}", version.deployment_name, version.build_id)
}

fn behavior(behavior: VersioningBehavior) -> String {
    if behavior == VersioningBehavior::Unspecified {
        return String::new();
    }
    behavior.as_str_name().trim_start_matches("VERSIONING_BEHAVIOR_").to_upper_camel_case()
}

fn given(given: VersioningOverride) -> String {
    match given.r#override {
        Some(Override::Pinned(pinned)) => {
            format!("Pinned to {}", pinned.version.as_ref().map(name).unwrap_or_default())
        }
        Some(Override::AutoUpgrade(_)) => "AutoUpgrade".to_owned(),
        Some(Override::OneTime(_)) | None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use host_wire::temporal::api::{
        common::v1::{Payload, SearchAttributes},
        workflow::v1::{DeploymentVersionTransition, versioning_override::PinnedOverride},
    };

    use super::*;

    #[test]
    fn a_table_has_the_first_digits() {
        let check = |value: &str, expected: &str| {
            let payload = Payload { data: value.to_owned().into(), ..Payload::default() };
            let indexed_fields = [(VERSION.to_owned(), payload)].into();
            let workflow = WorkflowExecutionInfo {
                search_attributes: Some(SearchAttributes { indexed_fields }),
                ..WorkflowExecutionInfo::default()
            };
            assert_eq!(listed_version(&workflow), expected);
        };
        check("\"shop:1.2\"", "shop:1.2");
        check("\"shop:wasm-sha256-0123456789abcdef\"", "shop:wasm-sha256-0123456789ab");
        check("17", "");
        assert_eq!(listed_version(&WorkflowExecutionInfo::default()), "");
    }

    fn check(info: WorkflowExecutionVersioningInfo, expected: [&str; 4]) {
        let Versioning { version, behavior, given, transition } = Versioning::of(info);
        assert_eq!([&*version, &*behavior, &*given, &*transition], expected);
    }

    #[test]
    fn what_is_known_is_said() {
        let version = |build_id: &str| {
            Some(WorkerDeploymentVersion {
                deployment_name: "shop".to_owned(),
                build_id: build_id.to_owned(),
            })
        };
        check(WorkflowExecutionVersioningInfo::default(), ["", "", "", ""]);
        let follows = WorkflowExecutionVersioningInfo {
            behavior: VersioningBehavior::AutoUpgrade.into(),
            deployment_version: version("1"),
            version_transition: Some(DeploymentVersionTransition {
                deployment_version: version("2"),
                ..DeploymentVersionTransition::default()
            }),
            ..WorkflowExecutionVersioningInfo::default()
        };
        check(follows, ["shop:1", "AutoUpgrade", "", "to shop:2"]);
        let pinned = PinnedOverride { version: version("3"), ..PinnedOverride::default() };
        let overridden = WorkflowExecutionVersioningInfo {
            behavior: VersioningBehavior::Pinned.into(),
            deployment_version: version("1"),
            versioning_override: Some(VersioningOverride {
                r#override: Some(Override::Pinned(pinned)),
                ..VersioningOverride::default()
            }),
            version_transition: Some(DeploymentVersionTransition::default()),
            ..WorkflowExecutionVersioningInfo::default()
        };
        check(overridden, ["shop:1", "Pinned", "Pinned to shop:3", "to workers without a version"]);
    }
}
