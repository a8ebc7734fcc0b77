//! Options of calls to an execution.

use host_wire::temporal::api::enums::v1::QueryRejectCondition;

/// Options of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryOptions {
    /// States of the workflow in which the service rejects the query.
    pub reject_condition: QueryRejectCondition,
}
