//! Counts the runs that end.

use host_telemetry as telemetry;
use host_wire::temporal::api::{enums::v1::EventType, history::v1::HistoryEvent};

use super::Shard;
use crate::execution::{fact::Fact, transition::Changes};

/// The label that Temporal's server gives to these counters.
const OPERATION: &str = "CompletionStats";

impl Shard {
    /// Counts the runs that a transition ended.
    pub(super) fn count_ended(&self, changes: &Changes) {
        if !telemetry::is_enabled() {
            return;
        }
        for record in &changes.records {
            let events = record.facts.iter().filter_map(|fact| match fact {
                Fact::Event(recorded) | Fact::Flushed(recorded) => Some(&recorded.event),
                Fact::Buffered(_) | Fact::Unrecorded(_) => None,
            });
            let Some(counter) = events.filter_map(counter).next() else { continue };
            if let Some(run) = self.executions.get(record.run) {
                counter.count([&run.identity().namespace, OPERATION]);
            }
        }
    }
}

/// The counter of runs that end with this event.
fn counter(event: &HistoryEvent) -> Option<&'static telemetry::Counter<2>> {
    Some(match event.event_type() {
        EventType::WorkflowExecutionCompleted => &telemetry::SERVICE_WORKFLOW_SUCCESS,
        EventType::WorkflowExecutionFailed => &telemetry::SERVICE_WORKFLOW_FAILED,
        EventType::WorkflowExecutionTimedOut => &telemetry::SERVICE_WORKFLOW_TIMEOUT,
        EventType::WorkflowExecutionTerminated => &telemetry::SERVICE_WORKFLOW_TERMINATE,
        EventType::WorkflowExecutionCanceled => &telemetry::SERVICE_WORKFLOW_CANCEL,
        EventType::WorkflowExecutionContinuedAsNew => &telemetry::SERVICE_WORKFLOW_CONTINUED,
        _ => return None,
    })
}
