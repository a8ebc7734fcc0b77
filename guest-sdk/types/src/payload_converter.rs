//! Payload converters for all values of a program.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::data_converter::DataConverter;
use crate::payload::{Payload, PayloadError};

/// Converts values of every type to payloads with one encoding, and back.
///
/// ```
/// use guest_sdk_types::{Decode, Encoding, EncodingPayloadConverter, Payload, PayloadError};
///
/// /// JSON with line breaks, for people.
/// struct PrettyJson;
///
/// impl EncodingPayloadConverter for PrettyJson {
///     fn encoding(&self) -> &str {
///         "json/pretty"
///     }
///
///     fn to_payload(&self, value: &dyn erased_serde::Serialize) -> Result<Option<Payload>, PayloadError> {
///         let encoding = Encoding::from_name(self.encoding());
///         Ok(Some(Payload { encoding, metadata: Vec::new(), data: serde_json::to_vec_pretty(value)? }))
///     }
///
///     fn from_payload(&self, payload: &Payload, decode: Decode<'_>) -> Result<(), PayloadError> {
///         decode.from(&mut serde_json::Deserializer::from_slice(&payload.data))
///     }
/// }
/// ```
pub trait EncodingPayloadConverter: Sync {
    /// The metadata entry `encoding` of its payloads.
    fn encoding(&self) -> &str;

    /// Encodes a value. `None` leaves it to the next converter. Null is not asked for: it is `binary/null` for every SDK.
    ///
    /// # Errors
    /// The value has no form in this encoding: no other converter is asked, and the call fails.
    fn to_payload(&self, value: &dyn erased_serde::Serialize) -> Result<Option<Payload>, PayloadError>;

    /// Decodes a payload with this encoding: makes a deserializer for its data, and passes that to `decode`.
    ///
    /// # Errors
    /// The data is damaged, or `decode` returns one.
    #[expect(clippy::wrong_self_convention, reason = "by its name in Temporal's SDKs")]
    fn from_payload(&self, payload: &Payload, decode: Decode<'_>) -> Result<(), PayloadError>;
}

type Decoder<'a> = dyn FnMut(&mut dyn erased_serde::Deserializer<'_>) -> Result<(), PayloadError> + 'a;

/// What takes a value from a deserializer: see [`EncodingPayloadConverter::from_payload`].
pub struct Decode<'a>(&'a mut Decoder<'a>);

impl Decode<'_> {
    /// Takes the value.
    ///
    /// # Errors
    /// What is deserialized is not of the type that is asked for.
    pub fn from<'de, D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), PayloadError> {
        (self.0)(&mut <dyn erased_serde::Deserializer<'_>>::erase(deserializer))
    }
}

impl std::fmt::Debug for Decode<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Decode").finish_non_exhaustive()
    }
}

/// The payload that the installed converters make of a value; `None`: it is left to the default ones.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Option<Payload>, PayloadError> {
    for converter in DataConverter::installed_payload_converters() {
        if let Some(payload) = converter.to_payload(&value)? {
            return Ok(Some(payload));
        }
    }
    Ok(None)
}

/// The value that the installed converter with the encoding of a payload reads from it; `None`: there is no such converter.
pub(crate) fn decode<T: DeserializeOwned>(payload: &Payload) -> Option<Result<T, PayloadError>> {
    let encoding = payload.encoding.name()?;
    let converters = DataConverter::installed_payload_converters();
    let converter = converters.iter().find(|converter| converter.encoding() == encoding)?;
    let mut value = None;
    let mut decoder = |deserializer: &mut dyn erased_serde::Deserializer<'_>| {
        value = Some(erased_serde::deserialize::<T>(deserializer).map_err(PayloadError::custom)?);
        Ok(())
    };
    let decoded = converter.from_payload(payload, Decode(&mut decoder));
    let missing = || PayloadError::custom(format!("the converter of {encoding} decoded nothing"));
    Some(decoded.and_then(|()| value.ok_or_else(missing)))
}
