//! What an event was recorded for, in the words that operations have for their commands: for errors.

use host_wire::{
    RawEvent,
    temporal::api::{enums::v1::EventType, history::v1 as events},
};

use super::{event::Event, markers::Marker};

/// What a workflow asked for when this event was recorded for it, such as `a start of timer 1`. `None` if the event
/// was not recorded for a command, or cannot be read.
#[must_use]
pub fn command_in_words(event: &RawEvent) -> Option<String> {
    let event = Event::from(event.clone());
    event.is_command().then(|| event.words())
}

impl Event {
    /// What it was recorded for; its type, if it was not recorded for a command or cannot be read.
    pub(crate) fn words(&self) -> String {
        self.command_words().unwrap_or_else(|| self.to_string())
    }

    fn command_words(&self) -> Option<String> {
        use EventType as E;
        Some(match self.kind() {
            E::ActivityTaskScheduled => {
                let scheduled: events::ActivityTaskScheduledEventAttributes = self.attributes().ok()?;
                let kind = scheduled.activity_type.unwrap_or_default().name;
                format!("a schedule of activity {} of type {kind}", scheduled.activity_id)
            }
            E::ActivityTaskCancelRequested => {
                let request: events::ActivityTaskCancelRequestedEventAttributes = self.attributes().ok()?;
                format!("a request to cancel the activity of event {}", request.scheduled_event_id)
            }
            E::TimerStarted => {
                let started: events::TimerStartedEventAttributes = self.attributes().ok()?;
                format!("a start of timer {}", started.timer_id)
            }
            E::TimerCanceled => {
                let canceled: events::TimerCanceledEventAttributes = self.attributes().ok()?;
                format!("a cancellation of timer {}", canceled.timer_id)
            }
            E::MarkerRecorded => self.marker_words()?,
            E::StartChildWorkflowExecutionInitiated => {
                let start: events::StartChildWorkflowExecutionInitiatedEventAttributes =
                    self.attributes().ok()?;
                let kind = start.workflow_type.unwrap_or_default().name;
                format!("a start of child workflow {} of type {kind}", start.workflow_id)
            }
            E::SignalExternalWorkflowExecutionInitiated => {
                let signal: events::SignalExternalWorkflowExecutionInitiatedEventAttributes =
                    self.attributes().ok()?;
                format!("a signal {} to another workflow", signal.signal_name)
            }
            E::RequestCancelExternalWorkflowExecutionInitiated => {
                let request: events::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes =
                    self.attributes().ok()?;
                let workflow = request.workflow_execution.unwrap_or_default();
                format!("a request to cancel workflow {}", workflow.workflow_id)
            }
            E::NexusOperationScheduled => {
                let scheduled: events::NexusOperationScheduledEventAttributes = self.attributes().ok()?;
                format!("a schedule of Nexus operation {} of {}", scheduled.operation, scheduled.service)
            }
            E::NexusOperationCancelRequested => {
                let request: events::NexusOperationCancelRequestedEventAttributes = self.attributes().ok()?;
                format!("a request to cancel the Nexus operation of event {}", request.scheduled_event_id)
            }
            E::WorkflowExecutionUpdateAccepted => {
                let accepted: events::WorkflowExecutionUpdateAcceptedEventAttributes =
                    self.attributes().ok()?;
                let input = accepted.accepted_request.and_then(|request| request.input);
                format!("an acceptance of update {}", input.unwrap_or_default().name)
            }
            E::WorkflowExecutionUpdateCompleted => "a completion of an update".to_owned(),
            E::UpsertWorkflowSearchAttributes => "an upsert of search attributes".to_owned(),
            E::WorkflowPropertiesModified => "a change of the memo".to_owned(),
            E::WorkflowExecutionCompleted => "a completion of the workflow".to_owned(),
            E::WorkflowExecutionFailed => "a failure of the workflow".to_owned(),
            E::WorkflowExecutionCanceled => "a cancellation of the workflow".to_owned(),
            E::WorkflowExecutionContinuedAsNew => "a continuation of the workflow as new".to_owned(),
            _ => return None,
        })
    }

    fn marker_words(&self) -> Option<String> {
        Some(match Marker::of(self).ok()? {
            Some(Marker::Patch(patch)) => format!("a marker of patch {}", patch.id),
            Some(Marker::LocalActivity(marker)) => {
                let data = &marker.data;
                format!("a marker of local activity {} of type {}", data.activity_id, data.activity_type)
            }
            None => {
                let marker: events::MarkerRecordedEventAttributes = self.attributes().ok()?;
                format!("a marker {}", marker.marker_name)
            }
        })
    }
}
