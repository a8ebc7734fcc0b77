//! What DescribeWorkflowExecution and the lists say about a run.

use host_wire::{
    duration_to_proto,
    temporal::api::{
        common::v1::{SearchAttributes, WorkflowType},
        workflow::v1::{WorkflowExecutionConfig, WorkflowExecutionExtendedInfo, WorkflowExecutionInfo},
        workflowservice::v1::DescribeWorkflowExecutionResponse,
    },
};

use crate::{
    execution::{activity, child, nexus, run::Run, versioning, workflow_task},
    namespace::namespace_id,
    time::{Time, positive},
};

/// The answer to DescribeWorkflowExecution.
pub(crate) fn describe(run: &Run) -> DescribeWorkflowExecutionResponse {
    let start = run.start().attributes();
    DescribeWorkflowExecutionResponse {
        execution_config: Some(WorkflowExecutionConfig {
            task_queue: start.task_queue.clone(),
            workflow_execution_timeout: start.workflow_execution_timeout,
            workflow_run_timeout: start.workflow_run_timeout,
            default_workflow_task_timeout: start.workflow_task_timeout,
            user_metadata: run.start().user_metadata().cloned(),
        }),
        workflow_execution_info: Some(WorkflowExecutionInfo {
            auto_reset_points: run.reset_points().all(),
            versioning_info: versioning::describe::info(run),
            worker_deployment_name: run.versioning().deployment_name().to_owned(),
            ..info(run)
        }),
        pending_activities: run.activities().iter().map(activity::describe::pending).collect(),
        pending_nexus_operations: run.nexus().iter().map(nexus::describe::pending).collect(),
        callbacks: nexus::describe::callbacks(run),
        pending_children: run
            .children()
            .iter()
            .map(|(id, child)| child::describe::pending(id, child))
            .collect(),
        pending_workflow_task: run.workflow_tasks().task().map(workflow_task::describe::pending),
        workflow_extended_info: Some(WorkflowExecutionExtendedInfo {
            execution_expiration_time: start.workflow_execution_expiration_time,
            run_expiration_time: positive(start.workflow_run_timeout)
                .and(run.start().expires())
                .map(Into::into),
            cancel_requested: run.cancel_requested(),
            last_reset_time: run.start().reset_time().map(Into::into),
            original_start_time: Some(run.start().original_time().into()),
            reset_run_id: run.resets().replaced_by().to_owned(),
            ..Default::default()
        }),
    }
}

/// The run in a list, and in its description.
pub(crate) fn info(run: &Run) -> WorkflowExecutionInfo {
    let execution_time = run.start().execution_time();
    let parent_namespace = &run.start().attributes().parent_workflow_namespace;
    WorkflowExecutionInfo {
        execution: Some(run.execution()),
        r#type: Some(WorkflowType { name: run.start().workflow_type().to_owned() }),
        start_time: Some(run.start().time().into()),
        close_time: run.close_time().map(Into::into),
        status: run.status().into(),
        history_length: i64::try_from(run.history().events().len()).unwrap_or(i64::MAX),
        parent_namespace_id: namespace_id(parent_namespace),
        parent_execution: run.start().attributes().parent_workflow_execution.clone(),
        execution_time: Some(execution_time.into()),
        memo: Some(run.attributes().memo().unwrap_or_default()),
        search_attributes: search_attributes(run),
        task_queue: run.start().queue_name().to_owned(),
        state_transition_count: run.transitions(),
        history_size_bytes: i64::try_from(run.history().bytes()).unwrap_or(i64::MAX),
        most_recent_worker_version_stamp: run.workflow_tasks().worker_version().cloned(),
        execution_duration: run
            .close_time()
            .map(|close: Time| duration_to_proto(close.since(execution_time))),
        root_execution: Some(run.root()),
        first_run_id: run.start().attributes().first_execution_run_id.clone(),
        priority: run.options().priority().cloned(),
        ..Default::default()
    }
}

/// The search attributes of the run, and those that the service sets as workers complete its tasks.
fn search_attributes(run: &Run) -> Option<SearchAttributes> {
    let mut fields = run.attributes().search_attributes().unwrap_or_default().indexed_fields;
    versioning::describe::add_attributes(run, &mut fields);
    (!fields.is_empty()).then_some(SearchAttributes { indexed_fields: fields })
}
