//! How executions end: the closing event of a run, and the run that it continues as.

use guest_sdk_types::{Failure, Payload, Returned};
use host_wire::{
    EventAttributes, payloads_from_proto,
    temporal::api::{enums::v1::EventType, history::v1::HistoryEvent},
};

use crate::error::{Error, WorkflowFailed};

/// An execution that is closed.
#[derive(Clone, Debug, PartialEq)]
pub struct Closed {
    /// The last event of its last run.
    pub event: HistoryEvent,
}

impl Closed {
    /// The result, if the workflow completed.
    ///
    /// # Errors
    ///
    /// [`Error::Workflow`] when it was closed in another way, [`Error::Answer`] when the event closes
    /// nothing.
    pub fn result(self) -> Result<Vec<Payload>, Error> {
        Err(Box::new(match self.event.attributes {
            Some(EventAttributes::WorkflowExecutionCompletedEventAttributes(completed)) => {
                return Ok(payloads_from_proto(completed.result));
            }
            Some(EventAttributes::WorkflowExecutionFailedEventAttributes(failed)) => {
                WorkflowFailed::Failed(failed.failure.map(Failure::from).unwrap_or_default())
            }
            Some(EventAttributes::WorkflowExecutionCanceledEventAttributes(canceled)) => {
                WorkflowFailed::Canceled(payloads_from_proto(canceled.details))
            }
            Some(EventAttributes::WorkflowExecutionTerminatedEventAttributes(terminated)) => {
                WorkflowFailed::Terminated {
                    reason: terminated.reason,
                    identity: terminated.identity,
                    details: payloads_from_proto(terminated.details),
                }
            }
            Some(EventAttributes::WorkflowExecutionTimedOutEventAttributes(_)) => WorkflowFailed::TimedOut,
            _ => return Err(Error::Answer("the last event closes nothing")),
        })
        .into())
    }

    /// The result as a value.
    ///
    /// # Errors
    ///
    /// As [`Closed::result`], and [`Error::Payload`] when the result is of another type.
    pub fn value<T: Returned>(self) -> Result<T, Error> {
        let payload = self.result()?.into_iter().next();
        T::from_payload(payload).map_err(|source| Error::Payload { what: "result", source })
    }
}

/// The run that takes the place of the one an event closes: continue-as-new, retry or cron.
pub(crate) fn next_run(event: &HistoryEvent) -> Option<&str> {
    let run_id = match event.attributes.as_ref()? {
        EventAttributes::WorkflowExecutionContinuedAsNewEventAttributes(event) => &event.new_execution_run_id,
        EventAttributes::WorkflowExecutionCompletedEventAttributes(event) => &event.new_execution_run_id,
        EventAttributes::WorkflowExecutionFailedEventAttributes(event) => &event.new_execution_run_id,
        EventAttributes::WorkflowExecutionTimedOutEventAttributes(event) => &event.new_execution_run_id,
        _ => return None,
    };
    (!run_id.is_empty()).then_some(run_id)
}

/// Whether an event is the last of its run.
pub(crate) fn closes(event: &HistoryEvent) -> bool {
    matches!(
        event.event_type(),
        EventType::WorkflowExecutionCompleted
            | EventType::WorkflowExecutionFailed
            | EventType::WorkflowExecutionTimedOut
            | EventType::WorkflowExecutionCanceled
            | EventType::WorkflowExecutionTerminated
            | EventType::WorkflowExecutionContinuedAsNew
    )
}
