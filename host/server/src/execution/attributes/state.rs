//! Memo and search attributes of a run, as its events left them.

use std::collections::BTreeMap;

use host_wire::temporal::api::{
    common::v1::{Memo, Payload, SearchAttributes},
    history::v1::{
        UpsertWorkflowSearchAttributesEventAttributes, WorkflowExecutionStartedEventAttributes,
        WorkflowPropertiesModifiedEventAttributes,
    },
};

/// Memo and search attributes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Attributes {
    memo: BTreeMap<String, Payload>,
    search_attributes: BTreeMap<String, Payload>,
}

impl Attributes {
    /// The memo; nothing when it has no fields.
    pub(crate) fn memo(&self) -> Option<Memo> {
        (!self.memo.is_empty()).then(|| Memo { fields: self.memo.clone() })
    }

    /// The search attributes; nothing when there are none.
    pub(crate) fn search_attributes(&self) -> Option<SearchAttributes> {
        let fields = &self.search_attributes;
        (!fields.is_empty()).then(|| SearchAttributes { indexed_fields: fields.clone() })
    }

    pub(crate) fn search_attribute(&self, name: &str) -> Option<&Payload> {
        self.search_attributes.get(name)
    }

    pub(in crate::execution) fn started(&mut self, started: &WorkflowExecutionStartedEventAttributes) {
        self.memo = started.memo.clone().unwrap_or_default().fields;
        self.search_attributes = started.search_attributes.clone().unwrap_or_default().indexed_fields;
    }

    pub(in crate::execution) fn search_attributes_upserted(
        &mut self,
        upsert: &UpsertWorkflowSearchAttributesEventAttributes,
    ) {
        let fields = upsert.search_attributes.iter().flat_map(|all| &all.indexed_fields);
        upsert_into(&mut self.search_attributes, fields);
    }

    pub(in crate::execution) fn properties_modified(
        &mut self,
        modified: &WorkflowPropertiesModifiedEventAttributes,
    ) {
        let fields = modified.upserted_memo.iter().flat_map(|memo| &memo.fields);
        upsert_into(&mut self.memo, fields);
    }
}

/// A payload without data, of null or of an empty list removes the field.
fn upsert_into<'a>(
    fields: &mut BTreeMap<String, Payload>,
    upserts: impl Iterator<Item = (&'a String, &'a Payload)>,
) {
    for (name, payload) in upserts {
        if removes(payload) {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), payload.clone());
        }
    }
}

fn removes(payload: &Payload) -> bool {
    let encoding = payload.metadata.get("encoding").map_or(&b""[..], |encoding| encoding);
    payload.data.is_empty()
        || encoding == b"binary/null"
        || encoding == b"json/plain" && matches!(&payload.data[..], b"null" | b"[]")
}
