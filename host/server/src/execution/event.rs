//! How a run treats events of each type.

use host_wire::EventAttributes;

/// How a run treats an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// It closes the run.
    Closing,
    /// It belongs to the workflow task itself, or comes of what its worker says, and is never buffered.
    OfWorkflowTask,
    /// It is buffered while a worker has the workflow task.
    Buffered,
}

/// The kind of an event. No wildcard: an event type that the protocol adds does not compile before it has a kind.
pub(crate) fn kind(attributes: &EventAttributes) -> EventKind {
    use EventAttributes as A;
    match attributes {
        A::WorkflowExecutionCompletedEventAttributes(_)
        | A::WorkflowExecutionFailedEventAttributes(_)
        | A::WorkflowExecutionTimedOutEventAttributes(_)
        | A::WorkflowExecutionCanceledEventAttributes(_)
        | A::WorkflowExecutionTerminatedEventAttributes(_)
        | A::WorkflowExecutionContinuedAsNewEventAttributes(_) => EventKind::Closing,
        A::WorkflowTaskScheduledEventAttributes(_)
        | A::WorkflowTaskStartedEventAttributes(_)
        | A::WorkflowTaskCompletedEventAttributes(_)
        | A::WorkflowTaskFailedEventAttributes(_)
        | A::WorkflowTaskTimedOutEventAttributes(_)
        | A::WorkflowExecutionUpdateAcceptedEventAttributes(_)
        | A::WorkflowExecutionUpdateCompletedEventAttributes(_) => EventKind::OfWorkflowTask,
        A::WorkflowExecutionStartedEventAttributes(_)
        | A::ActivityTaskScheduledEventAttributes(_)
        | A::ActivityTaskStartedEventAttributes(_)
        | A::ActivityTaskCompletedEventAttributes(_)
        | A::ActivityTaskFailedEventAttributes(_)
        | A::ActivityTaskTimedOutEventAttributes(_)
        | A::TimerStartedEventAttributes(_)
        | A::TimerFiredEventAttributes(_)
        | A::ActivityTaskCancelRequestedEventAttributes(_)
        | A::ActivityTaskCanceledEventAttributes(_)
        | A::TimerCanceledEventAttributes(_)
        | A::MarkerRecordedEventAttributes(_)
        | A::WorkflowExecutionSignaledEventAttributes(_)
        | A::WorkflowExecutionCancelRequestedEventAttributes(_)
        | A::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(_)
        | A::RequestCancelExternalWorkflowExecutionFailedEventAttributes(_)
        | A::ExternalWorkflowExecutionCancelRequestedEventAttributes(_)
        | A::StartChildWorkflowExecutionInitiatedEventAttributes(_)
        | A::StartChildWorkflowExecutionFailedEventAttributes(_)
        | A::ChildWorkflowExecutionStartedEventAttributes(_)
        | A::ChildWorkflowExecutionCompletedEventAttributes(_)
        | A::ChildWorkflowExecutionFailedEventAttributes(_)
        | A::ChildWorkflowExecutionCanceledEventAttributes(_)
        | A::ChildWorkflowExecutionTimedOutEventAttributes(_)
        | A::ChildWorkflowExecutionTerminatedEventAttributes(_)
        | A::SignalExternalWorkflowExecutionInitiatedEventAttributes(_)
        | A::SignalExternalWorkflowExecutionFailedEventAttributes(_)
        | A::ExternalWorkflowExecutionSignaledEventAttributes(_)
        | A::UpsertWorkflowSearchAttributesEventAttributes(_)
        | A::WorkflowExecutionUpdateRejectedEventAttributes(_)
        | A::WorkflowPropertiesModifiedExternallyEventAttributes(_)
        | A::ActivityPropertiesModifiedExternallyEventAttributes(_)
        | A::WorkflowPropertiesModifiedEventAttributes(_)
        | A::WorkflowExecutionUpdateAdmittedEventAttributes(_)
        | A::NexusOperationScheduledEventAttributes(_)
        | A::NexusOperationStartedEventAttributes(_)
        | A::NexusOperationCompletedEventAttributes(_)
        | A::NexusOperationFailedEventAttributes(_)
        | A::NexusOperationCanceledEventAttributes(_)
        | A::NexusOperationTimedOutEventAttributes(_)
        | A::NexusOperationCancelRequestedEventAttributes(_)
        | A::WorkflowExecutionOptionsUpdatedEventAttributes(_)
        | A::NexusOperationCancelRequestCompletedEventAttributes(_)
        | A::NexusOperationCancelRequestFailedEventAttributes(_)
        | A::WorkflowExecutionPausedEventAttributes(_)
        | A::WorkflowExecutionUnpausedEventAttributes(_)
        | A::WorkflowExecutionTimeSkippingTransitionedEventAttributes(_) => EventKind::Buffered,
    }
}
