//! What a page says when it cannot show what was asked for.

use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use host_client::{Error, RpcError};
use maud::html;
use tonic::Code;

use crate::layout::bare;

/// Why a page cannot be shown.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

pub(crate) type Shown<T = Response> = Result<T, Fault>;

impl Fault {
    /// What was asked for is not right.
    pub(crate) fn mistake(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    /// There is no such thing.
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }

    /// The host cannot do it.
    pub(crate) fn broken(message: impl Into<String>) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, message: message.into() }
    }

    /// An error with all of its causes.
    pub(crate) fn of(error: &dyn std::error::Error) -> Self {
        Self::broken(chain(error))
    }
}

/// An error and its causes on one line. What a cause repeats is left out.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

impl From<RpcError> for Fault {
    fn from(error: RpcError) -> Self {
        let status = match error.code() {
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::InvalidArgument | Code::FailedPrecondition => StatusCode::BAD_REQUEST,
            Code::Unavailable | Code::DeadlineExceeded => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, message: error.to_string() }
    }
}

impl From<tonic::Status> for Fault {
    fn from(status: tonic::Status) -> Self {
        RpcError::from(status).into()
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Rpc(error) => error.into(),
            Error::Update(failure) => {
                Self::mistake(format!("the update failed\n{}", host_text::failure::chain(&failure)))
            }
            Error::QueryRejected(_) | Error::NoResetPoint(_) | Error::AlreadyStarted(_) => {
                Self::mistake(error.to_string())
            }
            error => Self::of(&error),
        }
    }
}

impl From<host_text::TextError> for Fault {
    fn from(error: host_text::TextError) -> Self {
        Self::of(&error)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let page = bare(
            title,
            &html! {
                h1 { (title) }
                pre.fault { (crate::shown::lines(&self.message)) }
                p { a href="/" { "All workflows" } }
            },
        );
        (self.status, Html(page.into_string())).into_response()
    }
}
