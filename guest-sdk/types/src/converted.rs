//! Values with an encoding of their own: `binary/protobuf`, `json/protobuf`, or one that a converter makes.
//!
//! Such a value is a serde type, so it fits wherever arguments and results do. It serializes as a newtype of a reserved
//! name, which holds the payload as bytes; [`Payload::from_value`] and [`Payload::to_value`] know that name where it is
//! the outermost level of a value.

use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};

use crate::bytes::Bytes;
use crate::payload::{Encoding, Payload, PayloadError};

/// The name of the newtype. No Rust type has a name with a `$`.
pub(crate) const NEWTYPE: &str = "$guest_sdk::Payload";

/// Converts values of a type to payloads and back.
///
/// ```
/// use guest_sdk_types::{Converted, Encoding, Payload, PayloadConverter, PayloadError};
///
/// /// Temperatures as text, such as `21.5`.
/// #[derive(Debug)]
/// struct PlainText;
///
/// impl PayloadConverter<f64> for PlainText {
///     fn to_payload(value: &f64) -> Result<Payload, PayloadError> {
///         let encoding = Encoding::from_name("text/plain");
///         Ok(Payload { encoding, metadata: Vec::new(), data: value.to_string().into_bytes() })
///     }
///
///     fn from_payload(payload: &Payload) -> Result<f64, PayloadError> {
///         payload.expect_encoding("text/plain")?;
///         String::from_utf8_lossy(&payload.data).parse().map_err(PayloadError::custom)
///     }
/// }
///
/// let value: Converted<f64, PlainText> = 21.5.into();
/// let payload = Payload::from_value(&value)?;
/// assert_eq!((payload.encoding.name(), &payload.data[..]), (Some("text/plain"), &b"21.5"[..]));
/// assert_eq!(*payload.to_value::<Converted<f64, PlainText>>()?, 21.5);
/// # Ok::<(), PayloadError>(())
/// ```
pub trait PayloadConverter<T> {
    /// Encodes a value.
    ///
    /// # Errors
    /// The value has no form in this encoding.
    fn to_payload(value: &T) -> Result<Payload, PayloadError>;

    /// Decodes a value.
    ///
    /// # Errors
    /// The payload has another encoding ([`Payload::expect_encoding`]), or its data is not a `T`.
    fn from_payload(payload: &Payload) -> Result<T, PayloadError>;
}

/// A value that the converter `C` converts, instead of the default one: an argument, a result or an element of one.
///
/// As an element of another value, such as a field of a struct, it is encoded within that value, as bytes that only this
/// type reads.
pub struct Converted<T, C> {
    /// The value.
    pub value: T,
    converter: PhantomData<fn() -> C>,
}

impl<T, C> Converted<T, C> {
    /// A value that `C` converts.
    pub const fn new(value: T) -> Self {
        Self { value, converter: PhantomData }
    }
}

impl<T, C> From<T> for Converted<T, C> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T, C> std::ops::Deref for Converted<T, C> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Clone, C> Clone for Converted<T, C> {
    fn clone(&self) -> Self {
        Self::new(self.value.clone())
    }
}

impl<T: PartialEq, C> PartialEq for Converted<T, C> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: std::fmt::Debug, C> std::fmt::Debug for Converted<T, C> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Converted").field(&self.value).finish()
    }
}

impl<T, C: PayloadConverter<T>> Serialize for Converted<T, C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        C::to_payload(&self.value).map_err(S::Error::custom)?.serialize_whole(serializer)
    }
}

impl<'de, T, C: PayloadConverter<T>> Deserialize<'de> for Converted<T, C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let payload = Payload::deserialize_whole(deserializer)?;
        C::from_payload(&payload).map(Self::new).map_err(D::Error::custom)
    }
}

impl Payload {
    /// Refuses a payload of another encoding.
    ///
    /// # Errors
    /// [`PayloadError::Encoding`].
    pub fn expect_encoding(&self, name: &str) -> Result<(), PayloadError> {
        match self.encoding.name() {
            Some(own) if own == name => Ok(()),
            own => Err(PayloadError::Encoding(own.unwrap_or("no").to_owned())),
        }
    }

    /// Serializes this payload in place of a value: the value then has this payload, instead of one with JSON. For
    /// `Serialize` of types with an encoding of their own.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize_whole<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(NEWTYPE, &Bytes(to_frame(self)))
    }

    /// Deserializes the payload of a value that was serialized by [`serialize_whole`](Self::serialize_whole), or came
    /// from elsewhere.
    ///
    /// # Errors
    /// Those of the deserializer.
    pub fn deserialize_whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Bytes(frame) = deserializer.deserialize_newtype_struct(NEWTYPE, FrameVisitor)?;
        from_frame(&frame).ok_or_else(|| D::Error::custom("not a payload"))
    }
}

struct FrameVisitor;

impl<'de> Visitor<'de> for FrameVisitor {
    type Value = Bytes;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a payload")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Bytes, D::Error> {
        Bytes::deserialize(deserializer)
    }
}

/// A payload as bytes: each part behind its length in four bytes, the encoding first, the data last. The encoding is a
/// `=` and its name, or nothing if the payload has none.
pub(crate) fn to_frame(payload: &Payload) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.size() + 16);
    let mut part = |bytes: &[u8]| {
        // A part of 4 GiB does not fit into a guest, and no service takes it.
        frame.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        frame.extend_from_slice(bytes);
    };
    match payload.encoding.name() {
        Some(name) => part(&[&b"="[..], name.as_bytes()].concat()),
        None => part(b""),
    }
    for (key, value) in &payload.metadata {
        part(key.as_bytes());
        part(value);
    }
    part(&payload.data);
    frame
}

/// The payload of a frame; `None` if it is damaged.
pub(crate) fn from_frame(mut frame: &[u8]) -> Option<Payload> {
    let mut parts = Vec::new();
    while !frame.is_empty() {
        let (length, rest) = frame.split_first_chunk()?;
        let (part, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        parts.push(part);
        frame = rest;
    }
    let ([encoding, metadata @ ..], data) = parts.split_last().map(|(data, rest)| (rest, data))? else {
        return None;
    };
    let encoding = match encoding.strip_prefix(b"=") {
        Some(name) => Encoding::from_name(std::str::from_utf8(name).ok()?),
        None if encoding.is_empty() => Encoding::None,
        None => return None,
    };
    let entries = metadata.chunks(2).map(|entry| match entry {
        [key, value] => Some((String::from_utf8(key.to_vec()).ok()?, value.to_vec())),
        _ => None,
    });
    Some(Payload { encoding, metadata: entries.collect::<Option<_>>()?, data: data.to_vec() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    /// Text in capital letters, as `text/plain`; refuses what is no text.
    #[derive(Debug)]
    struct Loud;

    impl PayloadConverter<String> for Loud {
        fn to_payload(value: &String) -> Result<Payload, PayloadError> {
            if value.is_empty() {
                return Err(PayloadError::custom("silence"));
            }
            let metadata = vec![("case".to_owned(), b"upper".to_vec())];
            Ok(Payload {
                encoding: Encoding::from_name("text/plain"),
                metadata,
                data: value.to_uppercase().into(),
            })
        }

        fn from_payload(payload: &Payload) -> Result<String, PayloadError> {
            payload.expect_encoding("text/plain")?;
            String::from_utf8(payload.data.clone()).map_err(PayloadError::custom)
        }
    }

    type Text = Converted<String, Loud>;

    fn text(value: &str) -> Text {
        Text::new(value.to_owned())
    }

    #[test]
    fn a_converter_decides_the_encoding() {
        let payload = Payload::from_value(&text("hello")).unwrap();
        assert_eq!((payload.encoding.name(), &payload.data[..]), (Some("text/plain"), &b"HELLO"[..]));
        assert_eq!(payload.metadata, [("case".to_owned(), b"upper".to_vec())]);
        assert_eq!(payload.to_value::<Text>().unwrap(), text("HELLO"));
        assert_eq!(payload.to_value::<Option<Text>>().unwrap(), Some(text("HELLO")));
        // The value is of no other type, and null is no value of this one.
        payload.to_value::<String>().unwrap_err();
        assert_eq!(Payload::from_value(&Some(text("hello"))).unwrap(), payload);
        assert_eq!(Payload::from_value(&None::<Text>).unwrap(), Payload::null());
        assert_eq!(Payload::null().to_value::<Option<Text>>().unwrap(), None);
    }

    #[test]
    fn errors_of_a_converter_are_told() {
        assert_eq!(Payload::from_value(&text("")).unwrap_err().to_string(), "silence");
        let error = Payload::from_json("1").to_value::<Text>().unwrap_err();
        assert_eq!(error.to_string(), "payload has json/plain encoding, which is not supported");
    }

    #[test]
    fn within_another_value_it_comes_back_too() {
        let payload = Payload::from_value(&(1, text("hello"))).unwrap();
        assert_eq!(payload.encoding, Encoding::JsonPlain);
        assert_eq!(payload.to_value::<(u8, Text)>().unwrap(), (1, text("HELLO")));
    }

    /// Types that do something else than to pass on the error of their deserializer.
    #[derive(Debug, PartialEq)]
    struct Stubborn(String);

    impl<'de> Deserialize<'de> for Stubborn {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer);
            text.map(Self).map_err(|error| D::Error::custom(format!("no name: {error}")))
        }
    }

    #[derive(Debug, PartialEq)]
    struct Careless(Option<u8>);

    impl<'de> Deserialize<'de> for Careless {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Ok(Self(u8::deserialize(deserializer).ok()))
        }
    }

    #[test]
    fn types_without_an_encoding_of_their_own_decode_as_before() {
        assert_eq!(Payload::from_json("\"a\"").to_value::<Stubborn>().unwrap(), Stubborn("a".to_owned()));
        assert_eq!(Payload::from_json("7").to_value::<Careless>().unwrap(), Careless(Some(7)));
        let error = Payload::from_json("7").to_value::<Stubborn>().unwrap_err().to_string();
        assert!(error.starts_with("no name: invalid type: integer `7`"), "{error}");
    }

    fn payloads() -> impl Strategy<Value = Payload> {
        let encoding =
            prop_oneof![Just(Encoding::None), ".{0,20}".prop_map(|name| Encoding::from_name(&name))];
        let metadata = proptest::collection::vec((".{0,8}", any::<Vec<u8>>()), 0..4);
        (encoding, metadata, any::<Vec<u8>>()).prop_map(|(encoding, metadata, data)| Payload {
            encoding,
            metadata,
            data,
        })
    }

    /// Gives payloads as they are.
    #[derive(Debug)]
    struct Raw;

    impl PayloadConverter<Payload> for Raw {
        fn to_payload(value: &Payload) -> Result<Payload, PayloadError> {
            Ok(value.clone())
        }

        fn from_payload(payload: &Payload) -> Result<Payload, PayloadError> {
            Ok(payload.clone())
        }
    }

    proptest! {
        #[test]
        fn every_payload_passes_as_it_is(payload in payloads()) {
            let value = Converted::<_, Raw>::new(payload.clone());
            prop_assert_eq!(&Payload::from_value(&value).unwrap(), &payload);
            prop_assert_eq!(payload.to_value::<Converted<Payload, Raw>>().unwrap().value, payload);
        }

        #[test]
        fn every_value_comes_back(
            text in ".*",
            number in any::<i64>(),
            bytes in any::<Vec<u8>>(),
            float in any::<f64>().prop_filter("JSON has no others", |float| float.is_finite()),
        ) {
            let check = |encoding: &str, payload: &Payload| {
                prop_assert_eq!(payload.encoding.name(), Some(encoding));
                Ok(())
            };
            let payload = Payload::from_value(&(&text, number, float)).unwrap();
            check("json/plain", &payload)?;
            prop_assert_eq!(payload.to_value::<(String, i64, f64)>().unwrap(), (text, number, float));
            let payload = Payload::from_value(&Bytes(bytes.clone())).unwrap();
            check("binary/plain", &payload)?;
            prop_assert_eq!(payload.to_value::<Option<Bytes>>().unwrap(), Some(Bytes(bytes)));
        }

        #[test]
        fn damaged_frames_are_refused_or_another_payload(payload in payloads(), cut in any::<prop::sample::Index>()) {
            let frame = to_frame(&payload);
            prop_assert_eq!(from_frame(&frame), Some(payload.clone()));
            let cut = cut.index(frame.len());
            prop_assert_ne!(from_frame(&frame[..cut]), Some(payload));
        }
    }
}
