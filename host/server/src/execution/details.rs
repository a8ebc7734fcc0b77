//! The details that the service itself writes into events.

use host_wire::temporal::api::common::v1::{Payload, Payloads};

/// A text as JSON. It has nothing that JSON escapes.
pub(crate) fn text(text: &str) -> Payloads {
    let payload = Payload {
        metadata: [("encoding".to_owned(), "json/plain".into())].into(),
        data: format!("\"{text}\"").into(),
        ..Payload::default()
    };
    Payloads { payloads: vec![payload] }
}
