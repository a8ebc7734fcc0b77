//! Deployments and versions as the protocol shows them.

use host_wire::temporal::api::{
    deployment::v1::{
        RoutingConfig, VersionDrainageInfo, VersionMetadata, WorkerDeploymentInfo,
        WorkerDeploymentVersionInfo, worker_deployment_info::WorkerDeploymentVersionSummary,
        worker_deployment_version_info::VersionTaskQueueInfo,
    },
    enums::v1::VersionDrainageStatus as Drainage,
    workflowservice::v1::list_worker_deployments_response::WorkerDeploymentSummary,
};

use crate::{
    deployment::{
        state::{Deployment, Metadata, Version},
        version::older_name,
    },
    time::Time,
};

impl Deployment {
    /// Which version gets which workflows.
    pub(crate) fn routing_config(&self) -> RoutingConfig {
        let current = self.current.as_ref().map(|build| self.version(build));
        let ramping = self.ramping().map(|build| self.version(build));
        RoutingConfig {
            current_version: older_name(current.as_ref()),
            current_deployment_version: current,
            ramping_version: self.ramp.as_ref().map_or(String::new(), |_| older_name(ramping.as_ref())),
            ramping_deployment_version: ramping,
            ramping_version_percentage: self.ramp.as_ref().map_or(0.0, |ramp| ramp.percentage),
            current_version_changed_time: self.current_changed,
            ramping_version_changed_time: self.ramp_changed,
            ramping_version_percentage_changed_time: self.percentage_changed,
            ..RoutingConfig::default()
        }
    }

    fn summary(&self, build_id: &str, version: &Version) -> WorkerDeploymentVersionSummary {
        let named = self.version(build_id);
        WorkerDeploymentVersionSummary {
            version: older_name(Some(&named)),
            deployment_version: Some(named),
            status: version.status().into(),
            create_time: version.created,
            drainage_status: version.drainage.as_ref().map_or(0, |drainage| drainage.status),
            drainage_info: version.drainage,
            current_since_time: version.current_since,
            ramping_since_time: version.ramping_since,
            routing_update_time: version.routing_changed,
            first_activation_time: version.first_activated,
            last_deactivation_time: version.last_deactivated,
            ..WorkerDeploymentVersionSummary::default()
        }
    }

    fn summary_of(&self, build_id: Option<&str>) -> Option<WorkerDeploymentVersionSummary> {
        let build_id = build_id?;
        let summary = self.summary(build_id, self.versions.get(build_id)?);
        Some(WorkerDeploymentVersionSummary { drainage_status: 0, ..summary })
    }

    /// The deployment in its description.
    pub(crate) fn info(&self) -> WorkerDeploymentInfo {
        let mut versions: Vec<_> = self.versions.iter().collect();
        // The latest first.
        versions.sort_by_key(|(_, version)| std::cmp::Reverse(version.created.map(Time::from)));
        let summaries = versions.into_iter().map(|(build_id, version)| self.summary(build_id, version));
        WorkerDeploymentInfo {
            name: self.name.clone(),
            version_summaries: summaries.collect(),
            create_time: self.created,
            routing_config: Some(self.routing_config()),
            last_modifier_identity: self.last_modifier.clone(),
            manager_identity: self.manager.clone(),
            ..WorkerDeploymentInfo::default()
        }
    }

    /// The deployment in a list.
    pub(crate) fn listed(&self) -> WorkerDeploymentSummary {
        let latest = self.versions.iter().max_by_key(|(_, version)| version.created.map(Time::from));
        WorkerDeploymentSummary {
            name: self.name.clone(),
            create_time: self.created,
            routing_config: Some(self.routing_config()),
            latest_version_summary: self.summary_of(latest.map(|(build_id, _)| &**build_id)),
            current_version_summary: self.summary_of(self.current.as_deref()),
            ramping_version_summary: self.summary_of(self.ramping()),
        }
    }

    /// A version in its description.
    pub(crate) fn version_info(&self, build_id: &str) -> Option<WorkerDeploymentVersionInfo> {
        let version = self.versions.get(build_id)?;
        let named = self.version(build_id);
        let is_known = |drainage: &VersionDrainageInfo| drainage.status() != Drainage::Unspecified;
        let percentage = self.ramp.as_ref().filter(|ramp| ramp.build.as_deref() == Some(build_id));
        let queues = version.queues.iter();
        Some(WorkerDeploymentVersionInfo {
            version: older_name(Some(&named)),
            deployment_version: Some(named),
            status: version.status().into(),
            create_time: version.created,
            routing_changed_time: version.routing_changed,
            current_since_time: version.current_since,
            ramping_since_time: version.ramping_since,
            ramp_percentage: percentage.map_or(0.0, |ramp| ramp.percentage),
            task_queue_infos: queues
                .map(|queue| VersionTaskQueueInfo { name: queue.name.clone(), r#type: queue.of })
                .collect(),
            drainage_info: version.drainage.filter(is_known),
            metadata: version.metadata.clone().map(metadata),
            ..WorkerDeploymentVersionInfo::default()
        })
    }
}

/// What clients say of a version.
pub(crate) fn metadata(metadata: Metadata) -> VersionMetadata {
    VersionMetadata { entries: metadata.entries }
}
