//! Ids of events, and the fields that refer to them.

use std::collections::BTreeMap;

use host_wire::temporal::api::history::v1::{
    HistoryEvent,
    history_event::Attributes::{self, *},
};

/// Counts events from 1; what refers to one of them follows if that is wanted.
pub(super) fn renumber(events: &mut [HistoryEvent], follow: bool) {
    let mut ids: BTreeMap<i64, i64> = BTreeMap::new();
    for (event, id) in events.iter_mut().zip(1..) {
        // Of doubles, the last is what others refer to.
        ids.insert(event.event_id, id);
        event.event_id = id;
    }
    if !follow {
        return;
    }
    for event in events {
        for reference in event.attributes.as_mut().map(references).unwrap_or_default() {
            if let Some(id) = ids.get(reference) {
                *reference = *id;
            }
        }
    }
}

fn references(attributes: &mut Attributes) -> Vec<&mut i64> {
    match attributes {
        WorkflowTaskStartedEventAttributes(it) => vec![&mut it.scheduled_event_id],
        WorkflowTaskCompletedEventAttributes(it) => {
            vec![&mut it.scheduled_event_id, &mut it.started_event_id]
        }
        WorkflowTaskTimedOutEventAttributes(it) => vec![&mut it.scheduled_event_id, &mut it.started_event_id],
        WorkflowTaskFailedEventAttributes(it) => vec![&mut it.scheduled_event_id, &mut it.started_event_id],
        ActivityTaskScheduledEventAttributes(it) => vec![&mut it.workflow_task_completed_event_id],
        ActivityTaskStartedEventAttributes(it) => vec![&mut it.scheduled_event_id],
        ActivityTaskCompletedEventAttributes(it) => {
            vec![&mut it.scheduled_event_id, &mut it.started_event_id]
        }
        ActivityTaskFailedEventAttributes(it) => vec![&mut it.scheduled_event_id, &mut it.started_event_id],
        ActivityTaskTimedOutEventAttributes(it) => vec![&mut it.scheduled_event_id, &mut it.started_event_id],
        ActivityTaskCancelRequestedEventAttributes(it) => {
            vec![&mut it.scheduled_event_id, &mut it.workflow_task_completed_event_id]
        }
        ActivityTaskCanceledEventAttributes(it) => {
            vec![
                &mut it.scheduled_event_id,
                &mut it.started_event_id,
                &mut it.latest_cancel_requested_event_id,
            ]
        }
        TimerStartedEventAttributes(it) => vec![&mut it.workflow_task_completed_event_id],
        TimerFiredEventAttributes(it) => vec![&mut it.started_event_id],
        TimerCanceledEventAttributes(it) => {
            vec![&mut it.started_event_id, &mut it.workflow_task_completed_event_id]
        }
        MarkerRecordedEventAttributes(it) => vec![&mut it.workflow_task_completed_event_id],
        StartChildWorkflowExecutionInitiatedEventAttributes(it) => {
            vec![&mut it.workflow_task_completed_event_id]
        }
        StartChildWorkflowExecutionFailedEventAttributes(it) => {
            vec![&mut it.initiated_event_id, &mut it.workflow_task_completed_event_id]
        }
        ChildWorkflowExecutionStartedEventAttributes(it) => vec![&mut it.initiated_event_id],
        ChildWorkflowExecutionCompletedEventAttributes(it) => {
            vec![&mut it.initiated_event_id, &mut it.started_event_id]
        }
        ChildWorkflowExecutionFailedEventAttributes(it) => {
            vec![&mut it.initiated_event_id, &mut it.started_event_id]
        }
        ChildWorkflowExecutionCanceledEventAttributes(it) => {
            vec![&mut it.initiated_event_id, &mut it.started_event_id]
        }
        ChildWorkflowExecutionTimedOutEventAttributes(it) => {
            vec![&mut it.initiated_event_id, &mut it.started_event_id]
        }
        ChildWorkflowExecutionTerminatedEventAttributes(it) => {
            vec![&mut it.initiated_event_id, &mut it.started_event_id]
        }
        SignalExternalWorkflowExecutionInitiatedEventAttributes(it) => {
            vec![&mut it.workflow_task_completed_event_id]
        }
        SignalExternalWorkflowExecutionFailedEventAttributes(it) => {
            vec![&mut it.initiated_event_id, &mut it.workflow_task_completed_event_id]
        }
        ExternalWorkflowExecutionSignaledEventAttributes(it) => vec![&mut it.initiated_event_id],
        RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(it) => {
            vec![&mut it.workflow_task_completed_event_id]
        }
        RequestCancelExternalWorkflowExecutionFailedEventAttributes(it) => {
            vec![&mut it.initiated_event_id, &mut it.workflow_task_completed_event_id]
        }
        ExternalWorkflowExecutionCancelRequestedEventAttributes(it) => vec![&mut it.initiated_event_id],
        UpsertWorkflowSearchAttributesEventAttributes(it) => vec![&mut it.workflow_task_completed_event_id],
        WorkflowPropertiesModifiedEventAttributes(it) => vec![&mut it.workflow_task_completed_event_id],
        WorkflowExecutionUpdateAcceptedEventAttributes(it) => {
            vec![&mut it.accepted_request_sequencing_event_id]
        }
        WorkflowExecutionUpdateCompletedEventAttributes(it) => vec![&mut it.accepted_event_id],
        NexusOperationScheduledEventAttributes(it) => vec![&mut it.workflow_task_completed_event_id],
        NexusOperationStartedEventAttributes(it) => vec![&mut it.scheduled_event_id],
        NexusOperationCompletedEventAttributes(it) => vec![&mut it.scheduled_event_id],
        NexusOperationFailedEventAttributes(it) => vec![&mut it.scheduled_event_id],
        NexusOperationCanceledEventAttributes(it) => vec![&mut it.scheduled_event_id],
        NexusOperationTimedOutEventAttributes(it) => vec![&mut it.scheduled_event_id],
        NexusOperationCancelRequestedEventAttributes(it) => {
            vec![&mut it.scheduled_event_id, &mut it.workflow_task_completed_event_id]
        }
        WorkflowExecutionCompletedEventAttributes(it) => vec![&mut it.workflow_task_completed_event_id],
        WorkflowExecutionFailedEventAttributes(it) => vec![&mut it.workflow_task_completed_event_id],
        WorkflowExecutionCanceledEventAttributes(it) => vec![&mut it.workflow_task_completed_event_id],
        WorkflowExecutionContinuedAsNewEventAttributes(it) => vec![&mut it.workflow_task_completed_event_id],
        _ => Vec::new(),
    }
}
