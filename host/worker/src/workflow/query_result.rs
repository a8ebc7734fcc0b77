//! Answers to queries that failed.

use host_wire::temporal::api::{
    enums::v1::QueryResultType, failure::v1::Failure, query::v1::WorkflowQueryResult,
};

/// A failed query of which only a message is known.
pub(crate) fn failed(error_message: String) -> WorkflowQueryResult {
    WorkflowQueryResult {
        result_type: QueryResultType::Failed.into(),
        error_message,
        ..WorkflowQueryResult::default()
    }
}

/// A failed query with its cause.
pub(crate) fn failed_with(failure: Failure) -> WorkflowQueryResult {
    WorkflowQueryResult { failure: Some(failure.clone()), ..failed(failure.message) }
}
