//! Search attributes: values by which the service indexes a workflow.

use std::marker::PhantomData;

use guest_sdk_types::{NamedPayloads, Payload};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The metadata entry that names the type of a search attribute.
const TYPE: &str = "type";

/// The name and type of a search attribute.
///
/// ```
/// # use guest_sdk::SearchAttributeKey;
/// const CUSTOMER: SearchAttributeKey<String> = SearchAttributeKey::keyword("Customer");
/// const AMOUNT: SearchAttributeKey<i64> = SearchAttributeKey::int("Amount");
/// ```
#[derive(Debug)]
pub struct SearchAttributeKey<T> {
    name: &'static str,
    indexed_type: &'static str,
    value: PhantomData<fn() -> T>,
}

macro_rules! keys {
    ($($type:ty: $constructor:ident $indexed_type:literal;)*) => {$(
        impl SearchAttributeKey<$type> {
            #[doc = concat!("A search attribute of type `", $indexed_type, "`.")]
            #[must_use]
            pub const fn $constructor(name: &'static str) -> Self {
                Self { name, indexed_type: $indexed_type, value: PhantomData }
            }
        }
    )*};
}

keys! {
    bool: bool "Bool";
    i64: int "Int";
    f64: float "Double";
    String: keyword "Keyword";
    String: text "Text";
    String: datetime "Datetime";
    Vec<String>: keyword_list "KeywordList";
}

impl<T: Serialize + DeserializeOwned> SearchAttributeKey<T> {
    /// The name of the search attribute.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The change that sets the value.
    #[must_use]
    pub fn value_set(&self, value: T) -> SearchAttributeUpdate {
        let mut payload = Payload::from_plain_value(&value).unwrap_or_else(|_| Payload::null());
        payload.metadata.push((TYPE.to_owned(), self.indexed_type.as_bytes().to_vec()));
        SearchAttributeUpdate { name: self.name, payload: Some(payload) }
    }

    /// The change that removes the value.
    #[must_use]
    pub fn value_unset(&self) -> SearchAttributeUpdate {
        SearchAttributeUpdate { name: self.name, payload: None }
    }
}

/// A change of one search attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchAttributeUpdate {
    pub(crate) name: &'static str,
    pub(crate) payload: Option<Payload>,
}

/// The search attributes of a workflow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchAttributes(pub(crate) NamedPayloads);

impl SearchAttributes {
    /// Decodes the value of a search attribute; `None` if there is none, or it has another type.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, key: &SearchAttributeKey<T>) -> Option<T> {
        self.0.get(key.name)?.to_value().ok()
    }

    /// Whether the search attribute has a value.
    #[must_use]
    pub fn contains_key<T>(&self, key: &SearchAttributeKey<T>) -> bool {
        self.0.contains_key(key.name)
    }

    /// The encoded values.
    #[must_use]
    pub fn raw(&self) -> &NamedPayloads {
        &self.0
    }

    /// Adds, replaces or removes a value.
    #[must_use]
    pub fn with(mut self, update: SearchAttributeUpdate) -> Self {
        self.apply(update);
        self
    }

    pub(crate) fn apply(&mut self, update: SearchAttributeUpdate) {
        match update.payload {
            Some(payload) => self.0.insert(update.name.to_owned(), payload),
            None => self.0.remove(update.name),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_type() {
        const AMOUNT: SearchAttributeKey<i64> = SearchAttributeKey::int("Amount");
        let attributes = SearchAttributes::default().with(AMOUNT.value_set(7));
        assert_eq!(attributes.get(&AMOUNT), Some(7));
        assert_eq!(attributes.raw()["Amount"].metadata, [("type".to_owned(), b"Int".to_vec())]);
        assert!(!attributes.with(AMOUNT.value_unset()).contains_key(&AMOUNT));
    }
}
