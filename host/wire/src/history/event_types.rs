//! Event types, the attributes that belong to them, and the fields of `HistoryEvent` that hold these.
//!
//! One table, from which everything else is made. Its matches have no wildcard: a type or a kind of
//! attributes that the protocol adds does not compile before it has its line here.

use bytes::Bytes;
use prost::{DecodeError, Message};

use crate::temporal::api::{
    enums::v1::EventType,
    history::v1::{self, history_event},
};

/// The attributes of an event, one variant per event type.
pub type EventAttributes = history_event::Attributes;

/// The fields of the oneof `attributes` of `HistoryEvent`.
pub(super) const FIRST_ATTRIBUTES_TAG: u32 = 6;
pub(super) const LAST_ATTRIBUTES_TAG: u32 = 65;

/// A message of attributes, which belongs to one event type.
pub trait AttributesMessage: Message + Default {
    /// The type of the events that have these attributes.
    const EVENT_TYPE: EventType;
}

/// `type(message of attributes) = field of HistoryEvent;` where the event goes on with what an earlier one
/// began, `, goes on with` the field of the attributes that holds the id of that event.
macro_rules! event_types {
    ($( $kind:ident($message:ident) = $tag:literal $(, goes on with $initiating:literal)?; )*) => {
        /// The type of an event, as its attributes have it.
        #[must_use]
        pub fn event_type(attributes: &EventAttributes) -> EventType {
            match attributes {
                $( EventAttributes::$message(_) => EventType::$kind, )*
            }
        }

        /// The name of an event type as user interfaces show it, such as `ActivityTaskScheduled`.
        #[must_use]
        pub fn event_type_name(kind: EventType) -> &'static str {
            match kind {
                EventType::Unspecified => "Unspecified",
                $( EventType::$kind => stringify!($kind), )*
            }
        }

        /// The event type whose attributes a field of `HistoryEvent` holds; nothing for other fields.
        pub(super) fn of_tag(tag: u32) -> Option<EventType> {
            match tag {
                $( $tag => Some(EventType::$kind), )*
                _ => None,
            }
        }

        /// The field of an event's attributes that holds the id of the event that began what it goes on with.
        pub(super) fn initiating_event_id_tag(kind: EventType) -> Option<u32> {
            match kind {
                EventType::Unspecified => None,
                $( EventType::$kind => event_types!(@initiating $($initiating)?), )*
            }
        }

        /// Decodes the attributes of an event of this type.
        pub(super) fn decode(kind: EventType, encoded: Bytes) -> Result<Option<EventAttributes>, DecodeError> {
            Ok(match kind {
                EventType::Unspecified => None,
                $( EventType::$kind => {
                    Some(EventAttributes::$message(Box::new(v1::$message::decode(encoded)?)))
                } )*
            })
        }

        $( impl AttributesMessage for v1::$message {
            const EVENT_TYPE: EventType = EventType::$kind;
        } )*

        #[cfg(test)]
        const TABLE: &[(EventType, &str, u32)] =
            &[$( (EventType::$kind, stringify!($message), $tag), )*];
    };
    (@initiating) => { None };
    (@initiating $tag:literal) => { Some($tag) };
}

event_types! {
    WorkflowExecutionStarted(WorkflowExecutionStartedEventAttributes) = 6;
    WorkflowExecutionCompleted(WorkflowExecutionCompletedEventAttributes) = 7;
    WorkflowExecutionFailed(WorkflowExecutionFailedEventAttributes) = 8;
    WorkflowExecutionTimedOut(WorkflowExecutionTimedOutEventAttributes) = 9;
    WorkflowTaskScheduled(WorkflowTaskScheduledEventAttributes) = 10;
    WorkflowTaskStarted(WorkflowTaskStartedEventAttributes) = 11, goes on with 1;
    WorkflowTaskCompleted(WorkflowTaskCompletedEventAttributes) = 12, goes on with 1;
    WorkflowTaskTimedOut(WorkflowTaskTimedOutEventAttributes) = 13, goes on with 1;
    WorkflowTaskFailed(WorkflowTaskFailedEventAttributes) = 14, goes on with 1;
    ActivityTaskScheduled(ActivityTaskScheduledEventAttributes) = 15;
    ActivityTaskStarted(ActivityTaskStartedEventAttributes) = 16, goes on with 1;
    ActivityTaskCompleted(ActivityTaskCompletedEventAttributes) = 17, goes on with 2;
    ActivityTaskFailed(ActivityTaskFailedEventAttributes) = 18, goes on with 2;
    ActivityTaskTimedOut(ActivityTaskTimedOutEventAttributes) = 19, goes on with 2;
    TimerStarted(TimerStartedEventAttributes) = 20;
    TimerFired(TimerFiredEventAttributes) = 21, goes on with 2;
    ActivityTaskCancelRequested(ActivityTaskCancelRequestedEventAttributes) = 22, goes on with 1;
    ActivityTaskCanceled(ActivityTaskCanceledEventAttributes) = 23, goes on with 3;
    TimerCanceled(TimerCanceledEventAttributes) = 24, goes on with 2;
    MarkerRecorded(MarkerRecordedEventAttributes) = 25;
    WorkflowExecutionSignaled(WorkflowExecutionSignaledEventAttributes) = 26;
    WorkflowExecutionTerminated(WorkflowExecutionTerminatedEventAttributes) = 27;
    WorkflowExecutionCancelRequested(WorkflowExecutionCancelRequestedEventAttributes) = 28;
    WorkflowExecutionCanceled(WorkflowExecutionCanceledEventAttributes) = 29;
    RequestCancelExternalWorkflowExecutionInitiated(RequestCancelExternalWorkflowExecutionInitiatedEventAttributes) = 30;
    RequestCancelExternalWorkflowExecutionFailed(RequestCancelExternalWorkflowExecutionFailedEventAttributes) = 31, goes on with 5;
    ExternalWorkflowExecutionCancelRequested(ExternalWorkflowExecutionCancelRequestedEventAttributes) = 32, goes on with 1;
    WorkflowExecutionContinuedAsNew(WorkflowExecutionContinuedAsNewEventAttributes) = 33;
    StartChildWorkflowExecutionInitiated(StartChildWorkflowExecutionInitiatedEventAttributes) = 34;
    StartChildWorkflowExecutionFailed(StartChildWorkflowExecutionFailedEventAttributes) = 35, goes on with 6;
    ChildWorkflowExecutionStarted(ChildWorkflowExecutionStartedEventAttributes) = 36, goes on with 2;
    ChildWorkflowExecutionCompleted(ChildWorkflowExecutionCompletedEventAttributes) = 37, goes on with 5;
    ChildWorkflowExecutionFailed(ChildWorkflowExecutionFailedEventAttributes) = 38, goes on with 5;
    ChildWorkflowExecutionCanceled(ChildWorkflowExecutionCanceledEventAttributes) = 39, goes on with 5;
    ChildWorkflowExecutionTimedOut(ChildWorkflowExecutionTimedOutEventAttributes) = 40, goes on with 4;
    ChildWorkflowExecutionTerminated(ChildWorkflowExecutionTerminatedEventAttributes) = 41, goes on with 4;
    SignalExternalWorkflowExecutionInitiated(SignalExternalWorkflowExecutionInitiatedEventAttributes) = 42;
    SignalExternalWorkflowExecutionFailed(SignalExternalWorkflowExecutionFailedEventAttributes) = 43, goes on with 5;
    ExternalWorkflowExecutionSignaled(ExternalWorkflowExecutionSignaledEventAttributes) = 44, goes on with 1;
    UpsertWorkflowSearchAttributes(UpsertWorkflowSearchAttributesEventAttributes) = 45;
    WorkflowExecutionUpdateAccepted(WorkflowExecutionUpdateAcceptedEventAttributes) = 46;
    WorkflowExecutionUpdateRejected(WorkflowExecutionUpdateRejectedEventAttributes) = 47;
    WorkflowExecutionUpdateCompleted(WorkflowExecutionUpdateCompletedEventAttributes) = 48;
    WorkflowPropertiesModifiedExternally(WorkflowPropertiesModifiedExternallyEventAttributes) = 49;
    ActivityPropertiesModifiedExternally(ActivityPropertiesModifiedExternallyEventAttributes) = 50;
    WorkflowPropertiesModified(WorkflowPropertiesModifiedEventAttributes) = 51;
    WorkflowExecutionUpdateAdmitted(WorkflowExecutionUpdateAdmittedEventAttributes) = 52;
    NexusOperationScheduled(NexusOperationScheduledEventAttributes) = 53;
    NexusOperationStarted(NexusOperationStartedEventAttributes) = 54, goes on with 1;
    NexusOperationCompleted(NexusOperationCompletedEventAttributes) = 55, goes on with 1;
    NexusOperationFailed(NexusOperationFailedEventAttributes) = 56, goes on with 1;
    NexusOperationCanceled(NexusOperationCanceledEventAttributes) = 57, goes on with 1;
    NexusOperationTimedOut(NexusOperationTimedOutEventAttributes) = 58, goes on with 1;
    NexusOperationCancelRequested(NexusOperationCancelRequestedEventAttributes) = 59, goes on with 1;
    WorkflowExecutionOptionsUpdated(WorkflowExecutionOptionsUpdatedEventAttributes) = 60;
    NexusOperationCancelRequestCompleted(NexusOperationCancelRequestCompletedEventAttributes) = 61, goes on with 3;
    NexusOperationCancelRequestFailed(NexusOperationCancelRequestFailedEventAttributes) = 62, goes on with 4;
    WorkflowExecutionPaused(WorkflowExecutionPausedEventAttributes) = 63;
    WorkflowExecutionUnpaused(WorkflowExecutionUnpausedEventAttributes) = 64;
    WorkflowExecutionTimeSkippingTransitioned(WorkflowExecutionTimeSkippingTransitionedEventAttributes) = 65;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{descriptor, temporal::api::history::v1::HistoryEvent};

    /// In the order in which the protocol would have to be read: the first one that a message has counts.
    const INITIATING_FIELDS: [&str; 3] = ["initiated_event_id", "scheduled_event_id", "started_event_id"];

    /// Goes on with an activity, but tells nothing that a worker would have to know.
    const NOT_FOR_WORKERS: [EventType; 1] = [EventType::ActivityPropertiesModifiedExternally];

    #[test]
    fn the_table_is_that_of_the_descriptor() {
        let fields: Vec<_> = descriptor::of::<HistoryEvent>()
            .fields()
            .filter(|field| field.containing_oneof().is_some_and(|oneof| oneof.name() == "attributes"))
            .collect();
        assert_eq!(fields.len(), TABLE.len());
        for field in fields {
            let tag = field.number();
            assert!((FIRST_ATTRIBUTES_TAG..=LAST_ATTRIBUTES_TAG).contains(&tag), "{}", field.name());
            let message = field.kind().as_message().unwrap().clone();
            let kind = of_tag(tag).unwrap_or_else(|| panic!("no event type has {}", field.name()));
            assert!(TABLE.contains(&(kind, message.name(), tag)), "{}", field.name());
            let expected = format!("{}_event_attributes", kind.as_str_name().to_lowercase());
            assert_eq!(expected.trim_start_matches("event_type_"), field.name());

            let initiating = INITIATING_FIELDS.iter().find_map(|name| message.get_field_by_name(name));
            let initiating = initiating.filter(|_| !NOT_FOR_WORKERS.contains(&kind));
            assert_eq!(initiating_event_id_tag(kind), initiating.map(|it| it.number()), "{}", field.name());
        }
    }

    #[test]
    fn every_event_type_has_attributes() {
        let types: Vec<EventType> = (1..100).filter_map(|number| EventType::try_from(number).ok()).collect();
        assert_eq!(types.len(), TABLE.len());
        for kind in types {
            let attributes = decode(kind, Bytes::new()).unwrap().unwrap();
            assert_eq!(event_type(&attributes), kind);
            let letters = kind.as_str_name().trim_start_matches("EVENT_TYPE_").replace('_', "");
            assert_eq!(event_type_name(kind).to_uppercase(), letters);
        }
    }
}
