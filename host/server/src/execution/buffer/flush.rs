//! Moves buffered events into the history.

use std::collections::BTreeMap;

use host_wire::{EventAttributes, temporal::api::history::v1::HistoryEvent};

use crate::execution::run_transition::RunTransition;

/// Moves buffered events into the history, results of activities, children and Nexus operations last; answers
/// whether there were any.
pub(crate) fn flush(run: &mut RunTransition<'_>) -> bool {
    let buffered = run.buffer().events().to_vec();
    let (results, others): (Vec<_>, Vec<_>) = buffered.into_iter().partition(is_result);
    let mut started_ids = BTreeMap::new();
    let mut flushed = false;
    for mut event in others.into_iter().chain(results) {
        flushed = true;
        event.event_id = run.history().next_event_id();
        event.task_id = event.event_id;
        match event.attributes.as_mut() {
            Some(EventAttributes::ActivityTaskStartedEventAttributes(started)) => {
                started_ids.insert(started.scheduled_event_id, event.event_id);
            }
            Some(EventAttributes::ChildWorkflowExecutionStartedEventAttributes(started)) => {
                started_ids.insert(started.initiated_event_id, event.event_id);
            }
            Some(attributes) => fill_started_id(attributes, &started_ids),
            None => {}
        }
        run.record_flushed(event);
    }
    flushed
}

fn is_result(event: &HistoryEvent) -> bool {
    closes(event).is_some()
}

/// The event that opened the activity, child or Nexus operation which this event closes.
pub(crate) fn closes(event: &HistoryEvent) -> Option<i64> {
    use EventAttributes as A;
    match event.attributes.as_ref()? {
        A::NexusOperationCompletedEventAttributes(a) => Some(a.scheduled_event_id),
        A::NexusOperationFailedEventAttributes(a) => Some(a.scheduled_event_id),
        A::NexusOperationCanceledEventAttributes(a) => Some(a.scheduled_event_id),
        A::NexusOperationTimedOutEventAttributes(a) => Some(a.scheduled_event_id),
        _ => Some(result_ids(&mut event.attributes.clone()?)?.0),
    }
}

fn fill_started_id(attributes: &mut EventAttributes, started_ids: &BTreeMap<i64, i64>) {
    if let Some((opened, started)) = result_ids(attributes)
        && *started == 0
    {
        *started = started_ids.get(&opened).copied().unwrap_or_default();
    }
}

/// The id of the event that opened the activity or child which this event closes, and its `started_event_id`.
fn result_ids(attributes: &mut EventAttributes) -> Option<(i64, &mut i64)> {
    use EventAttributes as A;
    Some(match attributes {
        A::ActivityTaskCompletedEventAttributes(a) => (a.scheduled_event_id, &mut a.started_event_id),
        A::ActivityTaskFailedEventAttributes(a) => (a.scheduled_event_id, &mut a.started_event_id),
        A::ActivityTaskTimedOutEventAttributes(a) => (a.scheduled_event_id, &mut a.started_event_id),
        A::ActivityTaskCanceledEventAttributes(a) => (a.scheduled_event_id, &mut a.started_event_id),
        A::ChildWorkflowExecutionCompletedEventAttributes(a) => {
            (a.initiated_event_id, &mut a.started_event_id)
        }
        A::ChildWorkflowExecutionFailedEventAttributes(a) => (a.initiated_event_id, &mut a.started_event_id),
        A::ChildWorkflowExecutionCanceledEventAttributes(a) => {
            (a.initiated_event_id, &mut a.started_event_id)
        }
        A::ChildWorkflowExecutionTimedOutEventAttributes(a) => {
            (a.initiated_event_id, &mut a.started_event_id)
        }
        A::ChildWorkflowExecutionTerminatedEventAttributes(a) => {
            (a.initiated_event_id, &mut a.started_event_id)
        }
        // Those of Nexus operations do not name their started event.
        _ => return None,
    })
}
