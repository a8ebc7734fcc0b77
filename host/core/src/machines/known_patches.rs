//! The patches that a run's history, or its guest, has named.

use std::collections::BTreeMap;

use bytes::Bytes;
use host_wire::temporal::api::common::v1::SearchAttributes;

use crate::{history::markers, operations::upsert_search_attributes::CHANGE_VERSION};

/// What the service takes for the value of a search attribute, in bytes: `limit.searchAttributesSizeOfValue`
/// of Temporal's server, by default. A longer list of patches is not upserted.
const MAX_SEARCH_ATTRIBUTE_BYTES: usize = 2048;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct KnownPatches {
    /// By id: whether the guest asked for a marker.
    known: BTreeMap<String, bool>,
    /// Found in history, and not announced to the guest yet.
    unannounced: Vec<String>,
}

impl KnownPatches {
    /// History has a marker.
    pub(super) fn find(&mut self, patch_id: String) {
        self.known.insert(patch_id.clone(), false);
        self.unannounced.push(patch_id);
    }

    pub(super) fn is_found(&self, patch_id: &str) -> bool {
        self.known.contains_key(patch_id)
    }

    /// The guest asks for a marker: false if it did before.
    pub(super) fn ask(&mut self, patch_id: &str) -> bool {
        self.known.insert(patch_id.to_owned(), true) != Some(true)
    }

    /// Ids that the next activation announces.
    pub(super) fn unannounced(&self) -> &[String] {
        &self.unannounced
    }

    /// Takes the ids that the next activation announces.
    pub(super) fn announce(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unannounced)
    }

    /// The search attribute that lists all patches with a marker of this guest; nothing if the list
    /// is too long.
    pub(super) fn search_attributes(&self) -> Option<SearchAttributes> {
        let asked: Vec<&str> =
            self.known.iter().filter_map(|(patch_id, asked)| asked.then_some(patch_id.as_str())).collect();
        let mut payload = markers::json_payload(&asked);
        if payload.data.len() >= MAX_SEARCH_ATTRIBUTE_BYTES {
            return None;
        }
        payload.metadata.insert("type".to_owned(), Bytes::from_static(b"KeywordList"));
        Some(SearchAttributes { indexed_fields: [(CHANGE_VERSION.to_owned(), payload)].into() })
    }
}
