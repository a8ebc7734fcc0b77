//! Why a handler gives no result.

use guest_sdk_types::{Failure, FailureInfo};
use tonic::{Code, Status};

/// The types of errors by which a handler says what went wrong with a call: `HandlerErrorType` of Temporal's SDKs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandlerErrorType {
    /// The input, or the request, is wrong. Not tried again.
    BadRequest,
    /// The caller is not known. Not tried again.
    Unauthenticated,
    /// The caller may not do this. Not tried again.
    Unauthorized,
    /// There is no such service or operation. Not tried again.
    NotFound,
    /// There is too much to do. Tried again.
    ResourceExhausted,
    /// Something went wrong. Tried again.
    Internal,
    /// The operation cannot do this. Not tried again.
    NotImplemented,
    /// What the handler needs is away. Tried again.
    Unavailable,
    /// What the handler needs did not answer in time. Tried again.
    UpstreamTimeout,
}

impl HandlerErrorType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::NotFound => "NOT_FOUND",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::Internal => "INTERNAL",
            Self::NotImplemented => "NOT_IMPLEMENTED",
            Self::Unavailable => "UNAVAILABLE",
            Self::UpstreamTimeout => "UPSTREAM_TIMEOUT",
        }
    }
}

/// Why a handler gives no result.
///
/// `?` converts every error into one of type [`HandlerErrorType::Internal`], after which the service calls the handler again.
#[derive(Clone, Debug, PartialEq)]
pub enum NexusError {
    /// The operation has failed, and its caller is told so.
    Failed(Box<Failure>),
    /// The operation was cancelled.
    Canceled(Box<Failure>),
    /// This call failed.
    Handler {
        /// What went wrong. It says whether the service calls again.
        of: HandlerErrorType,
        /// The failure that the caller finds as the cause.
        failure: Box<Failure>,
        /// Whether the service calls again, whatever the type says.
        retryable: Option<bool>,
    },
}

impl NexusError {
    /// The operation has failed.
    #[must_use]
    pub fn failed(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }

    /// The operation was cancelled.
    #[must_use]
    pub fn canceled(message: impl Into<String>) -> Self {
        Self::Canceled(Box::new(Failure { message: message.into(), ..Failure::default() }))
    }

    /// This call failed.
    #[must_use]
    pub fn handler(of: HandlerErrorType, message: impl Into<String>) -> Self {
        let failure = Failure { message: message.into(), ..Failure::default() };
        Self::Handler { of, failure: Box::new(failure), retryable: None }
    }
}

impl NexusError {
    /// A call of the service failed. As Temporal's SDKs say of each code.
    pub(crate) fn of_status(status: Status) -> Self {
        use HandlerErrorType as T;
        let (of, retryable) = match status.code() {
            Code::InvalidArgument => (T::BadRequest, None),
            Code::AlreadyExists | Code::FailedPrecondition | Code::OutOfRange => (T::Internal, Some(false)),
            Code::Aborted | Code::Unavailable => (T::Unavailable, None),
            Code::Unauthenticated | Code::PermissionDenied => (T::Internal, None),
            Code::NotFound => (T::NotFound, None),
            Code::ResourceExhausted => (T::ResourceExhausted, None),
            Code::Unimplemented => (T::NotImplemented, None),
            Code::DeadlineExceeded => (T::UpstreamTimeout, None),
            _ => (T::Internal, None),
        };
        let failure = Box::new(Failure { message: status.message().to_owned(), ..Failure::default() });
        Self::Handler { of, failure, retryable }
    }
}

impl<E: Into<anyhow::Error>> From<E> for NexusError {
    fn from(error: E) -> Self {
        let error = error.into();
        // An application failure of the program says itself whether trying again is of use.
        if let Some(failure) = error.downcast_ref::<Failure>() {
            let retryable = match &failure.info {
                FailureInfo::Application(application) if application.non_retryable => Some(false),
                _ => None,
            };
            let failure = Box::new(failure.clone_truncated());
            return Self::Handler { of: HandlerErrorType::Internal, failure, retryable };
        }
        let links: Vec<String> = error.chain().map(ToString::to_string).collect();
        Self::handler(HandlerErrorType::Internal, links.join(": "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_internal_and_failures_say_whether_to_try_again() {
        let check = |error: NexusError, expected: &str, expected_retryable| {
            let NexusError::Handler { of: HandlerErrorType::Internal, failure, retryable } = error else {
                panic!("{error:?}");
            };
            assert_eq!((&*failure.message, retryable), (expected, expected_retryable));
        };
        let io = std::io::Error::other("disk full");
        check(anyhow::Error::new(io).context("saving").into(), "saving: disk full", None);
        check(Failure::application("T", "no").build().into(), "no", None);
        check(Failure::application("T", "never").non_retryable().build().into(), "never", Some(false));
    }
}
