//! Payloads, and the conversion of Rust values to payloads and back.
//!
//! This is the default data converter of every Temporal SDK: `binary/null` for null, `binary/plain` for
//! bytes, `json/plain` for everything else. Values of a type with an encoding of its own have that
//! ([`Converted`](crate::Converted)).

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Most bytes that the payloads of one field (arguments, a result, the details of a heartbeat) may have
/// together: the default of `limit.blobSize.error` in Temporal's dynamic configuration.
pub const MAX_PAYLOADS_BYTES: usize = 2 * 1024 * 1024;

/// The metadata entry `encoding` of a payload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Encoding {
    /// `binary/null`: no data.
    BinaryNull,
    /// `binary/plain`: bytes.
    BinaryPlain,
    /// `json/plain`: UTF-8 JSON.
    JsonPlain,
    /// Any other value.
    Other(String),
    /// The payload has no such entry.
    #[default]
    None,
}

impl Encoding {
    /// The value of the metadata entry; `None` if the payload has none.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::BinaryNull => Some("binary/null"),
            Self::BinaryPlain => Some("binary/plain"),
            Self::JsonPlain => Some("json/plain"),
            Self::Other(name) => Some(name),
            Self::None => None,
        }
    }

    /// The encoding with the value `name` of the metadata entry.
    pub fn from_name(name: &str) -> Self {
        match name {
            "binary/null" => Self::BinaryNull,
            "binary/plain" => Self::BinaryPlain,
            "json/plain" => Self::JsonPlain,
            _ => Self::Other(name.to_owned()),
        }
    }
}

/// Encoded data and its metadata: `temporal.api.common.v1.Payload`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Payload {
    /// The metadata entry `encoding`.
    pub encoding: Encoding,
    /// The other metadata entries, sorted by key.
    pub metadata: Vec<(String, Vec<u8>)>,
    /// The encoded data.
    pub data: Vec<u8>,
}

impl Payload {
    /// The `binary/null` payload.
    pub fn null() -> Self {
        Self { encoding: Encoding::BinaryNull, ..Self::default() }
    }

    /// A `json/plain` payload of `json`, which is not checked.
    pub fn from_json(json: impl Into<Vec<u8>>) -> Self {
        Self { encoding: Encoding::JsonPlain, metadata: Vec::new(), data: json.into() }
    }

    /// The size of data and metadata in bytes, as limits count it.
    pub fn size(&self) -> usize {
        let encoding = self.encoding.name().map_or(0, |name| "encoding".len() + name.len());
        let metadata: usize = self.metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
        encoding + metadata + self.data.len()
    }
}

/// Why a value could not be encoded, or a payload not decoded.
#[derive(Debug)]
pub enum PayloadError {
    /// The data is not JSON, or not JSON of the type.
    Json(serde_json::Error),
    /// The payload has bytes and the type is not made of bytes, or the reverse; or a converter says so.
    Type(String),
    /// The payload has an encoding that the converter of the type does not support.
    Encoding(String),
    /// There are fewer payloads than values.
    Missing {
        /// The index of the value, from 0.
        index: usize,
    },
}

impl PayloadError {
    /// An error of a [`PayloadConverter`](crate::PayloadConverter) with this message.
    pub fn custom(message: impl std::fmt::Display) -> Self {
        Self::Type(message.to_string())
    }
}

impl std::fmt::Display for PayloadError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json(error) => write!(formatter, "{error}"),
            Self::Type(message) => formatter.write_str(message),
            Self::Encoding(name) => write!(formatter, "payload has {name} encoding, which is not supported"),
            Self::Missing { index } => write!(formatter, "no payload at position {index}"),
        }
    }
}

impl std::error::Error for PayloadError {}

impl From<serde_json::Error> for PayloadError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl serde::de::Error for PayloadError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::custom(message)
    }
}

/// Arguments without conversion: the parameter of dynamic workflows, activities and handlers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawValue(pub Vec<Payload>);

/// Values that are encoded as the arguments of a call.
///
/// A tuple is encoded as one payload for each element, `()` as none. The macros make a tuple of a parameter
/// list: `(value,)` of a single parameter.
pub trait IntoPayloads {
    /// Encodes the arguments.
    ///
    /// # Errors
    /// A value could not be encoded: see [`Payload::from_value`].
    fn into_payloads(self) -> Result<Vec<Payload>, PayloadError>;
}

/// Values that are decoded from the arguments of a call.
///
/// Payloads beyond the last value are ignored, so that callers may pass parameters that were removed. A
/// missing payload is decoded as null, so that callers may leave out a trailing `Option`.
pub trait FromPayloads: Sized {
    /// Decodes the arguments.
    ///
    /// # Errors
    /// A payload could not be decoded (see [`Payload::to_value`]), or is missing ([`PayloadError::Missing`]).
    fn from_payloads(payloads: &[Payload]) -> Result<Self, PayloadError>;
}

impl IntoPayloads for RawValue {
    fn into_payloads(self) -> Result<Vec<Payload>, PayloadError> {
        Ok(self.0)
    }
}

impl FromPayloads for RawValue {
    fn from_payloads(payloads: &[Payload]) -> Result<Self, PayloadError> {
        Ok(Self(payloads.to_vec()))
    }
}

fn argument<T: DeserializeOwned>(payloads: &[Payload], index: usize) -> Result<T, PayloadError> {
    match payloads.get(index) {
        Some(payload) => payload.to_value(),
        None => serde_json::from_slice(b"null").map_err(|_| PayloadError::Missing { index }),
    }
}

macro_rules! tuples {
    ($($($name:ident $index:tt),*;)*) => {$(
        impl<$($name: Serialize),*> IntoPayloads for ($($name,)*) {
            fn into_payloads(self) -> Result<Vec<Payload>, PayloadError> {
                Ok(vec![$(Payload::from_value(&self.$index)?),*])
            }
        }

        impl<$($name: DeserializeOwned),*> FromPayloads for ($($name,)*) {
            #[allow(unused_variables, reason = "the unit type reads no payload")]
            fn from_payloads(payloads: &[Payload]) -> Result<Self, PayloadError> {
                Ok(($(argument::<$name>(payloads, $index)?,)*))
            }
        }
    )*};
}

tuples! {
    ;
    A 0;
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bytes;

    fn check<T>(value: T, encoding: &str, data: &[u8])
    where
        T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        let payload = Payload::from_value(&value).unwrap();
        assert_eq!(payload.encoding.name(), Some(encoding));
        assert_eq!(String::from_utf8_lossy(&payload.data), String::from_utf8_lossy(data));
        assert_eq!(payload.to_value::<T>().unwrap(), value);
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Order {
        id: u32,
        note: Option<String>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Dot,
        Line(u8, u8),
        Box { side: u8 },
    }

    #[test]
    fn values_become_payloads_and_come_back() {
        check((), "binary/null", b"");
        check(None::<u32>, "binary/null", b"");
        check(Some(3), "json/plain", b"3");
        check(Some(Some(3)), "json/plain", b"3");
        check(Bytes(vec![0, 255]), "binary/plain", &[0, 255]);
        check(Some(Bytes(vec![1])), "binary/plain", &[1]);
        check("a \"b\"".to_owned(), "json/plain", br#""a \"b\"""#);
        check(vec![1_u8, 2], "json/plain", b"[1,2]");
        check(1.5_f64, "json/plain", b"1.5");
        check(u64::MAX, "json/plain", b"18446744073709551615");
        check((1, 'x', true), "json/plain", br#"[1,"x",true]"#);
        check(Order { id: 7, note: None }, "json/plain", br#"{"id":7,"note":null}"#);
        check(Shape::Dot, "json/plain", br#""Dot""#);
        check(Shape::Line(1, 2), "json/plain", br#"{"Line":[1,2]}"#);
        check(Shape::Box { side: 2 }, "json/plain", br#"{"Box":{"side":2}}"#);
        check(std::collections::BTreeMap::from([("k".to_owned(), 1)]), "json/plain", br#"{"k":1}"#);
        check(serde_json::json!({"a": [1, null]}), "json/plain", br#"{"a":[1,null]}"#);
    }

    fn check_error<T: DeserializeOwned + std::fmt::Debug>(payload: &Payload, expected: &str) {
        assert_eq!(payload.to_value::<T>().unwrap_err().to_string(), expected);
    }

    #[test]
    fn foreign_payloads_give_errors() {
        check_error::<u8>(
            &Payload::from_json("300"),
            "invalid value: integer `300`, expected u8 at line 1 column 3",
        );
        check_error::<u8>(&Payload::from_json("["), "invalid type: sequence, expected u8 at line 1 column 0");
        check_error::<u8>(&Payload::null(), "invalid type: null, expected u8 at line 1 column 4");
        let encrypted = Payload { encoding: Encoding::from_name("binary/encrypted"), ..Payload::default() };
        check_error::<u8>(&encrypted, "payload has binary/encrypted encoding, which is not supported");
        check_error::<u8>(&Payload::default(), "payload has no encoding, which is not supported");
        let bytes = Payload::from_value(&Bytes(vec![1])).unwrap();
        check_error::<u8>(&bytes, "invalid type: byte array, expected u8");
    }

    #[test]
    fn arguments_may_be_fewer_or_more() {
        let payloads = (1, "two").into_payloads().unwrap();
        assert_eq!(<(u8,)>::from_payloads(&payloads).unwrap(), (1,));
        assert_eq!(
            <(u8, String, Option<u8>)>::from_payloads(&payloads).unwrap(),
            (1, "two".to_owned(), None)
        );
        let missing = <(u8, String, u8)>::from_payloads(&payloads).unwrap_err();
        assert_eq!(missing.to_string(), "no payload at position 2");
        assert_eq!(().into_payloads().unwrap(), vec![]);
    }
}
