//! The requests that answer a workflow task. Pure: `reporter` sends them.

use bytes::Bytes;
use host_core::Completion;
use host_service::CLIENT_NAME;
use host_wire::{
    duration_to_proto,
    temporal::api::{
        common::v1::WorkerVersionStamp,
        enums::v1::{VersioningBehavior, WorkflowTaskFailedCause},
        failure::v1::{ApplicationFailureInfo, Failure, failure::FailureInfo},
        query::v1::WorkflowQueryResult,
        taskqueue::v1::StickyExecutionAttributes,
        workflowservice::v1::{
            RespondQueryTaskCompletedRequest, RespondWorkflowTaskCompletedRequest,
            RespondWorkflowTaskFailedRequest, respond_workflow_task_completed_request,
        },
    },
};

use crate::{
    config::STICKY_SCHEDULE_TO_START_TIMEOUT,
    connection::Connection,
    convert,
    modules::LoadedModule,
    task_queues::{QueueKind, Queues},
};

/// Makes the requests of one worker.
#[derive(Debug)]
pub(crate) struct Responses<'a> {
    pub(crate) connection: &'a Connection,
    /// Nothing without a cache: then each task comes with its whole history.
    pub(crate) sticky: Option<&'a Queues>,
}

/// Who works on the next task of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextTask {
    /// This host, which keeps the run: the task may come with the answer.
    Here,
    /// Any other one: local activities of the run are under way, and this host stops.
    Elsewhere,
}

/// What a completion says of the module that executed the task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExecutedBy {
    /// Names the module in history.
    pub(crate) build_id: String,
    /// Whether the run stays on the version of this worker. Unspecified for workers without one: the service refuses
    /// anything else of them.
    pub(crate) versioning_behavior: VersioningBehavior,
}

impl ExecutedBy {
    /// The module that executed a task of a run of this type.
    pub(crate) fn new(connection: &Connection, module: &LoadedModule, workflow_type: &str) -> Self {
        let behavior = connection.version.as_ref().map(|version| version.behavior(workflow_type));
        Self { build_id: module.build_id(), versioning_behavior: behavior.unwrap_or_default() }
    }
}

impl Responses<'_> {
    /// `RespondWorkflowTaskCompleted`.
    pub(crate) fn completed(
        &self,
        task_token: Bytes,
        completion: Completion,
        executed: ExecutedBy,
        next: NextTask,
    ) -> RespondWorkflowTaskCompletedRequest {
        let ExecutedBy { build_id, versioning_behavior } = executed;
        let is_here = next == NextTask::Here;
        let sticky = self.sticky.filter(|_| is_here && !completion.ends_run);
        RespondWorkflowTaskCompletedRequest {
            task_token,
            commands: completion.commands,
            identity: self.connection.identity.clone(),
            sticky_attributes: sticky.map(|queues| StickyExecutionAttributes {
                worker_task_queue: Some(queues.queue(QueueKind::Sticky)),
                schedule_to_start_timeout: Some(duration_to_proto(STICKY_SCHEDULE_TO_START_TIMEOUT)),
            }),
            return_new_workflow_task: is_here,
            force_create_new_workflow_task: completion.force_create_new_workflow_task,
            query_results: completion.query_results,
            namespace: self.connection.namespace.clone(),
            // Names the module in history, also where a deployment does; routing is not touched.
            worker_version_stamp: Some(WorkerVersionStamp { build_id, use_versioning: false }),
            versioning_behavior: versioning_behavior.into(),
            deployment_options: self.connection.deployment_options(),
            messages: completion.messages,
            sdk_metadata: self.connection.capabilities.sdk_metadata.then_some(completion.sdk_metadata),
            capabilities: Some(respond_workflow_task_completed_request::Capabilities {
                discard_speculative_workflow_task_with_events: true,
            }),
            worker_instance_key: self.connection.instance_key.clone(),
            ..Default::default()
        }
    }

    /// `RespondWorkflowTaskFailed`.
    pub(crate) fn failed(
        &self,
        task_token: Bytes,
        cause: WorkflowTaskFailedCause,
        failure: Failure,
    ) -> RespondWorkflowTaskFailedRequest {
        RespondWorkflowTaskFailedRequest {
            task_token,
            cause: cause.into(),
            failure: Some(failure),
            identity: self.connection.identity.clone(),
            namespace: self.connection.namespace.clone(),
            deployment_options: self.connection.deployment_options(),
            ..Default::default()
        }
    }

    /// `RespondQueryTaskCompleted`.
    pub(crate) fn queried(
        &self,
        task_token: Bytes,
        result: WorkflowQueryResult,
    ) -> RespondQueryTaskCompletedRequest {
        RespondQueryTaskCompletedRequest {
            task_token,
            completed_type: result.result_type,
            query_result: result.answer,
            error_message: result.error_message,
            failure: result.failure,
            namespace: self.connection.namespace.clone(),
            ..Default::default()
        }
    }
}

/// A failure that the host itself reports of a workflow task.
pub(crate) fn host_failure(error_type: &str, message: String) -> Failure {
    convert::failure::fit_event(Failure {
        message,
        source: CLIENT_NAME.to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
            r#type: error_type.to_owned(),
            ..Default::default()
        })),
        ..Default::default()
    })
}
