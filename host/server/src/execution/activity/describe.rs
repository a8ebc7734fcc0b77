//! Activities in a description.

use host_wire::{
    duration_to_proto,
    temporal::api::{
        enums::v1::PendingActivityState,
        workflow::v1::{
            PendingActivityInfo,
            pending_activity_info::{
                PauseInfo,
                pause_info::{Manual, PausedBy},
            },
        },
    },
};

use crate::{deployment::version::older_name, execution::activity::state::Activity};

/// One of the `pending_activities` of DescribeWorkflowExecution.
pub(crate) fn pending(activity: &Activity) -> PendingActivityInfo {
    let state = match &activity.started {
        Some(_) if activity.cancel_requested() => PendingActivityState::CancelRequested,
        Some(_) if activity.paused.is_some() => PendingActivityState::PauseRequested,
        Some(_) => PendingActivityState::Started,
        None if activity.paused.is_some() => PendingActivityState::Paused,
        None => PendingActivityState::Scheduled,
    };
    let pause_info = activity.paused.as_ref().map(|pause| PauseInfo {
        pause_time: Some(pause.time.into()),
        paused_by: Some(PausedBy::Manual(Manual {
            identity: pause.identity.clone(),
            reason: pause.reason.clone(),
        })),
    });
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
        last_worker_deployment_version: activity
            .last_deployment
            .as_ref()
            .map_or(String::new(), |version| older_name(Some(version))),
        last_deployment_version: activity.last_deployment.clone(),
        current_retry_interval: retry_interval,
        last_attempt_complete_time: activity.last_attempt_end.map(Into::into),
        next_attempt_schedule_time: activity.backing_off.then(|| activity.attempt_time.into()),
        paused: activity.paused.is_some(),
        pause_info,
        activity_options: Some(activity.options()),
        priority: scheduled.priority.clone(),
        ..Default::default()
    }
}
