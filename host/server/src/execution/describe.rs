//! What DescribeWorkflowExecution and the lists say about a run.

use host_wire::{
    duration_to_proto,
    temporal::api::{
        common::v1::{Payload, SearchAttributes, WorkflowType},
        enums::v1::{PendingActivityState, PendingWorkflowTaskState},
        taskqueue::v1::TaskQueue,
        workflow::v1::{
            PendingActivityInfo, PendingChildExecutionInfo, PendingWorkflowTaskInfo, WorkflowExecutionConfig,
            WorkflowExecutionExtendedInfo, WorkflowExecutionInfo,
        },
        workflowservice::v1::DescribeWorkflowExecutionResponse,
    },
};

use crate::{
    execution::{activity::Activity, run::Run, workflow_task::WorkflowTask},
    namespace::namespace_id,
    time::{Time, positive},
};

/// Everything about a run that clients may ask for at once.
pub(crate) fn describe(run: &Run) -> DescribeWorkflowExecutionResponse {
    DescribeWorkflowExecutionResponse {
        execution_config: Some(WorkflowExecutionConfig {
            task_queue: run.start.task_queue.clone(),
            workflow_execution_timeout: run.start.workflow_execution_timeout,
            workflow_run_timeout: run.start.workflow_run_timeout,
            default_workflow_task_timeout: run.start.workflow_task_timeout,
            user_metadata: run.user_metadata.clone(),
        }),
        workflow_execution_info: Some(info(run)),
        pending_activities: run.activities.values().map(pending_activity).collect(),
        pending_children: run
            .children
            .iter()
            .map(|(id, child)| PendingChildExecutionInfo {
                workflow_id: child.initiated.workflow_id.clone(),
                run_id: child.run_id.clone(),
                workflow_type_name: child.initiated.workflow_type.clone().unwrap_or_default().name,
                initiated_id: *id,
                parent_close_policy: child.initiated.parent_close_policy,
            })
            .collect(),
        pending_workflow_task: run.task.as_ref().map(pending_task),
        workflow_extended_info: Some(WorkflowExecutionExtendedInfo {
            execution_expiration_time: run.start.workflow_execution_expiration_time,
            run_expiration_time: positive(run.start.workflow_run_timeout).and(run.expires()).map(Into::into),
            cancel_requested: run.cancel_requested,
            original_start_time: Some(run.start_time.into()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// What a list says about a run.
pub(crate) fn info(run: &Run) -> WorkflowExecutionInfo {
    let execution_time =
        run.start_time.after(positive(run.start.first_workflow_task_backoff).unwrap_or_default());
    let parent_namespace = &run.start.parent_workflow_namespace;
    WorkflowExecutionInfo {
        execution: Some(run.execution()),
        r#type: Some(WorkflowType { name: run.workflow_type().to_owned() }),
        start_time: Some(run.start_time.into()),
        close_time: run.close_time.map(Into::into),
        status: run.status.into(),
        history_length: i64::try_from(run.history.len()).unwrap_or(i64::MAX),
        parent_namespace_id: namespace_id(parent_namespace),
        parent_execution: run.start.parent_workflow_execution.clone(),
        execution_time: Some(execution_time.into()),
        memo: Some(run.memo_message().unwrap_or_default()),
        search_attributes: search_attributes(run),
        task_queue: run.queue_name().to_owned(),
        state_transition_count: run.transitions,
        history_size_bytes: i64::try_from(run.history_bytes).unwrap_or(i64::MAX),
        most_recent_worker_version_stamp: run.worker_version.clone(),
        execution_duration: run.close_time.map(|close: Time| duration_to_proto(close.since(execution_time))),
        root_execution: Some(run.root()),
        first_run_id: run.start.first_execution_run_id.clone(),
        priority: run.start.priority.clone(),
        ..Default::default()
    }
}

/// The run's own, and the builds of the workers that completed its tasks.
fn search_attributes(run: &Run) -> Option<SearchAttributes> {
    let mut fields = run.search_attributes.clone();
    if !run.build_ids.is_empty() {
        let mut ids = vec!["\"unversioned\"".to_owned()];
        ids.extend(
            run.build_ids.iter().map(|id| format!("\"unversioned:{}\"", id.replace(['"', '\\'], "?"))),
        );
        let metadata = [("encoding", "json/plain"), ("type", "KeywordList")];
        let payload = Payload {
            metadata: metadata.map(|(name, value)| (name.to_owned(), value.into())).into(),
            data: format!("[{}]", ids.join(",")).into(),
            ..Payload::default()
        };
        fields.insert("BuildIds".to_owned(), payload);
    }
    (!fields.is_empty()).then_some(SearchAttributes { indexed_fields: fields })
}

fn pending_task(task: &WorkflowTask) -> PendingWorkflowTaskInfo {
    let state = match task.started {
        Some(_) => PendingWorkflowTaskState::Started,
        None => PendingWorkflowTaskState::Scheduled,
    };
    PendingWorkflowTaskInfo {
        state: state.into(),
        scheduled_time: Some(task.scheduled_time.into()),
        original_scheduled_time: Some(task.scheduled_time.into()),
        started_time: task.started.as_ref().map(|started| started.time.into()),
        attempt: task.attempt,
    }
}

fn pending_activity(activity: &Activity) -> PendingActivityInfo {
    let state = match &activity.started {
        Some(_) if activity.cancel_requested_event_id != 0 => PendingActivityState::CancelRequested,
        Some(_) => PendingActivityState::Started,
        None => PendingActivityState::Scheduled,
    };
    let scheduled = &activity.scheduled;
    let retry_interval =
        activity.last_attempt_end.map(|end| duration_to_proto(activity.attempt_time.since(end)));
    PendingActivityInfo {
        activity_id: scheduled.activity_id.clone(),
        activity_type: scheduled.activity_type.clone(),
        state: state.into(),
        heartbeat_details: activity.heartbeat_details.clone(),
        last_heartbeat_time: activity.heartbeat_time.map(Into::into),
        last_started_time: activity.started.as_ref().map(|started| started.time.into()),
        attempt: activity.attempt,
        maximum_attempts: scheduled.retry_policy.as_ref().map_or(0, |policy| policy.maximum_attempts),
        scheduled_time: Some(activity.attempt_time.into()),
        expiration_time: activity.expires().map(Into::into),
        last_failure: activity.last_failure.clone(),
        last_worker_identity: activity.last_worker_identity.clone(),
        current_retry_interval: retry_interval,
        last_attempt_complete_time: activity.last_attempt_end.map(Into::into),
        next_attempt_schedule_time: activity.backing_off.then(|| activity.attempt_time.into()),
        ..Default::default()
    }
}

/// The queue of the run, for answers that name it.
pub(crate) fn queue(run: &Run) -> Option<TaskQueue> {
    run.start.task_queue.clone()
}
