//! Deployments for people.

use heck::ToUpperCamelCase as _;
use host_wire::temporal::api::{
    deployment::v1::{
        RoutingConfig, WorkerDeploymentInfo, WorkerDeploymentVersion,
        worker_deployment_info::WorkerDeploymentVersionSummary,
    },
    enums::v1::{VersionDrainageStatus, WorkerDeploymentVersionStatus},
};
use prost_types::Timestamp;

use crate::output::{
    card::{Card, Table},
    event::milliseconds,
};

/// What a deployment is. Its versions are in [`versions`].
pub(super) fn card(info: &WorkerDeploymentInfo) -> Card {
    let routing = info.routing_config.clone().unwrap_or_default();
    Card::new("Worker Deployment")
        .row("Name", &info.name)
        .row("CreateTime", time(info.create_time.as_ref()))
        .row_unless_empty("LastModifierIdentity", &info.last_modifier_identity)
        .row_unless_empty("ManagerIdentity", &info.manager_identity)
        .row("CurrentVersion", current(&routing))
        .row_unless_empty("CurrentVersionChangedTime", time(routing.current_version_changed_time.as_ref()))
        .row_unless_empty("RampingVersion", ramping(&routing))
        .row_unless_empty("RampingVersionChangedTime", time(routing.ramping_version_changed_time.as_ref()))
}

/// Versions, one a row.
pub(super) fn versions(versions: &[WorkerDeploymentVersionSummary]) -> String {
    let mut table = Table::new(["BuildId", "Status", "DrainageStatus", "CreateTime"]);
    for version in versions {
        table.push([
            build_id(version.deployment_version.as_ref()),
            status(version.status()),
            drainage(version.drainage_status()),
            time(version.create_time.as_ref()),
        ]);
    }
    table.text()
}

/// The version that gets workflows.
pub(super) fn current(routing: &RoutingConfig) -> String {
    let version = routing.current_deployment_version.as_ref();
    version.map_or("unversioned".to_owned(), |version| version.build_id.clone())
}

/// The version that gets a part of the workflows, and how many; empty if there is none.
pub(super) fn ramping(routing: &RoutingConfig) -> String {
    let percentage = routing.ramping_version_percentage;
    match &routing.ramping_deployment_version {
        Some(version) => format!("{} ({percentage}%)", version.build_id),
        None if percentage > 0.0 => format!("unversioned ({percentage}%)"),
        None => String::new(),
    }
}

pub(super) fn build_id(version: Option<&WorkerDeploymentVersion>) -> String {
    version.map(|version| version.build_id.clone()).unwrap_or_default()
}

pub(super) fn status(status: WorkerDeploymentVersionStatus) -> String {
    status.as_str_name().trim_start_matches("WORKER_DEPLOYMENT_VERSION_STATUS_").to_upper_camel_case()
}

/// Empty where a version neither drains nor did.
pub(super) fn drainage(status: VersionDrainageStatus) -> String {
    if status == VersionDrainageStatus::Unspecified {
        return String::new();
    }
    status.as_str_name().trim_start_matches("VERSION_DRAINAGE_STATUS_").to_upper_camel_case()
}

pub(super) fn time(time: Option<&Timestamp>) -> String {
    time.map(milliseconds).unwrap_or_default()
}
