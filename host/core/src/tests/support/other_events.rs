//! Events of child workflows, other workflows, updates, Nexus operations, search attributes and memo.

use std::collections::BTreeMap;

use host_wire::{
    EventAttributes as A,
    temporal::api::{
        common::v1::{Payloads, SearchAttributes, WorkflowExecution, WorkflowType},
        enums::v1::EventType,
        history::v1::*,
    },
};

use super::{
    failure,
    history::{payload, request},
};

#[expect(clippy::too_many_lines, reason = "a table: one entry per word")]
pub(super) fn attributes(words: &[&str]) -> (EventType, A) {
    let number = |index: usize| -> i64 { words[index].parse().unwrap() };
    let word = |index: usize| words.get(index).copied().unwrap_or_default().to_owned();
    let result = |index: usize| words.get(index).map(|data| Payloads { payloads: vec![payload(data)] });
    let failed = Some(failure("boom"));
    match words[0] {
        "upserted" => (
            EventType::UpsertWorkflowSearchAttributes,
            A::UpsertWorkflowSearchAttributesEventAttributes(Box::new(
                UpsertWorkflowSearchAttributesEventAttributes {
                    search_attributes: Some(SearchAttributes {
                        indexed_fields: BTreeMap::from([(word(1), payload("x"))]),
                    }),
                    ..UpsertWorkflowSearchAttributesEventAttributes::default()
                },
            )),
        ),
        "memo-modified" => (
            EventType::WorkflowPropertiesModified,
            A::WorkflowPropertiesModifiedEventAttributes(Box::default()),
        ),
        "child-initiated" => (
            EventType::StartChildWorkflowExecutionInitiated,
            A::StartChildWorkflowExecutionInitiatedEventAttributes(Box::new(
                StartChildWorkflowExecutionInitiatedEventAttributes {
                    workflow_id: word(1),
                    workflow_type: Some(WorkflowType { name: "Child".to_owned() }),
                    ..StartChildWorkflowExecutionInitiatedEventAttributes::default()
                },
            )),
        ),
        "child-start-failed" => (
            EventType::StartChildWorkflowExecutionFailed,
            A::StartChildWorkflowExecutionFailedEventAttributes(Box::new(
                StartChildWorkflowExecutionFailedEventAttributes {
                    initiated_event_id: number(1),
                    cause: 1,
                    ..StartChildWorkflowExecutionFailedEventAttributes::default()
                },
            )),
        ),
        "child-started" => (
            EventType::ChildWorkflowExecutionStarted,
            A::ChildWorkflowExecutionStartedEventAttributes(Box::new(
                ChildWorkflowExecutionStartedEventAttributes {
                    initiated_event_id: number(1),
                    workflow_execution: Some(WorkflowExecution {
                        run_id: "child-run".to_owned(),
                        ..WorkflowExecution::default()
                    }),
                    ..ChildWorkflowExecutionStartedEventAttributes::default()
                },
            )),
        ),
        "child-completed" => (
            EventType::ChildWorkflowExecutionCompleted,
            A::ChildWorkflowExecutionCompletedEventAttributes(Box::new(
                ChildWorkflowExecutionCompletedEventAttributes {
                    initiated_event_id: number(1),
                    result: result(2),
                    ..ChildWorkflowExecutionCompletedEventAttributes::default()
                },
            )),
        ),
        "child-failed" => (
            EventType::ChildWorkflowExecutionFailed,
            A::ChildWorkflowExecutionFailedEventAttributes(Box::new(
                ChildWorkflowExecutionFailedEventAttributes {
                    initiated_event_id: number(1),
                    failure: failed,
                    ..ChildWorkflowExecutionFailedEventAttributes::default()
                },
            )),
        ),
        "child-canceled" => (
            EventType::ChildWorkflowExecutionCanceled,
            A::ChildWorkflowExecutionCanceledEventAttributes(Box::new(
                ChildWorkflowExecutionCanceledEventAttributes {
                    initiated_event_id: number(1),
                    ..ChildWorkflowExecutionCanceledEventAttributes::default()
                },
            )),
        ),
        "external-cancel-initiated" => (
            EventType::RequestCancelExternalWorkflowExecutionInitiated,
            A::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(Box::default()),
        ),
        "external-cancel-requested" => (
            EventType::ExternalWorkflowExecutionCancelRequested,
            A::ExternalWorkflowExecutionCancelRequestedEventAttributes(Box::new(
                ExternalWorkflowExecutionCancelRequestedEventAttributes {
                    initiated_event_id: number(1),
                    ..ExternalWorkflowExecutionCancelRequestedEventAttributes::default()
                },
            )),
        ),
        "signal-initiated" => (
            EventType::SignalExternalWorkflowExecutionInitiated,
            A::SignalExternalWorkflowExecutionInitiatedEventAttributes(Box::default()),
        ),
        "external-signaled" => (
            EventType::ExternalWorkflowExecutionSignaled,
            A::ExternalWorkflowExecutionSignaledEventAttributes(Box::new(
                ExternalWorkflowExecutionSignaledEventAttributes {
                    initiated_event_id: number(1),
                    ..ExternalWorkflowExecutionSignaledEventAttributes::default()
                },
            )),
        ),
        "signal-failed" => (
            EventType::SignalExternalWorkflowExecutionFailed,
            A::SignalExternalWorkflowExecutionFailedEventAttributes(Box::new(
                SignalExternalWorkflowExecutionFailedEventAttributes {
                    initiated_event_id: number(1),
                    cause: 1,
                    ..SignalExternalWorkflowExecutionFailedEventAttributes::default()
                },
            )),
        ),
        "update-accepted" => (
            EventType::WorkflowExecutionUpdateAccepted,
            A::WorkflowExecutionUpdateAcceptedEventAttributes(Box::new(
                WorkflowExecutionUpdateAcceptedEventAttributes {
                    protocol_instance_id: word(1),
                    accepted_request_message_id: format!("{}/request", words[1]),
                    accepted_request_sequencing_event_id: number(2),
                    accepted_request: Some(request(words[1])),
                },
            )),
        ),
        "update-completed" => (
            EventType::WorkflowExecutionUpdateCompleted,
            A::WorkflowExecutionUpdateCompletedEventAttributes(Box::default()),
        ),
        "nexus-scheduled" => {
            (EventType::NexusOperationScheduled, A::NexusOperationScheduledEventAttributes(Box::default()))
        }
        "nexus-started" => (
            EventType::NexusOperationStarted,
            A::NexusOperationStartedEventAttributes(Box::new(NexusOperationStartedEventAttributes {
                scheduled_event_id: number(1),
                operation_token: "token".to_owned(),
                ..NexusOperationStartedEventAttributes::default()
            })),
        ),
        "nexus-completed" => (
            EventType::NexusOperationCompleted,
            A::NexusOperationCompletedEventAttributes(Box::new(NexusOperationCompletedEventAttributes {
                scheduled_event_id: number(1),
                result: Some(payload(&word(2))),
                ..NexusOperationCompletedEventAttributes::default()
            })),
        ),
        "nexus-cancel-requested" => (
            EventType::NexusOperationCancelRequested,
            A::NexusOperationCancelRequestedEventAttributes(Box::new(
                NexusOperationCancelRequestedEventAttributes {
                    scheduled_event_id: number(1),
                    ..NexusOperationCancelRequestedEventAttributes::default()
                },
            )),
        ),
        "nexus-cancel-request-completed" => (
            EventType::NexusOperationCancelRequestCompleted,
            A::NexusOperationCancelRequestCompletedEventAttributes(Box::new(
                NexusOperationCancelRequestCompletedEventAttributes {
                    scheduled_event_id: number(1),
                    ..NexusOperationCancelRequestCompletedEventAttributes::default()
                },
            )),
        ),
        "child-timed-out" => (
            EventType::ChildWorkflowExecutionTimedOut,
            A::ChildWorkflowExecutionTimedOutEventAttributes(Box::new(
                ChildWorkflowExecutionTimedOutEventAttributes {
                    initiated_event_id: number(1),
                    ..ChildWorkflowExecutionTimedOutEventAttributes::default()
                },
            )),
        ),
        "child-terminated" => (
            EventType::ChildWorkflowExecutionTerminated,
            A::ChildWorkflowExecutionTerminatedEventAttributes(Box::new(
                ChildWorkflowExecutionTerminatedEventAttributes {
                    initiated_event_id: number(1),
                    ..ChildWorkflowExecutionTerminatedEventAttributes::default()
                },
            )),
        ),
        "external-cancel-failed" => (
            EventType::RequestCancelExternalWorkflowExecutionFailed,
            A::RequestCancelExternalWorkflowExecutionFailedEventAttributes(Box::new(
                RequestCancelExternalWorkflowExecutionFailedEventAttributes {
                    initiated_event_id: number(1),
                    cause: 1,
                    ..RequestCancelExternalWorkflowExecutionFailedEventAttributes::default()
                },
            )),
        ),
        "nexus-failed" => (
            EventType::NexusOperationFailed,
            A::NexusOperationFailedEventAttributes(Box::new(NexusOperationFailedEventAttributes {
                scheduled_event_id: number(1),
                failure: failed,
                ..NexusOperationFailedEventAttributes::default()
            })),
        ),
        "nexus-canceled" => (
            EventType::NexusOperationCanceled,
            A::NexusOperationCanceledEventAttributes(Box::new(NexusOperationCanceledEventAttributes {
                scheduled_event_id: number(1),
                failure: failed,
                ..NexusOperationCanceledEventAttributes::default()
            })),
        ),
        "nexus-timed-out" => (
            EventType::NexusOperationTimedOut,
            A::NexusOperationTimedOutEventAttributes(Box::new(NexusOperationTimedOutEventAttributes {
                scheduled_event_id: number(1),
                failure: failed,
                ..NexusOperationTimedOutEventAttributes::default()
            })),
        ),
        "nexus-cancel-request-failed" => (
            EventType::NexusOperationCancelRequestFailed,
            A::NexusOperationCancelRequestFailedEventAttributes(Box::new(
                NexusOperationCancelRequestFailedEventAttributes {
                    scheduled_event_id: number(1),
                    failure: failed,
                    ..NexusOperationCancelRequestFailedEventAttributes::default()
                },
            )),
        ),
        other => panic!("no such event: {other}"),
    }
}
