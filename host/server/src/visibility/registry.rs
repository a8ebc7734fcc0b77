//! The search attributes of each namespace, by type, and the checks of what is written.

use std::collections::BTreeMap;

use host_wire::temporal::api::{
    common::v1::{Payload, SearchAttributes},
    enums::v1::IndexedValueType as Kind,
};
use prost::Message;

use crate::{
    error::Error,
    limits, text,
    visibility::{
        kinds::{self, INTERNAL, PREDEFINED, SYSTEM},
        value::decode,
    },
};

/// The `type` in the metadata of a payload.
const TYPE: &str = "type";

/// Search attributes of one's own, by name.
pub(crate) type Custom = BTreeMap<String, Kind>;

/// The search attributes of all namespaces.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Registry {
    custom: BTreeMap<String, Custom>,
}

impl Registry {
    /// Those of a namespace, other than what every namespace has.
    pub(crate) fn custom(&self, namespace: &str) -> Custom {
        self.custom.get(namespace).cloned().unwrap_or_default()
    }

    /// Replaces those of a namespace.
    pub(crate) fn set_custom(&mut self, namespace: &str, custom: Custom) {
        self.custom.insert(namespace.to_owned(), custom);
    }

    /// The namespace is gone.
    pub(crate) fn forget_namespace(&mut self, namespace: &str) {
        self.custom.remove(namespace);
    }

    /// The type of an attribute that a run may have.
    fn kind_of_set(&self, namespace: &str, name: &str) -> Option<Kind> {
        let custom = self.custom.get(namespace).and_then(|custom| custom.get(name).copied());
        custom.or_else(|| kinds::of(PREDEFINED, name)).or_else(|| kinds::of(INTERNAL, name))
    }

    /// Checks attributes that are set, as Temporal's server does (`searchattribute.Validator`).
    ///
    /// # Errors
    ///
    /// Says which one is not known, not allowed or of another type.
    pub(crate) fn check(&self, namespace: &str, attributes: Option<&SearchAttributes>) -> Result<(), Error> {
        let Some(fields) = attributes.map(|all| &all.indexed_fields) else { return Ok(()) };
        if fields.len() > limits::SEARCH_ATTRIBUTES {
            return Err(Error::invalid(format!(
                "number of search attributes {} exceeds limit {}",
                fields.len(),
                limits::SEARCH_ATTRIBUTES
            )));
        }
        fields.iter().try_for_each(|(name, payload)| self.check_field(namespace, name, payload))
    }

    fn check_field(&self, namespace: &str, name: &str, payload: &Payload) -> Result<(), Error> {
        if kinds::of(SYSTEM, name).or_else(|| kinds::of(INTERNAL, name)).is_some() {
            return Err(Error::invalid(format!("{name} attribute can't be set in SearchAttributes")));
        }
        let Some(kind) = self.kind_of_set(namespace, name) else {
            return Err(Error::invalid(format!(
                "Namespace {namespace} has no mapping defined for search attribute {name}"
            )));
        };
        if decode(payload, kind).is_err() {
            let kind = kinds::name(kind);
            let value = shown(payload);
            return Err(Error::invalid(format!(
                "invalid value for search attribute {name} of type {kind}: {value}"
            )));
        }
        Ok(())
    }

    /// Checks that values are not too large.
    ///
    /// # Errors
    ///
    /// Says which one is.
    pub(crate) fn check_size<'a>(
        fields: impl Iterator<Item = (&'a String, &'a Payload)>,
    ) -> Result<(), Error> {
        let mut total = 0;
        for (name, payload) in fields {
            let size = payload.data.len();
            if size > limits::SEARCH_ATTRIBUTE_BYTES {
                return Err(Error::invalid(format!(
                    "search attribute {name} value size {size} exceeds size limit {}",
                    limits::SEARCH_ATTRIBUTE_BYTES
                )));
            }
            total += name.len() + payload.encoded_len() + FIELD_BYTES;
        }
        if total > limits::ALL_SEARCH_ATTRIBUTES_BYTES {
            return Err(Error::invalid(format!(
                "total size of search attributes {total} exceeds size limit {}",
                limits::ALL_SEARCH_ATTRIBUTES_BYTES
            )));
        }
        Ok(())
    }

    /// As [`Self::check_size`], for a run that starts.
    ///
    /// # Errors
    ///
    /// As [`Self::check_size`].
    pub(crate) fn check_first_size(attributes: Option<&SearchAttributes>) -> Result<(), Error> {
        Self::check_size(attributes.iter().flat_map(|all| &all.indexed_fields))
    }

    /// Names the type of each attribute in its payload, where its sender did not.
    pub(crate) fn name_types(&self, namespace: &str, attributes: Option<&mut SearchAttributes>) {
        for (name, payload) in attributes.into_iter().flat_map(|all| &mut all.indexed_fields) {
            if let Some(kind) = self.kind_of_set(namespace, name)
                && !payload.metadata.contains_key(TYPE)
            {
                payload.metadata.insert(TYPE.to_owned(), kinds::name(kind).into());
            }
        }
    }
}

/// A wrong value: a text without its quotes, others as JSON.
fn shown(payload: &Payload) -> String {
    let text = serde_json::from_slice::<String>(&payload.data);
    let mut text = text.unwrap_or_else(|_| String::from_utf8_lossy(&payload.data).into_owned());
    text::cut(&mut text, SHOWN_BYTES);
    text
}

/// Most bytes of a wrong value that its refusal repeats.
const SHOWN_BYTES: usize = 100;
/// Bytes of a field beside its name and payload: four tags and lengths.
const FIELD_BYTES: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(data: &str) -> Payload {
        Payload {
            metadata: [("encoding".to_owned(), "json/plain".into())].into(),
            data: data.to_owned().into(),
            ..Payload::default()
        }
    }

    fn one(name: &str, data: &str) -> SearchAttributes {
        SearchAttributes { indexed_fields: [(name.to_owned(), payload(data))].into() }
    }

    #[test]
    fn what_may_be_set() {
        let mut registry = Registry::default();
        registry.set_custom("default", [("Colour".to_owned(), Kind::Keyword)].into());
        let check = |namespace: &str, name: &str, data: &str| {
            let checked = registry.check(namespace, Some(&one(name, data)));
            checked.map_or_else(|error| error.to_string(), |()| "taken".to_owned())
        };
        for (namespace, name, data, expected) in [
            ("default", "Colour", "\"red\"", "taken"),
            ("default", "Colour", "null", "taken"),
            ("default", "Colour", "5", "invalid value for search attribute Colour of type Keyword: 5"),
            (
                "other",
                "Colour",
                "\"red\"",
                "Namespace other has no mapping defined for search attribute Colour",
            ),
            ("default", "Size", "5", "Namespace default has no mapping defined for search attribute Size"),
            ("default", "StartTime", "5", "StartTime attribute can't be set in SearchAttributes"),
            ("default", "TemporalChangeVersion", "[\"a\"]", "taken"),
            (
                "default",
                "TemporalWorkerDeployment",
                "\"a\"",
                "TemporalWorkerDeployment attribute can't be set in SearchAttributes",
            ),
        ] {
            assert_eq!(check(namespace, name, data), expected, "{namespace} {name} {data}");
        }
        let mut typed = one("Colour", "\"red\"");
        registry.name_types("default", Some(&mut typed));
        assert_eq!(typed.indexed_fields["Colour"].metadata["type"], "Keyword");
    }

    #[test]
    fn values_have_a_size() {
        let sized = |bytes: usize, fields: usize| {
            let value = format!("\"{}\"", "x".repeat(bytes - 2));
            let fields = (0..fields).map(|number| (format!("A{number}"), payload(&value)));
            let fields: BTreeMap<_, _> = fields.collect();
            Registry::check_size(fields.iter()).map_err(|error| error.to_string())
        };
        assert_eq!(sized(2_048, 1), Ok(()));
        assert_eq!(
            sized(2_049, 1).unwrap_err(),
            "search attribute A0 value size 2049 exceeds size limit 2048"
        );
        assert_eq!(sized(2_000, 19), Ok(()));
        assert!(sized(2_000, 21).unwrap_err().starts_with("total size of search attributes "));
    }
}
