//! Messages and payloads as JSON on one line.

use guest_sdk_types::Payload;
use host_wire::{
    protojson::{self, JsonError, WriteOptions},
    temporal::api::common::v1,
};
use prost::{Message, Name};

/// Why a message has no text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// A value in it has no JSON form.
    #[error(transparent)]
    Write(#[from] JsonError),
    /// Its JSON form cannot be read back.
    #[error("read the JSON form of a message")]
    Read(#[from] serde_json::Error),
}

/// A message of the protocol as JSON on one line, its payloads as the JSON that is in them.
///
/// # Errors
///
/// When a value has no JSON form.
pub fn one_line<M: Message + Name>(message: &M) -> Result<String, TextError> {
    let options = WriteOptions { one_line: true, shorthand_payloads: true };
    Ok(protojson::message_to_json(message, options)?)
}

/// Payloads as JSON on one line: nothing is null, one is itself, several are a list.
///
/// # Errors
///
/// When a payload has no JSON form.
pub fn payloads_json(payloads: Vec<Payload>) -> Result<String, TextError> {
    match <[Payload; 1]>::try_from(payloads) {
        Ok([payload]) => one_line(&v1::Payload::from(payload)),
        Err(payloads) if payloads.is_empty() => Ok("null".to_owned()),
        Err(payloads) => one_line(&v1::Payloads::from(payloads)),
    }
}
