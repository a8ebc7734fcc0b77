//! The version of a run, as facts change it.

use host_wire::temporal::api::{
    deployment::v1::WorkerDeploymentVersion,
    enums::v1::VersioningBehavior as Behavior,
    history::v1::{WorkflowExecutionStartedEventAttributes, WorkflowTaskCompletedEventAttributes},
    workflow::v1::{
        VersioningOverride,
        versioning_override::{Override, PinnedOverride},
    },
};

use crate::execution::{
    fact::VersionTransition,
    versioning::{
        effective::{behavior, version},
        state::Versioning,
    },
};

fn of(build_id: &str) -> WorkerDeploymentVersion {
    WorkerDeploymentVersion { deployment_name: "shop".to_owned(), build_id: build_id.to_owned() }
}

fn completed(build_id: &str, behavior: Behavior) -> WorkflowTaskCompletedEventAttributes {
    WorkflowTaskCompletedEventAttributes {
        deployment_version: (!build_id.is_empty()).then(|| of(build_id)),
        versioning_behavior: behavior.into(),
        ..Default::default()
    }
}

fn check(versioning: &Versioning, given: Option<&VersioningOverride>, expected: (Behavior, &str)) {
    let build = version(versioning, given).map_or("", |version| &version.build_id);
    assert_eq!((behavior(versioning, given), build), expected, "{versioning:?} {given:?}");
}

#[test]
fn what_counts_of_workers_overrides_and_transitions() {
    let mut versioning = Versioning::default();
    versioning.started(&WorkflowExecutionStartedEventAttributes::default(), None);
    check(&versioning, None, (Behavior::Unspecified, ""));
    versioning.transition_began(&VersionTransition { version: Some(of("1")) });
    check(&versioning, None, (Behavior::AutoUpgrade, "1"));
    versioning.completed(&completed("1", Behavior::Pinned));
    check(&versioning, None, (Behavior::Pinned, "1"));
    let pinned = VersioningOverride {
        r#override: Some(Override::Pinned(PinnedOverride {
            version: Some(of("2")),
            ..PinnedOverride::default()
        })),
        ..VersioningOverride::default()
    };
    let auto =
        VersioningOverride { r#override: Some(Override::AutoUpgrade(true)), ..VersioningOverride::default() };
    check(&versioning, Some(&pinned), (Behavior::Pinned, "2"));
    check(&versioning, Some(&auto), (Behavior::AutoUpgrade, "1"));
    versioning.overridden(None, Some(&auto));
    versioning.transition_began(&VersionTransition { version: None });
    check(&versioning, Some(&auto), (Behavior::AutoUpgrade, ""));
    // A worker that had its task before ends no transition to another version.
    versioning.completed(&completed("1", Behavior::AutoUpgrade));
    check(&versioning, Some(&auto), (Behavior::AutoUpgrade, ""));
    versioning.overridden(Some(&auto), Some(&pinned));
    check(&versioning, Some(&pinned), (Behavior::Pinned, "2"));
    versioning.completed(&completed("", Behavior::Unspecified));
    check(&versioning, None, (Behavior::Unspecified, ""));
}

#[test]
fn an_inherited_version_pins() {
    let mut versioning = Versioning::default();
    let started = WorkflowExecutionStartedEventAttributes {
        inherited_pinned_version: Some(of("1")),
        ..Default::default()
    };
    versioning.started(&started, None);
    check(&versioning, None, (Behavior::Pinned, "1"));
    assert!(versioning.is_listed() && versioning.deployment_name() == "shop");
}
