//! GetSearchAttributes: those of every namespace. It names none, so it cannot answer with those of one.

use host_wire::temporal::api::workflowservice::v1::GetSearchAttributesResponse;

use crate::api::operator::of_all;

pub(crate) fn handle() -> GetSearchAttributesResponse {
    GetSearchAttributesResponse { keys: of_all() }
}
