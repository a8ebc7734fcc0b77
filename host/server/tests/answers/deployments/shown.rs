//! Lines of the table of deployments.

use std::time::Duration;

use host_wire::{
    EventAttributes,
    temporal::api::{
        deployment::v1::{
            RoutingConfig, WorkerDeploymentVersion, worker_deployment_info::WorkerDeploymentVersionSummary,
        },
        enums::v1::{EventType, VersioningBehavior as Behavior},
        workflow::v1::versioning_override::Override,
        workflowservice::v1::*,
    },
};
use prost_types::Timestamp;
use tonic::Status;

use super::{LONGER, NAME, Table, calls::version};
use crate::client::{NAMESPACE, json, refusal};

pub(super) fn shown(version: Option<&WorkerDeploymentVersion>) -> String {
    version.map_or("none".to_owned(), |version| {
        format!("{}:{}", version.deployment_name, version.build_id).replace(NAME, "D")
    })
}

/// Which of some times are there.
pub(super) fn times(all: &[(&str, Option<Timestamp>)]) -> String {
    let there = all.iter().filter(|(_, time)| time.is_some()).map(|(name, _)| *name);
    format!("[{}]", there.collect::<Vec<_>>().join(" "))
}

pub(super) fn shown_routing(routing: &RoutingConfig) -> String {
    format!(
        "current {} {:?}, ramping {} {:?} {}% {}",
        shown(routing.current_deployment_version.as_ref()),
        routing.current_version.replace(NAME, "D"),
        shown(routing.ramping_deployment_version.as_ref()),
        routing.ramping_version.replace(NAME, "D"),
        routing.ramping_version_percentage,
        times(&[
            ("current", routing.current_version_changed_time),
            ("ramping", routing.ramping_version_changed_time),
            ("percentage", routing.ramping_version_percentage_changed_time),
        ])
    )
}

pub(super) fn shown_summary(of: &WorkerDeploymentVersionSummary) -> String {
    format!(
        "{} {} {:?} {}",
        shown(of.deployment_version.as_ref()),
        of.version.replace(NAME, "D"),
        of.status(),
        times(&[
            ("created", of.create_time),
            ("current", of.current_since_time),
            ("ramping", of.ramping_since_time),
            ("routing", of.routing_update_time),
            ("activated", of.first_activation_time),
            ("deactivated", of.last_deactivation_time),
        ])
    )
}

pub(super) fn outcome<R>(answer: Result<R, Status>, show: impl FnOnce(R) -> String) -> String {
    answer.map_or_else(|status| refusal(&status).replace(NAME, "D"), show)
}

impl Table {
    pub(super) fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Which of the versions gets the next task of a workflow; it completes it with a behaviour.
    pub(super) async fn next_at(&mut self, name: &str, builds: &[&str], behavior: Behavior) {
        let mut got = "no worker".to_owned();
        // The last may take longer than the others, which are to get nothing.
        for build_id in builds.iter().cycle().take(4 * builds.len()) {
            let wait = if *build_id == builds[builds.len() - 1] { LONGER } else { self.nothing };
            if let Some(task) = self.poll(build_id, wait).await {
                let id = task.workflow_execution.clone().unwrap_or_default().workflow_id;
                assert_eq!(id, self.client.id(name));
                got = if build_id.is_empty() { "no version".to_owned() } else { (*build_id).to_owned() };
                let behavior = if build_id.is_empty() { Behavior::Unspecified } else { behavior };
                self.complete(build_id, behavior, &task, Vec::new()).await.unwrap();
                break;
            }
        }
        self.say(format!("{name}: the task goes to {got}"));
    }

    pub(super) async fn say_current(&mut self, build_id: &str) {
        let answer = self.set_current(build_id).await;
        let answer = outcome(answer, |answer| {
            format!(
                "before {} {:?}, token {}",
                shown(answer.previous_deployment_version.as_ref()),
                answer.previous_version.replace(NAME, "D"),
                !answer.conflict_token.is_empty()
            )
        });
        self.say(format!("set current {build_id:?}: {answer}"));
    }

    pub(super) async fn say_ramping(&mut self, build_id: &str, percentage: f32) {
        let request = SetWorkerDeploymentRampingVersionRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_name: NAME.to_owned(),
            build_id: build_id.to_owned(),
            percentage,
            identity: "me".to_owned(),
            ..Default::default()
        };
        let answer = self.client.service.set_worker_deployment_ramping_version(request).await;
        let answer = outcome(answer.map(tonic::Response::into_inner), |answer| {
            format!(
                "before {} {:?} {}%, token {}",
                shown(answer.previous_deployment_version.as_ref()),
                answer.previous_version.replace(NAME, "D"),
                answer.previous_percentage,
                !answer.conflict_token.is_empty()
            )
        });
        self.say(format!("set ramping {build_id:?} {percentage}%: {answer}"));
    }

    pub(super) async fn say_deployment(&mut self) {
        let info = self.describe().await.unwrap().worker_deployment_info.unwrap();
        self.say(format!(
            "deployment: {}, manager {:?}, modified by {:?}",
            shown_routing(&info.routing_config.clone().unwrap()),
            info.manager_identity,
            info.last_modifier_identity
        ));
        for summary in &info.version_summaries {
            self.say(format!("  {}", shown_summary(summary)));
        }
    }

    pub(super) async fn say_version(&mut self, build_id: &str) {
        let request = DescribeWorkerDeploymentVersionRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_version: Some(version(build_id)),
            ..Default::default()
        };
        let answer = self.client.service.describe_worker_deployment_version(request).await;
        let answer = outcome(answer.map(tonic::Response::into_inner), |answer| {
            let info = answer.worker_deployment_version_info.unwrap();
            let mut queues: Vec<String> = info
                .task_queue_infos
                .iter()
                .map(|queue| format!("{} {:?}", queue.name, queue.r#type()))
                .collect();
            queues.sort();
            format!(
                "{} {:?} {}% {queues:?}, drains {:?}, metadata {:?} {}",
                shown(info.deployment_version.as_ref()),
                info.status(),
                info.ramp_percentage,
                info.drainage_info.map(|drainage| drainage.status()),
                info.metadata.as_ref().map(|metadata| metadata.entries.keys().collect::<Vec<_>>()),
                times(&[
                    ("created", info.create_time),
                    ("current", info.current_since_time),
                    ("ramping", info.ramping_since_time),
                    ("routing", info.routing_changed_time),
                ])
            )
        });
        self.say(format!("version {build_id}: {answer}"));
    }

    /// What a run shows of its version.
    pub(super) async fn say_run(&mut self, name: &str) {
        let request = DescribeWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            execution: Some(self.client.execution(name)),
        };
        let answer = self.client.service.describe_workflow_execution(request).await.unwrap().into_inner();
        let info = answer.workflow_execution_info.unwrap();
        let attributes = info.search_attributes.clone().unwrap_or_default().indexed_fields;
        let attributes = attributes.iter().map(|(name, value)| {
            format!("{}={}", name, String::from_utf8_lossy(&value.data)).replace(NAME, "D")
        });
        let versioning = info.versioning_info.as_ref().map_or("none".to_owned(), |of| {
            let given = of.versioning_override.as_ref().map_or("none".to_owned(), |given| {
                let now = match &given.r#override {
                    Some(Override::Pinned(pinned)) => shown(pinned.version.as_ref()),
                    Some(Override::AutoUpgrade(_)) => "auto".to_owned(),
                    _ => "none".to_owned(),
                };
                format!("{now} {:?} {:?}", given.behavior(), given.pinned_version.replace(NAME, "D"))
            });
            format!(
                "{:?} {} {:?}, on the way to {}, override {given}",
                of.behavior(),
                shown(of.deployment_version.as_ref()),
                of.version.replace(NAME, "D"),
                of.version_transition.as_ref().map_or("none".to_owned(), |transition| {
                    format!(
                        "{} {:?}",
                        shown(transition.deployment_version.as_ref()),
                        transition.version.replace(NAME, "D")
                    )
                })
            )
        });
        self.say(format!(
            "run {name}: {versioning}; deployment {:?}; {}",
            info.worker_deployment_name.replace(NAME, "D"),
            attributes.collect::<Vec<_>>().join(" ")
        ));
    }

    /// What the first event of a run says.
    pub(super) async fn say_start(&mut self, name: &str) {
        let described = DescribeWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            execution: Some(self.client.execution(name)),
        };
        // Temporal's server starts children later.
        for _ in 0..200 {
            if self.client.service.describe_workflow_execution(described.clone()).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let EventAttributes::WorkflowExecutionStartedEventAttributes(started) =
            self.client.event(name, EventType::WorkflowExecutionStarted).await
        else {
            unreachable!()
        };
        let given =
            started.versioning_override.as_ref().map_or("none".to_owned(), |given| match &given.r#override {
                Some(Override::Pinned(pinned)) => shown(pinned.version.as_ref()),
                other => format!("{other:?}"),
            });
        self.say(format!(
            "start of {name}: inherits {}, override {given}",
            shown(started.inherited_pinned_version.as_ref())
        ));
    }

    pub(super) async fn say_deletions(&mut self, build_id: &str) {
        let request = DeleteWorkerDeploymentVersionRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_version: Some(version(build_id)),
            identity: "me".to_owned(),
            ..Default::default()
        };
        let answer = self.client.service.delete_worker_deployment_version(request).await;
        self.say(format!("delete version {build_id}: {}", outcome(answer, |_| "done".to_owned())));
    }

    pub(super) async fn say_metadata(&mut self, build_id: &str, upserts: &[&str], removes: &[&str]) {
        let request = UpdateWorkerDeploymentVersionMetadataRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_version: Some(version(build_id)),
            upsert_entries: upserts.iter().map(|key| ((*key).to_owned(), json("1"))).collect(),
            remove_entries: removes.iter().map(|key| (*key).to_owned()).collect(),
            ..Default::default()
        };
        let answer = self.client.service.update_worker_deployment_version_metadata(request).await;
        let answer = outcome(answer.map(tonic::Response::into_inner), |answer| {
            format!("{:?}", answer.metadata.map(|metadata| metadata.entries.into_keys().collect::<Vec<_>>()))
        });
        self.say(format!("metadata of {build_id}, {upserts:?}, without {removes:?}: {answer}"));
    }
}
