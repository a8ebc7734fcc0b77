//! Names and values of addresses and forms.

use std::{collections::BTreeMap, convert::Infallible};

use axum::{extract::FromRequestParts, http::request::Parts};

/// The names and values of an address or a form. Of a name that is there twice, the last counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Of `a=1&b=2`, encoded as forms are.
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// A value without the blanks around it; empty if it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.trim())
    }

    /// A value as it is: ids may begin with a blank.
    pub(crate) fn raw(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A number, if it is there and one.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.get(name).parse().ok()
    }
}

/// Those of the address that was asked for.
impl<S: Sync> FromRequestParts<S> for Fields {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default().as_bytes()))
    }
}

/// The address of a page with these names and values; empty values are left out.
pub(crate) fn address(path: &str, fields: &[(&str, &str)]) -> String {
    let mut encoder = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        encoder.append_pair(name, value);
    }
    let encoded = encoder.finish();
    if encoded.is_empty() { path.to_owned() } else { format!("{path}?{encoded}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back() {
        let id = "a/b?&=#\" <é";
        let encoded = address("/workflow", &[("workflow-id", id), ("run-id", ""), ("event", "7")]);
        assert_eq!(encoded, "/workflow?workflow-id=a%2Fb%3F%26%3D%23%22+%3C%C3%A9&event=7");
        let fields = Fields::parse(encoded.split_once('?').unwrap().1.as_bytes());
        assert_eq!(fields.get("workflow-id"), id);
        assert_eq!(fields.number("event"), Some(7));
        assert_eq!((fields.get("run-id"), fields.number("run-id")), ("", None));
        assert_eq!(address("/", &[("query", "")]), "/");
    }
}
