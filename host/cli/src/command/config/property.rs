//! The properties of a profile, under the names that the `temporal` CLI gives them.

use std::str::FromStr;

/// The part of a profile that holds headers.
pub(super) const GRPC_META: &str = "grpc_meta";

/// The part of a profile whose presence turns TLS on.
pub(super) const TLS: &str = "tls";

/// What a profile can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Property {
    /// Whether the profile has a part `tls`.
    Tls,
    /// A header of every call, in lower case with hyphens.
    Header(String),
    /// A key of the profile itself, or of a part of it.
    Field(Field),
}

/// A key with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// The key, with the part of the profile that it is in.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Programs that use it.
    pub(super) users: Users,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Text that `temporal` takes for bytes, and prints in base64.
    Data,
    Bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Users {
    All,
    /// `temporal`, and SDKs of Temporal that have it; not this program.
    Temporal,
}

/// All keys, sorted by name, as JSON has them.
pub(super) const FIELDS: &[Field] = &[
    field("address", Kind::Text, Users::All),
    field("api_key", Kind::Text, Users::All),
    field("authority", Kind::Text, Users::Temporal),
    field("codec.auth", Kind::Text, Users::Temporal),
    field("codec.endpoint", Kind::Text, Users::Temporal),
    field("namespace", Kind::Text, Users::All),
    field("tls.client_cert_data", Kind::Data, Users::All),
    field("tls.client_cert_path", Kind::Text, Users::All),
    field("tls.client_key_data", Kind::Data, Users::All),
    field("tls.client_key_path", Kind::Text, Users::All),
    // It is refused, with what to do instead.
    field("tls.disable_host_verification", Kind::Bool, Users::All),
    field("tls.disabled", Kind::Bool, Users::All),
    field("tls.server_ca_cert_data", Kind::Data, Users::All),
    field("tls.server_ca_cert_path", Kind::Text, Users::All),
    field("tls.server_name", Kind::Text, Users::All),
];

const fn field(name: &'static str, kind: Kind, users: Users) -> Field {
    Field { name, kind, users }
}

impl Field {
    /// The part of the profile that has the key, if it is not the profile itself, and the key in it.
    pub(super) fn path(&self) -> (Option<&'static str>, &'static str) {
        match self.name.split_once('.') {
            Some((part, key)) => (Some(part), key),
            None => (None, self.name),
        }
    }
}

impl Property {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Tls => TLS.to_owned(),
            Self::Header(key) => format!("{GRPC_META}.{key}"),
            Self::Field(field) => field.name.to_owned(),
        }
    }
}

/// No property has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown property; there are {}, tls, and {GRPC_META}.KEY for each header", names())]
pub(super) struct Unknown;

fn names() -> String {
    let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
    names.join(", ")
}

impl FromStr for Property {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Self, Unknown> {
        if name == TLS {
            return Ok(Self::Tls);
        }
        match name.split_once('.') {
            Some((GRPC_META, key)) if !key.is_empty() => Ok(Self::Header(header(key))),
            _ => {
                FIELDS.iter().find(|field| field.name == name).map(|field| Self::Field(*field)).ok_or(Unknown)
            }
        }
    }
}

/// The name of a header as it is sent, whichever way the file writes it.
pub(super) fn header(key: &str) -> String {
    key.to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_properties() {
        for field in FIELDS {
            assert_eq!(field.name.parse(), Ok(Property::Field(*field)));
        }
        assert!(FIELDS.is_sorted_by_key(|field| field.name));
        assert_eq!("tls".parse(), Ok(Property::Tls));
        assert_eq!("grpc_meta.Some_Key".parse(), Ok(Property::Header("some-key".to_owned())));
        for name in ["", "tls.", "codec", "grpc_meta", "grpc_meta.", "Address", "tls.nothing"] {
            assert_eq!(name.parse::<Property>(), Err(Unknown), "{name}");
        }
    }
}
