//! Finds everything in a message in which payloads of authors lie: the implementations are generated, so that no field is
//! forgotten.

use prost_types::Any;

use crate::{
    History,
    temporal::api::{common::v1::Payload, failure::v1::Failure},
};

/// A part of a message.
#[derive(Debug)]
pub enum Part<'a> {
    /// A payload.
    Payload(&'a mut Payload),
    /// A failure: it has parts itself.
    Failure(&'a mut Failure),
    /// Encoded events: each has parts once it is decoded.
    History(&'a mut History),
    /// A message of any type.
    Any(&'a mut Any),
}

/// A message of the workflow service, or one that lies in such a message.
pub trait Parts {
    /// Adds its parts, each with the full name of its field, in the order of the fields. Search attributes and headers are
    /// no such parts: others read them.
    fn parts<'a>(&'a mut self, found: &mut Vec<(&'static str, Part<'a>)>);
}

/// Whether this detail of a marker is a payload of an author: the other ones are read by SDKs.
fn is_authors_detail(key: &str) -> bool {
    matches!(key, "result" | "input")
}

/// The implementations of the protocol's messages, by `build/parts.rs`.
mod generated {
    #![allow(
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes_without_reason,
        clippy::too_many_lines,
        unused_variables,
        reason = "generated code"
    )]

    use super::{Part, Parts};

    include!(concat!(env!("OUT_DIR"), "/parts.rs"));
}
