//! The conversion of Rust values to payloads and back.
//!
//! This is the default data converter of every Temporal SDK: `binary/null` for null, `binary/plain` for
//! bytes, `json/plain` for everything else. Values of a type with an encoding of their own have that
//! ([`Converted`](crate::Converted)). The payload converters of a program ([`DataConverter`](crate::DataConverter)) come
//! before `binary/plain` and `json/plain`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::payload::{Encoding, Payload, PayloadError};
use crate::payload_de::{BytesDeserializer, Probed, probe};
use crate::payload_ser::{Outermost, outermost};

impl Payload {
    /// Encodes a value: `binary/null` for the unit type and `None`, `binary/plain` for [`crate::Bytes`]
    /// and other types that serialize as bytes, `json/plain` for everything else; a value of a type with an encoding
    /// of its own, such as [`crate::Converted`], as that. Values that are not null are offered to the payload converters
    /// of the program, if it has some.
    ///
    /// # Errors
    /// The value has no JSON form, for example a map whose keys are not strings; or a payload converter refuses it.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, PayloadError> {
        let outermost = outermost(value);
        #[cfg(feature = "payload-converter")]
        if matches!(outermost, Outermost::Bytes(_) | Outermost::Json)
            && let Some(payload) = crate::payload_converter::encode(value)?
        {
            return Ok(payload);
        }
        Self::from_outermost(outermost, value)
    }

    /// Encodes a value as [`from_value`](Self::from_value) does without payload converters: for what the service itself
    /// reads, such as search attributes.
    ///
    /// # Errors
    /// The value has no JSON form.
    pub fn from_plain_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, PayloadError> {
        Self::from_outermost(outermost(value), value)
    }

    fn from_outermost<T: Serialize + ?Sized>(outermost: Outermost, value: &T) -> Result<Self, PayloadError> {
        Ok(match outermost {
            Outermost::Null => Self::null(),
            Outermost::Bytes(data) => Self { encoding: Encoding::BinaryPlain, metadata: Vec::new(), data },
            Outermost::Payload(payload) => payload,
            Outermost::Json => Self::from_json(serde_json::to_vec(value)?),
        })
    }

    /// Decodes a value.
    ///
    /// # Errors
    /// The payload has another encoding than those that `T` is decoded from, or its data is not a `T`.
    pub fn to_value<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        if let Probed::Own(result) = probe(self) {
            return result;
        }
        #[cfg(feature = "payload-converter")]
        if let Some(result) = crate::payload_converter::decode(self) {
            return result;
        }
        match &self.encoding {
            Encoding::JsonPlain => Ok(serde_json::from_slice(&self.data)?),
            Encoding::BinaryNull => Ok(serde_json::from_slice(b"null")?),
            Encoding::BinaryPlain => T::deserialize(BytesDeserializer(&self.data)),
            encoding => Err(PayloadError::Encoding(encoding.name().unwrap_or("no").to_owned())),
        }
    }
}
