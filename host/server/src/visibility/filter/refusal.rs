//! Refusals of filters, in the words of Temporal's server.

use std::fmt::Display;

use crate::error::Error;

/// It is no sentence of the grammar.
pub(super) fn malformed(what: &str) -> Error {
    Error::invalid(format!("invalid query: malformed SQL query: {what}"))
}

/// It is one, and means nothing.
pub(super) fn invalid(what: impl Display) -> Error {
    Error::invalid(format!("invalid query: invalid expression: {what}"))
}

/// It means something that filters do not do.
pub(super) fn not_supported(what: impl Display) -> Error {
    Error::invalid(format!("invalid query: operation is not supported: {what}"))
}
