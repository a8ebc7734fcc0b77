//! Messages of prost as arguments and results.

use guest_sdk_types::{Encoding, Payload, PayloadError};
use prost::{Message, Name};
use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The metadata entry with the full name of the message, which SDKs of other languages find its type by.
const MESSAGE_TYPE: &str = "messageType";

const BINARY: &str = "binary/protobuf";
const JSON: &str = "json/protobuf";

/// A message that is encoded as `binary/protobuf`.
///
/// `prost-build` implements [`Name`] with `enable_type_names`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProstSerializable<M>(pub M);

/// A message that is encoded as `json/protobuf`, as SDKs of other languages encode messages unless they are told
/// otherwise. Its `Serialize` and `Deserialize` must be those of the JSON mapping of protobuf, which `pbjson` and
/// `prost-wkt` generate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProstJsonSerializable<M>(pub M);

impl<M> From<M> for ProstSerializable<M> {
    fn from(message: M) -> Self {
        Self(message)
    }
}

impl<M> From<M> for ProstJsonSerializable<M> {
    fn from(message: M) -> Self {
        Self(message)
    }
}

impl<M: Message + Name> Serialize for ProstSerializable<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        payload::<M>(BINARY, self.0.encode_to_vec()).serialize_whole(serializer)
    }
}

impl<'de, M: Message + Name + Default> Deserialize<'de> for ProstSerializable<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let payload = Payload::deserialize_whole(deserializer)?;
        payload.expect_encoding(BINARY).map_err(D::Error::custom)?;
        let decoded = M::decode(&payload.data[..]).map(Self);
        decoded.map_err(|error| D::Error::custom(not_a::<M>(error)))
    }
}

impl<M: Serialize + Name> Serialize for ProstJsonSerializable<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let data = serde_json::to_vec(&self.0).map_err(S::Error::custom)?;
        payload::<M>(JSON, data).serialize_whole(serializer)
    }
}

impl<'de, M: DeserializeOwned + Name> Deserialize<'de> for ProstJsonSerializable<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let payload = Payload::deserialize_whole(deserializer)?;
        payload.expect_encoding(JSON).map_err(D::Error::custom)?;
        let decoded = serde_json::from_slice(&payload.data).map(Self);
        decoded.map_err(|error| D::Error::custom(not_a::<M>(error)))
    }
}

fn payload<M: Name>(encoding: &str, data: Vec<u8>) -> Payload {
    let metadata = vec![(MESSAGE_TYPE.to_owned(), M::full_name().into_bytes())];
    Payload { encoding: Encoding::from_name(encoding), metadata, data }
}

fn not_a<M: Name>(error: impl std::fmt::Display) -> PayloadError {
    PayloadError::custom(format!("not a `{}`: {error}", M::full_name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
    struct Parcel {
        #[prost(string, tag = "1")]
        sku: String,
        #[prost(uint32, tag = "2")]
        pieces: u32,
    }

    impl Name for Parcel {
        const NAME: &'static str = "Parcel";
        const PACKAGE: &'static str = "shop.v1";
    }

    fn parcel() -> Parcel {
        Parcel { sku: "tea".to_owned(), pieces: 2 }
    }

    #[test]
    fn messages_are_encoded_as_the_sdks_of_other_languages_do() {
        let name = [(MESSAGE_TYPE.to_owned(), b"shop.v1.Parcel".to_vec())];
        let binary = Payload::from_value(&ProstSerializable(parcel())).unwrap();
        assert_eq!(
            (binary.encoding.name(), &binary.data[..]),
            (Some("binary/protobuf"), &b"\n\x03tea\x10\x02"[..])
        );
        assert_eq!(binary.metadata, name);
        assert_eq!(binary.to_value::<ProstSerializable<Parcel>>().unwrap().0, parcel());

        let json = Payload::from_value(&ProstJsonSerializable(parcel())).unwrap();
        let data = br#"{"sku":"tea","pieces":2}"#;
        assert_eq!((json.encoding.name(), &json.data[..]), (Some("json/protobuf"), &data[..]));
        assert_eq!(json.metadata, name);
        assert_eq!(json.to_value::<ProstJsonSerializable<Parcel>>().unwrap().0, parcel());

        let error = json.to_value::<ProstSerializable<Parcel>>().unwrap_err();
        assert_eq!(error.to_string(), "payload has json/protobuf encoding, which is not supported");
    }

    #[test]
    fn what_is_no_message_is_told() {
        let damaged = payload::<Parcel>(BINARY, vec![0xff]);
        let error = damaged.to_value::<ProstSerializable<Parcel>>().unwrap_err().to_string();
        assert!(error.starts_with("not a `shop.v1.Parcel`: "), "{error}");
        let damaged = payload::<Parcel>(JSON, b"[]".to_vec());
        damaged.to_value::<ProstJsonSerializable<Parcel>>().unwrap_err();
    }
}
