//! Which failed calls are made again.
//!
//! One table for all callers, remote and in the same process. It is that of Temporal's Rust SDK
//! (`RETRYABLE_ERROR_CODES` in `temporalio-client`'s `retry.rs`; the Go SDK's list has the same codes), but
//! for `OUT_OF_RANGE`: tonic says it of an answer that exceeds the receiver's limit, which does not get
//! smaller.

use tonic::{Code, Status, TimeoutExpired};

use crate::limits::is_message_too_large;

/// Why a call failed, as far as trying it again goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFailure {
    /// The connection, a proxy or a part of the service did not work; that passes.
    Transient,
    /// The service asks for less traffic: it takes the call later, and wants a longer pause before.
    Overloaded,
    /// The call's own deadline came first. To try again makes sense for a caller who has more time than
    /// it gave to the call, such as a worker that polls or reports a result. To other callers the failure is
    /// returned, as Temporal's SDKs do.
    TimedOut,
    /// The message is larger than the service takes.
    TooLarge,
    /// The service understood the call and refuses it.
    Refused,
}

impl CallFailure {
    /// The kind of failure that a status stands for.
    #[must_use]
    pub fn of(status: &Status) -> Self {
        match status.code() {
            Code::Unavailable | Code::Aborted | Code::Internal | Code::Unknown | Code::DataLoss => {
                Self::Transient
            }
            Code::ResourceExhausted if is_message_too_large(status) => Self::TooLarge,
            Code::ResourceExhausted => Self::Overloaded,
            Code::DeadlineExceeded => Self::TimedOut,
            // A caller that cancels drops the call and sees no status. What remains is tonic, which says
            // this when the deadline passes before the service answers, and connections that break while
            // the service or a proxy stops (HTTP/2 GOAWAY, RST_STREAM).
            Code::Cancelled if is_deadline(status) => Self::TimedOut,
            Code::Cancelled => Self::Transient,
            _ => Self::Refused,
        }
    }
}

fn is_deadline(status: &Status) -> bool {
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        if error.is::<TimeoutExpired>() {
            return true;
        }
        source = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: &Status, expected: CallFailure) {
        assert_eq!(CallFailure::of(status), expected, "{status}");
    }

    #[test]
    fn statuses_of_services_proxies_and_tonic() {
        check(&Status::unavailable("connection refused"), CallFailure::Transient);
        check(&Status::cancelled("h2 protocol error: stream no longer needed"), CallFailure::Transient);
        check(&Status::from_error(Box::new(TimeoutExpired(()))), CallFailure::TimedOut);
        check(&Status::deadline_exceeded("no answer"), CallFailure::TimedOut);
        check(&Status::resource_exhausted("namespace rate limit exceeded"), CallFailure::Overloaded);
        for message in [
            "grpc: received message larger than max (5000000 vs. 4194304)",
            "grpc: received message after decompression larger than max 4194304",
        ] {
            check(&Status::resource_exhausted(message), CallFailure::TooLarge);
        }
        check(&Status::out_of_range("decoded message length too large"), CallFailure::Refused);
        for status in [
            Status::not_found("Workflow task not found."),
            Status::invalid_argument("UnhandledCommand"),
            Status::permission_denied("Request unauthorized."),
            Status::unauthenticated(""),
        ] {
            check(&status, CallFailure::Refused);
        }
    }
}
