//! Payloads as contents of HTTP: the encoding is the content type. `common/nexus/payload_serializer.go` of Temporal's server.

use std::collections::BTreeMap;

use bytes::Bytes;
use host_wire::temporal::api::common::v1::Payload;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};
use prost::Message as _;

/// A whole payload, encoded: for those that no content type says.
const PAYLOAD: &str = "application/x-temporal-payload";
const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";
const BYTES: &str = "application/octet-stream";
/// The encoding of a content that is none of these; its headers are the metadata.
const UNKNOWN: &str = "unknown/nexus-content";
const ENCODING: &str = "encoding";
const MESSAGE_TYPE: &str = "messageType";
const PREFIX: &str = "content-";

/// A payload as headers and a body.
pub(super) fn to_content(payload: &Payload) -> (HeaderMap, Bytes) {
    let text = |name: &str| payload.metadata.get(name).and_then(|value| std::str::from_utf8(value).ok());
    let (encoding, message_type) =
        (text(ENCODING).unwrap_or_default(), text(MESSAGE_TYPE).unwrap_or_default());
    let typed = || (payload.metadata.len() == 2 && !message_type.is_empty()).then_some(message_type);
    let alone = payload.metadata.len() == 1;
    let content_type = match encoding {
        "json/plain" if alone => Some(JSON.to_owned()),
        "binary/plain" if alone => Some(BYTES.to_owned()),
        "binary/null" if alone => return (HeaderMap::new(), Bytes::new()),
        "json/protobuf" => typed().map(|of| format!("{JSON}; format=protobuf; message-type={of:?}")),
        "binary/protobuf" => typed().map(|of| format!("{PROTOBUF}; message-type={of:?}")),
        UNKNOWN => return (unknown_headers(payload), payload.data.clone()),
        _ => None,
    };
    let content_type = content_type.and_then(|of| HeaderValue::from_str(&of).ok());
    let (content_type, body) = match content_type {
        Some(content_type) => (content_type, payload.data.clone()),
        None => (HeaderValue::from_static(PAYLOAD), payload.encode_to_vec().into()),
    };
    ([(CONTENT_TYPE, content_type)].into_iter().collect(), body)
}

fn unknown_headers(payload: &Payload) -> HeaderMap {
    let others = payload.metadata.iter().filter(|(name, _)| *name != ENCODING);
    let headers = others.filter_map(|(name, value)| {
        let name: HeaderName = format!("{PREFIX}{name}").parse().ok()?;
        Some((name, HeaderValue::from_bytes(value).ok()?))
    });
    headers.collect()
}

/// The payload that a content is; none if it says that it is one, and is not.
pub(super) fn from_content(headers: &HeaderMap, body: Bytes) -> Option<Payload> {
    let known = [CONTENT_ENCODING, CONTENT_LENGTH];
    let contents = headers.iter().filter(|(name, _)| !known.contains(name));
    let contents: BTreeMap<String, Bytes> = contents
        .filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix(PREFIX)?.to_owned();
            Some((name, Bytes::copy_from_slice(value.as_bytes())))
        })
        .collect();
    let payload = |metadata: &[(&str, &str)], data| Payload {
        metadata: metadata
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Bytes::copy_from_slice(value.as_bytes())))
            .collect(),
        data,
        ..Payload::default()
    };
    if contents.is_empty() && body.is_empty() {
        return Some(payload(&[(ENCODING, "binary/null")], body));
    }
    let content_type = contents.get("type").and_then(|value| std::str::from_utf8(value).ok());
    let media_type = content_type.filter(|_| contents.len() == 1).and_then(MediaType::parse);
    let Some(media_type) = media_type else { return Some(unknown(contents, body)) };
    let message_type = media_type.parameter("message-type");
    Some(match (media_type.name.as_str(), media_type.parameters.len(), message_type) {
        (PAYLOAD, ..) => return Payload::decode(body).ok(),
        (JSON, 0, _) => payload(&[(ENCODING, "json/plain")], body),
        (BYTES, 0, _) => payload(&[(ENCODING, "binary/plain")], body),
        (JSON, 2, Some(of)) if media_type.parameter("format") == Some("protobuf") => {
            payload(&[(ENCODING, "json/protobuf"), (MESSAGE_TYPE, of)], body)
        }
        (PROTOBUF, 1, Some(of)) => payload(&[(ENCODING, "binary/protobuf"), (MESSAGE_TYPE, of)], body),
        _ => unknown(contents, body),
    })
}

fn unknown(mut contents: BTreeMap<String, Bytes>, body: Bytes) -> Payload {
    contents.insert(ENCODING.to_owned(), Bytes::from_static(UNKNOWN.as_bytes()));
    Payload { metadata: contents, data: body, ..Payload::default() }
}

/// Whether a content is JSON, as failures are.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.and_then(MediaType::parse).is_some_and(|of| of.name == JSON)
}

/// A media type with its parameters (RFC 9110, section 8.3.1). Values in quotes may not have semicolons.
struct MediaType {
    name: String,
    parameters: Vec<(String, String)>,
}

impl MediaType {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next()?.to_ascii_lowercase();
        let parameters = parts.map(|part| {
            let (key, value) = part.split_once('=')?;
            Some((key.to_ascii_lowercase(), value.trim_matches('"').to_owned()))
        });
        Some(Self { name, parameters: parameters.collect::<Option<_>>()? })
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(metadata: &[(&str, &str)], data: &'static str) -> Payload {
        Payload {
            metadata: metadata
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned().into()))
                .collect(),
            data: data.into(),
            ..Payload::default()
        }
    }

    /// A payload has this content type, and is what the content is.
    #[track_caller]
    fn check(payload: &Payload, content_type: Option<&str>) {
        let (headers, body) = to_content(payload);
        assert_eq!(headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap()), content_type);
        assert_eq!(from_content(&headers, body).as_ref(), Some(payload));
    }

    #[test]
    fn payloads_and_contents() {
        check(&payload(&[("encoding", "json/plain")], "7"), Some("application/json"));
        check(&payload(&[("encoding", "binary/plain")], "7"), Some("application/octet-stream"));
        check(&payload(&[("encoding", "binary/null")], ""), None);
        check(
            &payload(&[("encoding", "json/protobuf"), ("messageType", "a.B")], "{}"),
            Some("application/json; format=protobuf; message-type=\"a.B\""),
        );
        check(
            &payload(&[("encoding", "binary/protobuf"), ("messageType", "a.B")], ""),
            Some("application/x-protobuf; message-type=\"a.B\""),
        );
        check(
            &payload(&[("encoding", "json/plain"), ("more", "x")], "7"),
            Some("application/x-temporal-payload"),
        );
        check(&payload(&[("encoding", "binary/encrypted")], "7"), Some("application/x-temporal-payload"));
        let unknown = [("encoding", UNKNOWN), ("type", "text/plain"), ("language", "en")];
        check(&payload(&unknown, "hello"), Some("text/plain"));
    }

    #[test]
    fn contents_that_are_no_payloads() {
        let headers = |of: &'static str| [(CONTENT_TYPE, HeaderValue::from_static(of))].into_iter().collect();
        assert_eq!(from_content(&headers(PAYLOAD), Bytes::from_static(b"\xff")), None);
        let unknown = from_content(&headers("application/json; charset=utf-8"), "7".into()).unwrap();
        assert_eq!(unknown.metadata["encoding"], UNKNOWN);
    }
}
