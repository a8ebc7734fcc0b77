//! Why a payload was not encoded or decoded.

use tonic::Status;

/// Why a payload was not encoded or decoded.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// It was encrypted with a key that is not here.
    #[error("no key with id `{key_id}` is known here; known are: {known}")]
    UnknownKey {
        /// The id in the payload.
        key_id: String,
        /// The ids of the keys that are here.
        known: String,
    },
    /// Another key encrypted it, or it was changed since.
    #[error("the key `{key_id}` does not decrypt it: another key encrypted it, or it was changed since")]
    WrongKey {
        /// The id in the payload.
        key_id: String,
    },
    /// What it says of itself does not hold.
    #[error("it is malformed: {0}")]
    Malformed(String),
    /// It is larger than any payload that a service takes.
    #[error("it has more than {limit} bytes once it is decoded")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The codec server did not do its part.
    #[error(transparent)]
    Remote(#[from] crate::RemoteError),
}

/// A payload of a message that was not encoded or decoded, and its place.
#[derive(Debug, thiserror::Error)]
#[error("a payload was not {done}: {place}: {source}")]
pub struct Failed {
    /// `encoded` or `decoded`.
    pub(crate) done: &'static str,
    /// The field of the protocol, and the event if it is one of a history.
    pub(crate) place: String,
    pub(crate) source: CodecError,
}

impl Failed {
    /// Whether it may succeed when it is tried again.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self.source, CodecError::Remote(_))
    }
}

impl From<Failed> for Status {
    fn from(failed: Failed) -> Self {
        let message = failed.to_string();
        if failed.may_pass() { Self::unavailable(message) } else { Self::data_loss(message) }
    }
}
