//! Memo and search attributes of a run, as its events left them.

use std::collections::BTreeMap;

use host_wire::temporal::api::{
    common::v1::{Memo, Payload, SearchAttributes},
    history::v1::{
        UpsertWorkflowSearchAttributesEventAttributes, WorkflowExecutionStartedEventAttributes,
        WorkflowPropertiesModifiedEventAttributes,
    },
};
use prost::Message;

/// Memo and search attributes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Attributes {
    memo: BTreeMap<String, Payload>,
    search_attributes: BTreeMap<String, Payload>,
    /// Of both, names and payloads.
    bytes: usize,
}

impl Attributes {
    /// Bytes of memo and search attributes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The memo; nothing when it has no fields.
    pub(crate) fn memo(&self) -> Option<Memo> {
        (!self.memo.is_empty()).then(|| Memo { fields: self.memo.clone() })
    }

    /// The search attributes; nothing when there are none.
    pub(crate) fn search_attributes(&self) -> Option<SearchAttributes> {
        let fields = &self.search_attributes;
        (!fields.is_empty()).then(|| SearchAttributes { indexed_fields: fields.clone() })
    }

    /// The search attributes by name.
    pub(crate) fn all_search_attributes(&self) -> &BTreeMap<String, Payload> {
        &self.search_attributes
    }

    pub(in crate::execution) fn started(&mut self, started: &WorkflowExecutionStartedEventAttributes) {
        self.memo = started.memo.clone().unwrap_or_default().fields;
        self.search_attributes = started.search_attributes.clone().unwrap_or_default().indexed_fields;
        let fields = self.memo.iter().chain(&self.search_attributes);
        self.bytes = fields.map(|(name, payload)| field_bytes(name, payload)).sum();
    }

    pub(in crate::execution) fn search_attributes_upserted(
        &mut self,
        upsert: &UpsertWorkflowSearchAttributesEventAttributes,
    ) {
        let fields = upsert.search_attributes.iter().flat_map(|all| &all.indexed_fields);
        upsert_into(&mut self.search_attributes, &mut self.bytes, fields);
    }

    pub(in crate::execution) fn properties_modified(
        &mut self,
        modified: &WorkflowPropertiesModifiedEventAttributes,
    ) {
        let fields = modified.upserted_memo.iter().flat_map(|memo| &memo.fields);
        upsert_into(&mut self.memo, &mut self.bytes, fields);
    }
}

/// A payload without data, of null or of an empty list removes the field.
fn upsert_into<'a>(
    fields: &mut BTreeMap<String, Payload>,
    bytes: &mut usize,
    upserts: impl Iterator<Item = (&'a String, &'a Payload)>,
) {
    for (name, payload) in upserts {
        let before = if removes(payload) {
            fields.remove(name)
        } else {
            *bytes += field_bytes(name, payload);
            fields.insert(name.clone(), payload.clone())
        };
        *bytes -= before.map_or(0, |before| field_bytes(name, &before));
    }
}

fn field_bytes(name: &str, payload: &Payload) -> usize {
    name.len() + payload.encoded_len()
}

/// Whether a payload removes the attribute that it is for.
pub(crate) fn removes(payload: &Payload) -> bool {
    let encoding = payload.metadata.get("encoding").map_or(&b""[..], |encoding| encoding);
    payload.data.is_empty()
        || encoding == b"binary/null"
        || encoding == b"json/plain" && matches!(&payload.data[..], b"null" | b"[]")
}
