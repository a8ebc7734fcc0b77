//! The largest messages, and the status for larger ones.

use tonic::{Code, Status};

/// Most bytes of a request, encoded: grpc-go's default for what a server receives, which Temporal's server
/// keeps.
pub const MAX_REQUEST_BYTES: usize = 4 * 1024 * 1024;

/// Most bytes of an answer that is accepted: what Temporal's clients accept. A page of history with large
/// payloads exceeds gRPC's usual 4 MiB.
pub(crate) const MAX_ANSWER_BYTES: usize = 128 * 1024 * 1024;

/// How messages of grpc-go begin about a request that is larger than the service takes, with code
/// `RESOURCE_EXHAUSTED`.
const TOO_LARGE: [&str; 3] = [
    "grpc: received message larger than max",
    "grpc: message after decompression larger than max",
    "grpc: received message after decompression larger than max",
];

/// The answer to a request of `bytes`, which is more than [`MAX_REQUEST_BYTES`], in the words of grpc-go,
/// in which Temporal's server is written: clients look for them.
#[must_use]
pub fn message_too_large(bytes: usize) -> Status {
    let [words, ..] = TOO_LARGE;
    Status::resource_exhausted(format!("{words} ({bytes} vs. {MAX_REQUEST_BYTES})"))
}

/// Whether the service refused the request because of its size. Other requests that it refuses with
/// `RESOURCE_EXHAUSTED` pass later.
#[must_use]
pub fn is_message_too_large(status: &Status) -> bool {
    status.code() == Code::ResourceExhausted
        && TOO_LARGE.iter().any(|words| status.message().starts_with(words))
}
