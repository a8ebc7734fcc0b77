//! Links between the events of callers and of what handlers start.

use bytes::Bytes;
use host_wire::{
    link_from_nexus, link_to_nexus,
    temporal::api::{
        common::v1::{
            Link, Payload,
            link::{
                Variant, WorkflowEvent,
                workflow_event::{EventReference, Reference},
            },
        },
        enums::v1::EventType,
        nexus::v1::Link as NexusLink,
    },
};

use crate::execution::run::Run;

/// The payload in place of one that is not there.
pub(crate) fn null() -> Payload {
    Payload {
        metadata: [("encoding".to_owned(), Bytes::from_static(b"binary/null"))].into(),
        ..Payload::default()
    }
}

/// The link to the event that scheduled an operation.
pub(crate) fn of_scheduled(run: &Run, scheduled_event_id: i64) -> Option<NexusLink> {
    link_to_nexus(&to_event(run, scheduled_event_id, EventType::NexusOperationScheduled))
}

/// The link to the start of a run.
pub(crate) fn of_started(run: &Run) -> Link {
    to_event(run, 1, EventType::WorkflowExecutionStarted)
}

fn to_event(run: &Run, event_id: i64, event_type: EventType) -> Link {
    let identity = run.identity();
    Link {
        variant: Some(Variant::WorkflowEvent(WorkflowEvent {
            namespace: identity.namespace.clone(),
            workflow_id: identity.workflow_id.clone(),
            run_id: identity.run_id.clone(),
            reference: Some(Reference::EventRef(EventReference { event_id, event_type: event_type.into() })),
        })),
    }
}

/// Links to events of workflows; others are left out.
pub(crate) fn read_all(links: &[NexusLink]) -> Vec<Link> {
    links.iter().filter_map(link_from_nexus).collect()
}
