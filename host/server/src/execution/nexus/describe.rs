//! Nexus operations and callbacks in a description.

use host_wire::temporal::api::{
    common::v1::Callback,
    enums::v1::{CallbackState, NexusOperationCancellationState as Cancelling, PendingNexusOperationState},
    workflow::v1::{
        CallbackInfo, NexusOperationCancellationInfo, PendingNexusOperationInfo,
        callback_info::{Trigger, WorkflowClosed, trigger::Variant},
    },
};

use crate::execution::{
    nexus::state::{Cancellation, Operation},
    run::Run,
};

/// One of the `pending_nexus_operations` of DescribeWorkflowExecution.
pub(crate) fn pending(operation: &Operation) -> PendingNexusOperationInfo {
    let scheduled = &operation.scheduled;
    let call = &operation.start;
    let state = match &operation.token {
        Some(_) => PendingNexusOperationState::Started,
        None if call.backing_off => PendingNexusOperationState::BackingOff,
        None => PendingNexusOperationState::Scheduled,
    };
    let token = operation.token.clone().unwrap_or_default();
    PendingNexusOperationInfo {
        endpoint: scheduled.endpoint.clone(),
        service: scheduled.service.clone(),
        operation: scheduled.operation.clone(),
        operation_id: token.clone(),
        operation_token: token,
        scheduled_event_id: operation.scheduled_event_id,
        schedule_to_close_timeout: scheduled.schedule_to_close_timeout,
        scheduled_time: Some(operation.scheduled_time.into()),
        state: state.into(),
        attempt: call.ended,
        last_attempt_complete_time: call.last_attempt_end.map(Into::into),
        last_attempt_failure: call.last_failure.clone(),
        next_attempt_schedule_time: call.backing_off.then(|| call.attempt_time.into()),
        cancellation_info: operation.cancellation.as_ref().map(cancellation),
        ..PendingNexusOperationInfo::default()
    }
}

fn cancellation(cancellation: &Cancellation) -> NexusOperationCancellationInfo {
    let call = &cancellation.call;
    let state = match &cancellation.outcome {
        Some(Ok(())) => Cancelling::Succeeded,
        Some(Err(_)) => Cancelling::Failed,
        None if cancellation.time.is_none() => Cancelling::Unspecified,
        None if call.backing_off => Cancelling::BackingOff,
        None => Cancelling::Scheduled,
    };
    NexusOperationCancellationInfo {
        requested_time: cancellation.time.map(Into::into),
        state: state.into(),
        attempt: call.ended,
        last_attempt_complete_time: call.last_attempt_end.map(Into::into),
        last_attempt_failure: call.last_failure.clone(),
        next_attempt_schedule_time: call.backing_off.then(|| call.attempt_time.into()),
        ..NexusOperationCancellationInfo::default()
    }
}

/// The `callbacks` of DescribeWorkflowExecution. They are delivered in the transition that closes the run.
pub(crate) fn callbacks(run: &Run) -> Vec<CallbackInfo> {
    let is_delivered = !run.is_open() && run.resets().replaced_by().is_empty();
    let info = |callback: &Callback| CallbackInfo {
        callback: Some(callback.clone()),
        trigger: Some(Trigger { variant: Some(Variant::WorkflowClosed(WorkflowClosed {})) }),
        registration_time: Some(run.start().original_time().into()),
        state: if is_delivered { CallbackState::Succeeded } else { CallbackState::Standby }.into(),
        attempt: i32::from(is_delivered),
        last_attempt_complete_time: run.close_time().filter(|_| is_delivered).map(Into::into),
        ..CallbackInfo::default()
    };
    run.callbacks().map(info).collect()
}
