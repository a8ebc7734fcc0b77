//! A payload converter for all values of a program: of this one.
#![cfg(feature = "payload-converter")]
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::sync::Once;

use guest_sdk_types::{
    Bytes, Converted, DataConverter, Decode, Encoding, EncodingPayloadConverter, FromPayloads, IntoPayloads,
    Payload, PayloadConverter, PayloadError, RawValue, Returned,
};
use serde::{Deserialize, Serialize};

/// JSON backwards. Declines bytes, and refuses the text `no`.
struct Backwards;

impl EncodingPayloadConverter for Backwards {
    fn encoding(&self) -> &str {
        "json/backwards"
    }

    fn to_payload(&self, value: &dyn erased_serde::Serialize) -> Result<Option<Payload>, PayloadError> {
        let mut data = serde_json::to_vec(value)?;
        if data == b"\"no\"" {
            return Err(PayloadError::custom("it says no"));
        }
        if data.starts_with(b"[") {
            return Ok(None);
        }
        data.reverse();
        Ok(Some(Payload { encoding: Encoding::from_name(self.encoding()), metadata: Vec::new(), data }))
    }

    fn from_payload(&self, payload: &Payload, decode: Decode<'_>) -> Result<(), PayloadError> {
        let mut data = payload.data.clone();
        data.reverse();
        if data == b"\"nothing\"" {
            return Ok(());
        }
        decode.from(&mut serde_json::Deserializer::from_slice(&data))
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u32,
}

#[derive(Debug)]
struct Plain;

impl PayloadConverter<String> for Plain {
    fn to_payload(value: &String) -> Result<Payload, PayloadError> {
        let encoding = Encoding::from_name("text/plain");
        Ok(Payload { encoding, metadata: Vec::new(), data: value.clone().into_bytes() })
    }

    fn from_payload(payload: &Payload) -> Result<String, PayloadError> {
        payload.expect_encoding("text/plain")?;
        String::from_utf8(payload.data.clone()).map_err(PayloadError::custom)
    }
}

fn install() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        assert!(DataConverter::new().with_payload_converters(&[&Backwards]).install());
    });
}

#[test]
fn every_argument_and_result_has_the_encoding_of_the_converter() {
    install();
    assert!(!DataConverter::new().install(), "the first one stays");
    let order = Order { id: 73 };
    let payloads = (order, "abc", ()).into_payloads().unwrap();
    let seen: Vec<_> = payloads.iter().map(|payload| (payload.encoding.name(), &payload.data[..])).collect();
    let encoding = Some("json/backwards");
    assert_eq!(seen, [(encoding, &b"}37:\"di\"{"[..]), (encoding, b"\"cba\""), (Some("binary/null"), b"")]);
    let back = <(Order, String, Option<u8>)>::from_payloads(&payloads).unwrap();
    assert_eq!(back, (Order { id: 73 }, "abc".to_owned(), None));
    let result = Returned::to_payload(&7_u32).unwrap();
    assert_eq!(result.encoding.name(), encoding);
    assert_eq!(u32::from_payload(Some(result.clone())).unwrap(), 7);
    assert_eq!(RawValue(vec![result]).to_value::<u32>().unwrap(), 7);
}

#[test]
fn the_default_converters_stand_behind_it() {
    install();
    // What it declines; payloads of other encodings; types with an encoding of their own; what asks for the default.
    let list = Payload::from_value(&[1, 2]).unwrap();
    assert_eq!((list.encoding.name(), &list.data[..]), (Some("json/plain"), &b"[1,2]"[..]));
    assert_eq!(list.to_value::<Vec<u8>>().unwrap(), [1, 2]);
    let bytes = Payload::from_value(&Bytes(vec![1])).unwrap();
    assert_eq!(bytes.encoding.name(), Some("binary/plain"));
    let own = Payload::from_value(&Converted::<_, Plain>::new("own".to_owned())).unwrap();
    assert_eq!((own.encoding.name(), &own.data[..]), (Some("text/plain"), &b"own"[..]));
    assert_eq!(own.to_value::<Converted<String, Plain>>().unwrap().value, "own");
    let plain = Payload::from_plain_value(&7).unwrap();
    assert_eq!(plain.encoding.name(), Some("json/plain"));
    assert_eq!(plain.to_value::<u8>().unwrap(), 7);
}

#[test]
fn errors_of_the_converter_are_told() {
    install();
    assert_eq!(Payload::from_value("no").unwrap_err().to_string(), "it says no");
    let other = Payload::from_value("text").unwrap();
    let error = other.to_value::<u8>().unwrap_err().to_string();
    assert!(error.starts_with("invalid type: string \"text\", expected u8"), "{error}");
    let nothing = Payload::from_value("nothing").unwrap();
    let error = nothing.to_value::<String>().unwrap_err().to_string();
    assert_eq!(error, "the converter of json/backwards decoded nothing");
}
