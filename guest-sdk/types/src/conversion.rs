//! The conversion of Rust values to payloads and back.
//!
//! This is the default data converter of every Temporal SDK: `binary/null` for null, `binary/plain` for
//! bytes, `json/plain` for everything else. Values of a type with an encoding of their own have that
//! ([`Converted`](crate::Converted)).

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::payload::{Encoding, Payload, PayloadError};
use crate::payload_de::{BytesDeserializer, Probed, probe};
use crate::payload_ser::{Outermost, outermost};

impl Payload {
    /// Encodes a value: `binary/null` for the unit type and `None`, `binary/plain` for [`crate::Bytes`]
    /// and other types that serialize as bytes, `json/plain` for everything else; a value of a type with an encoding
    /// of its own, such as [`crate::Converted`], as that.
    ///
    /// # Errors
    /// The value has no JSON form, for example a map whose keys are not strings.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, PayloadError> {
        Ok(match outermost(value) {
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
        match &self.encoding {
            Encoding::JsonPlain => Ok(serde_json::from_slice(&self.data)?),
            Encoding::BinaryNull => Ok(serde_json::from_slice(b"null")?),
            Encoding::BinaryPlain => T::deserialize(BytesDeserializer(&self.data)),
            encoding => Err(PayloadError::Encoding(encoding.name().unwrap_or("no").to_owned())),
        }
    }
}
