//! The metadata of a payload that says how its data is encoded.

use bytes::Bytes;
use host_wire::temporal::api::common::v1::Payload;

const ENCODING: &str = "encoding";

/// A payload whose data is another one, encoded.
pub(crate) fn wrapped(encoding: &'static str, data: Vec<u8>) -> Payload {
    let metadata = [(ENCODING.to_owned(), Bytes::from_static(encoding.as_bytes()))];
    Payload { metadata: metadata.into(), data: data.into(), ..Payload::default() }
}

pub(crate) fn encoding_is(payload: &Payload, encoding: &str) -> bool {
    payload.metadata.get(ENCODING).is_some_and(|own| own == encoding.as_bytes())
}
