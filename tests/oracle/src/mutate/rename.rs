//! Changes to what an event is called, and to which other event it belongs.

use bytes::Bytes;
use host_wire::{
    EventAttributes as E,
    temporal::api::history::v1::{HistoryEvent, MarkerRecordedEventAttributes},
};

const OTHER: &str = "renamed";

/// Changes a type, or an id that the workflow chose; nothing when the event has neither.
pub(super) fn rename(event: &mut HistoryEvent) -> Option<String> {
    // Which of an event's names it is follows from its id, so that all of them come up.
    let second = event.event_id % 2 == 0;
    let (what, name) = match event.attributes.as_mut()? {
        E::ActivityTaskScheduledEventAttributes(it) if second => ("id", &mut it.activity_id),
        E::ActivityTaskScheduledEventAttributes(it) => ("type", &mut it.activity_type.as_mut()?.name),
        E::TimerStartedEventAttributes(it) => ("id", &mut it.timer_id),
        E::TimerFiredEventAttributes(it) => ("id", &mut it.timer_id),
        E::TimerCanceledEventAttributes(it) => ("id", &mut it.timer_id),
        E::StartChildWorkflowExecutionInitiatedEventAttributes(it) if second => ("id", &mut it.workflow_id),
        E::StartChildWorkflowExecutionInitiatedEventAttributes(it) => {
            ("type", &mut it.workflow_type.as_mut()?.name)
        }
        E::ChildWorkflowExecutionStartedEventAttributes(it) => {
            ("run id", &mut it.workflow_execution.as_mut()?.run_id)
        }
        E::SignalExternalWorkflowExecutionInitiatedEventAttributes(it) if second => {
            ("id", &mut it.workflow_execution.as_mut()?.workflow_id)
        }
        E::SignalExternalWorkflowExecutionInitiatedEventAttributes(it) => ("name", &mut it.signal_name),
        E::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(it) => {
            ("id", &mut it.workflow_execution.as_mut()?.workflow_id)
        }
        E::WorkflowExecutionSignaledEventAttributes(it) => ("name", &mut it.signal_name),
        E::WorkflowExecutionContinuedAsNewEventAttributes(it) => {
            ("type", &mut it.workflow_type.as_mut()?.name)
        }
        E::WorkflowExecutionUpdateAcceptedEventAttributes(it) => ("id", &mut it.protocol_instance_id),
        E::WorkflowExecutionUpdateCompletedEventAttributes(it) => ("id", &mut it.meta.as_mut()?.update_id),
        E::NexusOperationScheduledEventAttributes(it) => ("operation", &mut it.operation),
        E::MarkerRecordedEventAttributes(it) if second => return rename_in_details(it),
        E::MarkerRecordedEventAttributes(it) => ("name", &mut it.marker_name),
        _ => return None,
    };
    OTHER.clone_into(name);
    Some(format!("the {what}"))
}

/// The id of the patch or the type of the local activity, which stand in JSON.
fn rename_in_details(marker: &mut MarkerRecordedEventAttributes) -> Option<String> {
    let (key, name) = match marker.marker_name.as_str() {
        "core_patch" => ("patch-data", "id"),
        "core_local_activity" => ("data", "activity_type"),
        _ => return None,
    };
    let payload = marker.details.get_mut(key)?.payloads.first_mut()?;
    let mut data: serde_json::Value = serde_json::from_slice(&payload.data).ok()?;
    *data.get_mut(name)? = OTHER.into();
    payload.data = Bytes::from(data.to_string());
    Some(format!("the {name} in the details"))
}

/// Makes an outcome belong to another event.
pub(super) fn reseat(event: &mut HistoryEvent) -> Option<String> {
    let (what, id) = match event.attributes.as_mut()? {
        E::ActivityTaskStartedEventAttributes(it) => ("the activity", &mut it.scheduled_event_id),
        E::ActivityTaskCompletedEventAttributes(it) => ("the activity", &mut it.scheduled_event_id),
        E::ActivityTaskFailedEventAttributes(it) => ("the activity", &mut it.scheduled_event_id),
        E::ActivityTaskTimedOutEventAttributes(it) => ("the activity", &mut it.scheduled_event_id),
        E::ActivityTaskCanceledEventAttributes(it) => ("the activity", &mut it.scheduled_event_id),
        E::ActivityTaskCancelRequestedEventAttributes(it) => ("the activity", &mut it.scheduled_event_id),
        E::TimerFiredEventAttributes(it) => ("the timer", &mut it.started_event_id),
        E::TimerCanceledEventAttributes(it) => ("the timer", &mut it.started_event_id),
        E::ChildWorkflowExecutionStartedEventAttributes(it) => ("the child", &mut it.initiated_event_id),
        E::ChildWorkflowExecutionCompletedEventAttributes(it) => ("the child", &mut it.initiated_event_id),
        E::ChildWorkflowExecutionFailedEventAttributes(it) => ("the child", &mut it.initiated_event_id),
        E::ChildWorkflowExecutionCanceledEventAttributes(it) => ("the child", &mut it.initiated_event_id),
        E::StartChildWorkflowExecutionFailedEventAttributes(it) => ("the child", &mut it.initiated_event_id),
        E::ExternalWorkflowExecutionSignaledEventAttributes(it) => ("the signal", &mut it.initiated_event_id),
        E::SignalExternalWorkflowExecutionFailedEventAttributes(it) => {
            ("the signal", &mut it.initiated_event_id)
        }
        E::ExternalWorkflowExecutionCancelRequestedEventAttributes(it) => {
            ("the request", &mut it.initiated_event_id)
        }
        E::WorkflowExecutionUpdateAcceptedEventAttributes(it) => {
            ("the request", &mut it.accepted_request_sequencing_event_id)
        }
        E::WorkflowExecutionUpdateCompletedEventAttributes(it) => {
            ("the acceptance", &mut it.accepted_event_id)
        }
        E::WorkflowTaskCompletedEventAttributes(it) => ("the start", &mut it.started_event_id),
        _ => return None,
    };
    *id += if event.event_id % 2 == 0 { 1 } else { -1 };
    Some(what.to_owned())
}
