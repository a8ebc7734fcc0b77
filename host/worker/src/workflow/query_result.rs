//! Answers to queries that failed.

use host_wire::temporal::api::{
    enums::v1::QueryResultType, failure::v1::Failure, query::v1::WorkflowQueryResult,
};
use host_wire::text;

/// Bytes of the message of a failed query. It is the message of a gRPC status, a header of HTTP/2, of which clients take
/// some KiB.
const MAX_MESSAGE_BYTES: usize = 1024;

/// A failed query of which only a message is known.
pub(crate) fn failed(mut error_message: String) -> WorkflowQueryResult {
    text::cut(&mut error_message, MAX_MESSAGE_BYTES);
    WorkflowQueryResult {
        result_type: QueryResultType::Failed.into(),
        error_message,
        ..WorkflowQueryResult::default()
    }
}

/// A failed query with its cause.
pub(crate) fn failed_with(error_message: String, failure: Failure) -> WorkflowQueryResult {
    WorkflowQueryResult { failure: Some(failure), ..failed(error_message) }
}
