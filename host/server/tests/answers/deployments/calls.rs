//! Calls of the table of deployments.

use std::time::Duration;

use host_wire::temporal::api::{
    command::v1::{StartChildWorkflowExecutionCommandAttributes, command::Attributes},
    common::v1::WorkflowType,
    deployment::v1::{WorkerDeploymentOptions, WorkerDeploymentVersion},
    enums::v1::{TaskQueueType, VersioningBehavior as Behavior, WorkerVersioningMode as Mode},
    taskqueue::v1::TaskQueue,
    workflow::v1::{
        VersioningOverride, WorkflowExecutionOptions,
        versioning_override::{Override, PinnedOverride, PinnedOverrideBehavior},
    },
    workflowservice::v1::*,
};
use prost_types::FieldMask;
use tonic::{Request, Status};

use super::{NAME, NOTHING_OF_TEMPORAL, TASK, Table};
use crate::client::{NAMESPACE, completed_with};

pub(super) fn version(build_id: &str) -> WorkerDeploymentVersion {
    WorkerDeploymentVersion { deployment_name: NAME.to_owned(), build_id: build_id.to_owned() }
}

pub(super) fn options(build_id: &str) -> Option<WorkerDeploymentOptions> {
    (!build_id.is_empty()).then(|| WorkerDeploymentOptions {
        deployment_name: NAME.to_owned(),
        build_id: build_id.to_owned(),
        worker_versioning_mode: Mode::Versioned.into(),
    })
}

pub(super) fn pinned_to(build_id: &str) -> VersioningOverride {
    let pinned =
        PinnedOverride { behavior: PinnedOverrideBehavior::Pinned.into(), version: Some(version(build_id)) };
    VersioningOverride { r#override: Some(Override::Pinned(pinned)), ..VersioningOverride::default() }
}

impl Table {
    /// The next workflow task for a version, or for workers without one.
    pub(super) async fn poll(
        &mut self,
        build_id: &str,
        wait: Duration,
    ) -> Option<PollWorkflowTaskQueueResponse> {
        let until = tokio::time::Instant::now() + wait;
        while tokio::time::Instant::now() < until {
            let mut request = Request::new(PollWorkflowTaskQueueRequest {
                namespace: NAMESPACE.to_owned(),
                task_queue: self.client.queue(),
                identity: format!("worker {build_id}"),
                deployment_options: options(build_id),
                ..Default::default()
            });
            request.set_timeout(wait);
            let polled = self.client.service.poll_workflow_task_queue(request).await;
            let task = polled.ok().map(tonic::Response::into_inner);
            if let Some(task) = task.filter(|task| !task.task_token.is_empty()) {
                return Some(task);
            }
        }
        None
    }

    /// Polls as a version until it is known to poll a queue; Temporal's server takes a while for that.
    pub(super) async fn register(&mut self, build_id: &str, of: TaskQueueType) {
        let queue = self.client.queue().unwrap().name;
        for wait in [Duration::from_millis(300), TASK, TASK, TASK] {
            match of {
                TaskQueueType::Activity => assert!(!self.poll_activity(build_id, &queue, wait).await),
                _ => assert!(self.poll(build_id, wait).await.is_none()),
            }
            let request = DescribeWorkerDeploymentVersionRequest {
                namespace: NAMESPACE.to_owned(),
                deployment_version: Some(version(build_id)),
                ..Default::default()
            };
            let answer = self.client.service.describe_worker_deployment_version(request).await;
            let info = answer.ok().and_then(|answer| answer.into_inner().worker_deployment_version_info);
            let queues = info.map(|info| info.task_queue_infos).unwrap_or_default();
            if queues.iter().any(|it| it.name == queue && it.r#type() == of) {
                return;
            }
            self.nothing = NOTHING_OF_TEMPORAL;
        }
        panic!("{build_id} is not known");
    }

    /// Completes a task as a worker of a version.
    pub(super) async fn complete(
        &mut self,
        build_id: &str,
        behavior: Behavior,
        task: &PollWorkflowTaskQueueResponse,
        commands: Vec<Attributes>,
    ) -> Result<(), Status> {
        let request = RespondWorkflowTaskCompletedRequest {
            deployment_options: options(build_id),
            versioning_behavior: behavior.into(),
            ..completed_with(task, commands)
        };
        self.client.service.respond_workflow_task_completed(request).await.map(|_| ())
    }

    pub(super) async fn signal(&mut self, name: &str) {
        let request = SignalWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: Some(self.client.execution(name)),
            signal_name: "signal".to_owned(),
            ..Default::default()
        };
        self.client.service.signal_workflow_execution(request).await.unwrap();
    }

    pub(super) async fn set_current(
        &mut self,
        build_id: &str,
    ) -> Result<SetWorkerDeploymentCurrentVersionResponse, Status> {
        let request = SetWorkerDeploymentCurrentVersionRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_name: NAME.to_owned(),
            build_id: build_id.to_owned(),
            identity: "me".to_owned(),
            ..Default::default()
        };
        let answer = self.client.service.set_worker_deployment_current_version(request).await;
        answer.map(tonic::Response::into_inner)
    }

    pub(super) async fn describe(&mut self) -> Result<DescribeWorkerDeploymentResponse, Status> {
        let request = DescribeWorkerDeploymentRequest {
            namespace: NAMESPACE.to_owned(),
            deployment_name: NAME.to_owned(),
        };
        self.client.service.describe_worker_deployment(request).await.map(tonic::Response::into_inner)
    }

    pub(super) async fn set_override(&mut self, name: &str, given: Option<VersioningOverride>) {
        let request = UpdateWorkflowExecutionOptionsRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: Some(self.client.execution(name)),
            workflow_execution_options: Some(WorkflowExecutionOptions {
                versioning_override: given,
                ..WorkflowExecutionOptions::default()
            }),
            update_mask: Some(FieldMask { paths: vec!["versioning_override".to_owned()] }),
            ..Default::default()
        };
        self.client.service.update_workflow_execution_options(request).await.unwrap();
    }

    pub(super) fn child(&self, name: &str, queue: Option<TaskQueue>) -> Attributes {
        Attributes::StartChildWorkflowExecutionCommandAttributes(Box::new(
            StartChildWorkflowExecutionCommandAttributes {
                workflow_id: self.client.id(name),
                workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
                task_queue: queue,
                ..Default::default()
            },
        ))
    }

    pub(super) async fn poll_activity(&mut self, build_id: &str, queue: &str, wait: Duration) -> bool {
        let mut request = Request::new(PollActivityTaskQueueRequest {
            namespace: NAMESPACE.to_owned(),
            task_queue: Some(TaskQueue { name: queue.to_owned(), ..TaskQueue::default() }),
            deployment_options: options(build_id),
            ..Default::default()
        });
        request.set_timeout(wait);
        let polled = self.client.service.poll_activity_task_queue(request).await;
        polled.is_ok_and(|task| !task.get_ref().task_token.is_empty())
    }
}
