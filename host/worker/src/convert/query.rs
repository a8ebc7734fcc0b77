//! Queries.

use host_sandbox::wit::workflow::host::activation::Query;
use host_wire::temporal::api::query::v1::WorkflowQuery;

use super::{named_payloads, payload};

/// A query for a guest.
pub(crate) fn to_guest(query: WorkflowQuery) -> Query {
    Query {
        name: query.query_type,
        arguments: payload::list_to_guest(query.query_args),
        headers: named_payloads::header_to_guest(query.header),
    }
}
