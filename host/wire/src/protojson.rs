//! JSON form of the protocol's messages (protojson), both ways, and histories as files.
//!
//! What is written equals, byte for byte, what the `temporal` CLI writes for the same message.
//! What is read is more: both spellings of enum values (`EVENT_TYPE_TIMER_FIRED`, and
//! `TimerFired` of older tools), both spellings of field names, what serde makes of the Rust SDK's
//! messages, and fields that are not known, which are skipped because newer services have more of
//! them.

mod descend;
mod float;
mod shorthand;
mod spelling;
mod token;
mod write;

use bytes::Bytes;
use prost::{Message, Name};
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde_json::Value;

use crate::{History, descriptor, history::HistoryError, temporal::api::history::v1::HistoryEvent};

/// Why JSON was not accepted as a message, or a message has no JSON form.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Not JSON at all.
    #[error("malformed JSON")]
    Syntax(#[source] serde_json::Error),
    /// JSON of something else.
    #[error(
        "not a history: expected an object with a list `events`, \
         as `temporal workflow show --output json` writes it"
    )]
    NotAHistory,
    /// A value that does not fit its field.
    #[error("unexpected value at `{path}`")]
    Value {
        /// Where, such as `events[3].timerStartedEventAttributes.timerId`.
        path: String,
        /// Full name of the message that the JSON was read as.
        source: serde_json::Error,
    },
    /// An encoded event that cannot be decoded.
    #[error("unreadable history")]
    History(#[from] HistoryError),
    /// A message that cannot be decoded.
    #[error("not a {message} message")]
    Decode {
        /// Full name of the message.
        message: String,
        /// What the decoder found wrong.
        source: prost::DecodeError,
    },
    /// A message with a value that has no JSON form, such as a time after the year 9999.
    #[error("value at `{path}` has no JSON form")]
    Unrepresentable {
        /// Where, such as `events[3].eventTime`.
        path: String,
        /// Where the JSON departs from the message, and how.
        source: serde_json::Error,
    },
}

/// How a message is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// On one line without spaces (`--output jsonl`) instead of indented by two spaces
    /// (`--output json`).
    pub one_line: bool,
    /// Write payloads that hold JSON as that JSON, not as metadata and base64. The `temporal` CLI
    /// does so everywhere but in `workflow show`. Cannot be read back.
    pub shorthand_payloads: bool,
}

/// How a message is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Read JSON where a payload stands as a payload that holds it, as Temporal's HTTP API does. What is written with
    /// [`WriteOptions::shorthand_payloads`] is read so; payloads with metadata and base64 are, too.
    pub shorthand_payloads: bool,
    /// Refuse fields that the message does not have, instead of skipping them.
    pub deny_unknown_fields: bool,
}

/// Reads a history from the contents of a file: protojson, or the encoded message
/// `temporal.api.history.v1.History`.
///
/// # Errors
///
/// When it is neither; the error names the place. When it has no event: that of an empty file would have none.
pub fn read_history(contents: Bytes) -> Result<History, JsonError> {
    let history = match as_json_object(&contents) {
        Some(text) => history_from_json(text)?,
        None => decode_history(contents)?,
    };
    if history.is_empty() { Err(JsonError::NotAHistory) } else { Ok(history) }
}

fn decode_history(contents: Bytes) -> Result<History, JsonError> {
    let history = History::decode(contents)
        .map_err(|source| JsonError::Decode { message: History::full_name(), source })?;
    for event in history.events() {
        event?;
    }
    Ok(history)
}

/// The contents without byte order mark, if they can only be a JSON object. (An encoded history
/// whose first event takes 123 bytes begins with a line break and `{`, too.)
fn as_json_object(contents: &[u8]) -> Option<&[u8]> {
    let text = contents.strip_prefix(b"\xef\xbb\xbf").unwrap_or(contents);
    let inside = text.trim_ascii_start().strip_prefix(b"{")?;
    match inside.trim_ascii_start().first() {
        None | Some(b'"' | b'}') => Some(text),
        Some(_) => None,
    }
}

/// Reads a history from protojson.
///
/// # Errors
///
/// When it is not JSON, not a history, or has a value that does not fit its field.
pub fn history_from_json(json: &[u8]) -> Result<History, JsonError> {
    let mut value: Value = serde_json::from_slice(json).map_err(JsonError::Syntax)?;
    let Some(Value::Array(events)) = value.get_mut("events").map(Value::take) else {
        return Err(JsonError::NotAHistory);
    };
    let descriptor = descriptor::of::<HistoryEvent>();
    let encoded = events.into_iter().enumerate().map(|(index, event)| {
        let at = format!("events[{index}]");
        let event = read_value(&descriptor, event, ReadOptions::default(), &at)?;
        Ok(Bytes::from(event.encode_to_vec()))
    });
    Ok(History::from_encoded(encoded.collect::<Result<_, JsonError>>()?))
}

/// Writes a history exactly as `temporal workflow show --output json` does, without the final line
/// break.
///
/// # Errors
///
/// When an event cannot be decoded or has a value without JSON form.
pub fn history_to_json(history: &History) -> Result<String, JsonError> {
    for event in history.raw_events() {
        event?;
    }
    message_to_json(history, WriteOptions::default())
}

/// Reads any message of the protocol from protojson.
///
/// # Errors
///
/// When it is not JSON or has a value that does not fit its field.
pub fn message_from_json<M: Message + Name + Default>(json: &[u8]) -> Result<M, JsonError> {
    let value = serde_json::from_slice(json).map_err(JsonError::Syntax)?;
    let message = read_value(&descriptor::of::<M>(), value, ReadOptions::default(), "")?;
    message.transcode_to().map_err(|source| JsonError::Decode { message: M::full_name(), source })
}

/// Writes any message of the protocol as protojson, without a final line break.
///
/// # Errors
///
/// When a value has no JSON form.
pub fn message_to_json<M: Message + Name>(message: &M, options: WriteOptions) -> Result<String, JsonError> {
    let message = descriptor::reflect(message)
        .map_err(|source| JsonError::Decode { message: M::full_name(), source })?;
    write::message(&message, options)
}

/// Reads a message by its descriptor, where its type is known only when the program runs.
///
/// # Errors
///
/// When a value does not fit its field, or there is no such field and the options deny that.
pub fn dynamic_from_json(
    descriptor: &MessageDescriptor,
    value: Value,
    options: ReadOptions,
) -> Result<DynamicMessage, JsonError> {
    read_value(descriptor, value, options, "")
}

/// Writes a message whose type is known only when the program runs, without a final line break.
///
/// # Errors
///
/// When a value has no JSON form.
pub fn dynamic_to_json(message: &DynamicMessage, options: WriteOptions) -> Result<String, JsonError> {
    write::message(message, options)
}

fn read_value(
    descriptor: &MessageDescriptor,
    mut value: Value,
    options: ReadOptions,
    at: &str,
) -> Result<DynamicMessage, JsonError> {
    spelling::respell(descriptor, &mut value);
    if options.shorthand_payloads {
        shorthand::expand(descriptor, &mut value);
    }
    let options = DeserializeOptions::new().deny_unknown_fields(options.deny_unknown_fields);
    let mut track = serde_path_to_error::Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(value, &mut track);
    DynamicMessage::deserialize_with_options(descriptor.clone(), deserializer, &options)
        .map_err(|source| JsonError::Value { path: join_path(at, &track.path().to_string()), source })
}

fn join_path(at: &str, path: &str) -> String {
    match (at, path) {
        ("", path) => path.to_owned(),
        (at, "" | ".") => at.to_owned(),
        (at, path) => format!("{at}.{path}"),
    }
}
