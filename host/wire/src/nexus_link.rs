//! Links between events of workflows, as URLs of the Nexus protocol. `components/nexusoperations/link_converter.go` of
//! Temporal's server; its SDKs have the same.

use heck::{ToShoutySnakeCase as _, ToUpperCamelCase as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::temporal::api::{
    common::v1::{
        Link,
        link::{
            Variant, WorkflowEvent,
            workflow_event::{EventReference, Reference, RequestIdReference},
        },
    },
    enums::v1::EventType,
    nexus::v1::Link as NexusLink,
};

const TYPE: &str = "temporal.api.common.v1.Link.WorkflowEvent";
const SCHEME: &str = "temporal://";
/// What Go's `url.PathEscape` leaves as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');
/// What Go's `url.QueryEscape` leaves as it is, but for spaces.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// What names of event types begin with in the protocol.
const EVENT_TYPE: &str = "EVENT_TYPE_";

/// A link to an event of a workflow as a URL; none for a link to something else.
#[must_use]
pub fn link_to_nexus(link: &Link) -> Option<NexusLink> {
    let Some(Variant::WorkflowEvent(event)) = &link.variant else { return None };
    let query = match event.reference.as_ref()? {
        Reference::EventRef(reference) => {
            let id = if reference.event_id > 0 {
                format!("eventID={}&", reference.event_id)
            } else {
                String::new()
            };
            format!("{id}eventType={}&referenceType=EventReference", name(reference.event_type()))
        }
        Reference::RequestIdRef(reference) => format!(
            "eventType={}&referenceType=RequestIdReference&requestID={}",
            name(reference.event_type()),
            utf8_percent_encode(&reference.request_id, VALUE)
        ),
    };
    let segment = |text| utf8_percent_encode(text, SEGMENT);
    Some(NexusLink {
        url: format!(
            "{SCHEME}/namespaces/{}/workflows/{}/{}/history?{query}",
            segment(&event.namespace),
            segment(&event.workflow_id),
            segment(&event.run_id),
        ),
        r#type: TYPE.to_owned(),
    })
}

/// An event type as the server's language writes it.
fn name(event_type: EventType) -> String {
    event_type.as_str_name().trim_start_matches(EVENT_TYPE).to_upper_camel_case()
}

/// The link that a URL is; none if it is to no event of a workflow.
#[must_use]
pub fn link_from_nexus(link: &NexusLink) -> Option<Link> {
    if link.r#type != TYPE {
        return None;
    }
    let (path, query) = link.url.strip_prefix(SCHEME)?.split_once('?')?;
    let segments: Vec<&str> = path.split('/').collect();
    let ["", "namespaces", namespace, "workflows", workflow_id, run_id, "history"] = segments[..] else {
        return None;
    };
    let decoded = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
    let value = |name: &str| {
        let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        found.map_or(Some(String::new()), |found| decoded(&found.replace('+', " ")))
    };
    let event_type = event_type(&value("eventType")?)?.into();
    let reference = match value("referenceType")?.as_str() {
        "EventReference" => {
            let id = value("eventID")?;
            let event_id = if id.is_empty() { 0 } else { id.parse().ok()? };
            Reference::EventRef(EventReference { event_id, event_type })
        }
        "RequestIdReference" => {
            Reference::RequestIdRef(RequestIdReference { request_id: value("requestID")?, event_type })
        }
        _ => return None,
    };
    Some(Link {
        variant: Some(Variant::WorkflowEvent(WorkflowEvent {
            namespace: decoded(namespace)?,
            workflow_id: decoded(workflow_id)?,
            run_id: decoded(run_id)?,
            reference: Some(reference),
        })),
    })
}

/// An event type by its name in the protocol, or as Go and the JSON of older servers write it.
fn event_type(name: &str) -> Option<EventType> {
    if name.starts_with(EVENT_TYPE) {
        return EventType::from_str_name(name);
    }
    let found = EventType::from_str_name(&format!("{EVENT_TYPE}{}", name.to_shouty_snake_case()))?;
    // Only names that are written so.
    (self::name(found) == name).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(url: &str) -> NexusLink {
        NexusLink { url: url.to_owned(), r#type: TYPE.to_owned() }
    }

    #[test]
    fn links_to_events_are_read_and_others_left_out() {
        let url = "temporal:///namespaces/a%2Fb/workflows/w%20id/run/history?eventID=5&eventType=NexusOperationScheduled&referenceType=EventReference";
        let Some(Variant::WorkflowEvent(event)) = link_from_nexus(&link(url)).unwrap().variant else {
            panic!()
        };
        assert_eq!((&*event.namespace, &*event.workflow_id, &*event.run_id), ("a/b", "w id", "run"));
        let reference = EventReference { event_id: 5, event_type: EventType::NexusOperationScheduled.into() };
        assert_eq!(event.reference, Some(Reference::EventRef(reference)));
        let other = url.replace("NexusOperationScheduled", "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED");
        assert!(link_from_nexus(&link(&other)).is_some());
        let written = link_to_nexus(&link_from_nexus(&link(url)).unwrap()).unwrap();
        assert_eq!(written.url, url);
        for wrong in [
            url.replace("temporal://", "http://"),
            url.replace("/history", ""),
            url.replace("NexusOperationScheduled", "Nothing"),
            url.replace("EventReference", "Other"),
            url.replace("eventID=5", "eventID=x"),
            "temporal:///".to_owned(),
            String::new(),
        ] {
            assert_eq!(link_from_nexus(&link(&wrong)), None, "{wrong}");
        }
        assert_eq!(link_from_nexus(&NexusLink { r#type: "other".to_owned(), ..link(url) }), None);
    }
}
