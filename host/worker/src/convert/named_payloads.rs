//! Headers, memos and search attributes: payloads with names.

use std::collections::BTreeMap;

use host_sandbox::wit::workflow::host::types::NamedPayload;
use host_wire::temporal::api::common::v1::{Header, Memo, Payload, SearchAttributes};

use super::payload;

type Fields = BTreeMap<String, Payload>;

/// Named payloads for a guest, sorted by name.
pub(super) fn to_guest(fields: Fields) -> Vec<NamedPayload> {
    fields
        .into_iter()
        .map(|(name, payload)| NamedPayload { name, payload: payload::to_guest(payload) })
        .collect()
}

/// A header for a guest.
pub(super) fn header_to_guest(header: Option<Header>) -> Vec<NamedPayload> {
    header.map_or_else(Vec::new, |header| to_guest(header.fields))
}

/// A header for the service; an empty one is left out.
pub(super) fn header_to_wire(header: Vec<NamedPayload>) -> Option<Header> {
    (!header.is_empty()).then(|| Header { fields: to_wire(header) })
}

/// A memo for the service.
pub(super) fn memo_to_wire(memo: Vec<NamedPayload>) -> Memo {
    Memo { fields: to_wire(memo) }
}

/// Search attributes for the service.
pub(super) fn search_attributes_to_wire(search_attributes: Vec<NamedPayload>) -> SearchAttributes {
    SearchAttributes { indexed_fields: to_wire(search_attributes) }
}

/// Named payloads for the service. The last of two with one name wins.
fn to_wire(named: Vec<NamedPayload>) -> Fields {
    named.into_iter().map(|NamedPayload { name, payload }| (name, payload::to_wire(payload))).collect()
}
