//! Changes that a workflow makes to its own search attributes and memo.

use guest_sdk_types::{NamedPayloads, Payload, PayloadError};
use serde::Serialize;

use crate::context::SyncWorkflowContext;
use crate::convert::named_payloads;
use crate::host;
use crate::search_attributes::{SearchAttributeUpdate, SearchAttributes};

impl<W> SyncWorkflowContext<W> {
    /// Adds, replaces or removes search attributes.
    pub fn upsert_search_attributes(&self, updates: impl IntoIterator<Item = SearchAttributeUpdate>) {
        let mut sent = NamedPayloads::new();
        let mut known = SearchAttributes(self.run().search_attributes.take());
        for update in updates {
            let payload = update.payload.clone().unwrap_or_else(Payload::null);
            sent.insert(update.name.to_owned(), payload);
            known.apply(update);
        }
        self.run().search_attributes.replace(known.0);
        host::workflow::upsert_search_attributes(&named_payloads(sent));
    }

    /// Adds or replaces fields of the memo, or removes them (`None`).
    ///
    /// # Errors
    /// A value could not be encoded: see [`Payload::from_value`].
    pub fn upsert_memo<K: Into<String>>(
        &self,
        updates: impl IntoIterator<Item = (K, Option<MemoValue>)>,
    ) -> Result<(), PayloadError> {
        let mut sent = NamedPayloads::new();
        for (name, value) in updates {
            let payload = value.map_or_else(|| Ok(Payload::null()), |value| value.0)?;
            sent.insert(name.into(), payload);
        }
        let mut known = self.run().memo.borrow_mut();
        for (name, payload) in &sent {
            if *payload == Payload::null() {
                known.remove(name);
            } else {
                known.insert(name.clone(), payload.clone());
            }
        }
        host::workflow::upsert_memo(&named_payloads(sent));
        Ok(())
    }
}

/// A value of a memo.
#[derive(Debug)]
pub struct MemoValue(Result<Payload, PayloadError>);

impl MemoValue {
    /// Encodes any serde value. [`SyncWorkflowContext::upsert_memo`] returns the error, if there is one.
    pub fn new<T: Serialize>(value: T) -> Self {
        Self(Payload::from_value(&value))
    }
}
