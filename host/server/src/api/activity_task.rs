//! Activity tasks as workers get them.

use host_wire::temporal::api::{
    common::v1::WorkflowType, workflowservice::v1::PollActivityTaskQueueResponse,
};
use prost::Message;

use crate::execution::{priority, record::RunNumber, run::Run, token::TaskToken};

/// What a worker gets for an attempt that was just started.
pub(crate) fn response(number: RunNumber, run: &Run, id: i64) -> Option<PollActivityTaskQueueResponse> {
    let token = TaskToken::of_activity(number, run, id)?;
    let activity = run.activities().get(id)?;
    let started = activity.started.as_ref()?;
    let scheduled = &activity.scheduled;
    Some(PollActivityTaskQueueResponse {
        task_token: token.encode_to_vec().into(),
        workflow_namespace: run.identity().namespace.clone(),
        workflow_type: Some(WorkflowType { name: run.start().workflow_type().to_owned() }),
        workflow_execution: Some(run.execution()),
        activity_type: scheduled.activity_type.clone(),
        activity_id: scheduled.activity_id.clone(),
        header: scheduled.header.clone(),
        input: scheduled.input.clone(),
        heartbeat_details: activity.heartbeat_details.clone(),
        scheduled_time: Some(activity.scheduled_time.into()),
        current_attempt_scheduled_time: Some(activity.attempt_time.into()),
        started_time: Some(started.time.into()),
        attempt: activity.attempt,
        schedule_to_close_timeout: scheduled.schedule_to_close_timeout,
        start_to_close_timeout: scheduled.start_to_close_timeout,
        heartbeat_timeout: scheduled.heartbeat_timeout,
        retry_policy: scheduled.retry_policy.clone(),
        priority: priority::merged(run.options().priority(), scheduled.priority.as_ref()),
        ..PollActivityTaskQueueResponse::default()
    })
}
