//! Payloads.

use bytes::Bytes;
use host_sandbox::wit::workflow::host::types::{Encoding, MetadataEntry, Payload as GuestPayload};
use host_wire::temporal::api::common::v1::{Payload, Payloads};

/// The metadata entry that says how the data is encoded.
const ENCODING: &str = "encoding";
const BINARY_NULL: &str = "binary/null";
const BINARY_PLAIN: &str = "binary/plain";
const JSON_PLAIN: &str = "json/plain";

/// A payload for a guest. Data that lies in external storage has no place in the contract: only its
/// reference, which is the payload's data, gets there.
pub(crate) fn to_guest(payload: Payload) -> GuestPayload {
    let mut encoding = Encoding::None;
    let mut metadata = Vec::new();
    for (key, value) in payload.metadata {
        match std::str::from_utf8(&value) {
            Ok(name) if key == ENCODING => encoding = encoding_to_guest(name),
            _ => metadata.push(MetadataEntry { key, value: value.into() }),
        }
    }
    GuestPayload { encoding, metadata, data: payload.data.into() }
}

/// A payload for the service.
pub(crate) fn to_wire(payload: GuestPayload) -> Payload {
    let encoding = match payload.encoding {
        Encoding::BinaryNull => Some(Bytes::from_static(BINARY_NULL.as_bytes())),
        Encoding::BinaryPlain => Some(Bytes::from_static(BINARY_PLAIN.as_bytes())),
        Encoding::JsonPlain => Some(Bytes::from_static(JSON_PLAIN.as_bytes())),
        Encoding::Other(name) => Some(name.into()),
        Encoding::None => None,
    };
    let entries = payload.metadata.into_iter().map(|MetadataEntry { key, value }| (key, value.into()));
    Payload {
        metadata: entries.chain(encoding.map(|name| (ENCODING.to_owned(), name))).collect(),
        data: payload.data.into(),
        external_payloads: Vec::new(),
    }
}

/// A list of payloads for a guest; one that is left out is empty.
pub(crate) fn list_to_guest(payloads: Option<Payloads>) -> Vec<GuestPayload> {
    payloads.map_or_else(Vec::new, |list| list.payloads.into_iter().map(to_guest).collect())
}

/// A list of payloads for the service; an empty one is left out.
pub(crate) fn list_to_wire(payloads: Vec<GuestPayload>) -> Option<Payloads> {
    if payloads.is_empty() {
        return None;
    }
    Some(Payloads { payloads: payloads.into_iter().map(to_wire).collect() })
}

fn encoding_to_guest(name: &str) -> Encoding {
    match name {
        BINARY_NULL => Encoding::BinaryNull,
        BINARY_PLAIN => Encoding::BinaryPlain,
        JSON_PLAIN => Encoding::JsonPlain,
        _ => Encoding::Other(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(metadata: &[(&str, &'static [u8])], expected: &Encoding, rest: &[&str]) {
        let payload = Payload {
            metadata: metadata
                .iter()
                .map(|(key, value)| ((*key).to_owned(), Bytes::from_static(value)))
                .collect(),
            data: Bytes::from_static(b"data"),
            external_payloads: Vec::new(),
        };
        let guest = to_guest(payload.clone());
        assert_eq!(guest.encoding, *expected);
        assert_eq!(guest.metadata.iter().map(|entry| &*entry.key).collect::<Vec<_>>(), rest);
        assert_eq!(to_wire(guest), payload);
    }

    #[test]
    fn payloads_come_back_as_they_were() {
        check(&[], &Encoding::None, &[]);
        check(&[("encoding", b"binary/null")], &Encoding::BinaryNull, &[]);
        check(&[("encoding", b"binary/plain")], &Encoding::BinaryPlain, &[]);
        check(&[("encoding", b"json/plain"), ("type", b"Keyword")], &Encoding::JsonPlain, &["type"]);
        check(&[("encoding", b"json/protobuf")], &Encoding::Other("json/protobuf".into()), &[]);
        check(&[("encoding", b"\xff")], &Encoding::None, &["encoding"]);
        check(&[("z", b"1"), ("a", b"2")], &Encoding::None, &["a", "z"]);
    }
}
