//! ListArchivedWorkflowExecutions: like Temporal's server without an archive.

use host_wire::temporal::api::workflowservice::v1::{
    ListArchivedWorkflowExecutionsRequest, ListArchivedWorkflowExecutionsResponse,
};
use tonic::Status;

use crate::error::Error;

/// Most runs of a page. `frontend.visibilityArchivalQueryMaxPageSize` of Temporal's server.
const PAGE_RUNS: i32 = 10_000;

pub(crate) fn handle(
    request: &ListArchivedWorkflowExecutionsRequest,
) -> Result<ListArchivedWorkflowExecutionsResponse, Status> {
    if request.page_size > PAGE_RUNS {
        return Err(Error::invalid(format!("PageSize is larger than allowed {PAGE_RUNS}.")).into());
    }
    Err(Error::invalid("Cluster is not configured for visibility archival.").into())
}
