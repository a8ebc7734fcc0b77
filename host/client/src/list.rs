//! Listing executions.

use bytes::Bytes;
use host_wire::temporal::api::{
    workflow::v1::WorkflowExecutionInfo, workflowservice::v1::ListWorkflowExecutionsRequest,
};
use tonic::Request;

use crate::{client::Client, error::Error};

/// Page size of [`ListOptions::default`]: the most that services accept (`frontend.visibilityMaxPageSize`).
pub const DEFAULT_LIST_PAGE_SIZE: u32 = 1000;

/// Which executions are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListOptions {
    /// A list filter (<https://docs.temporal.io/visibility>). Empty: all executions.
    pub query: String,
    /// At most this many.
    pub limit: usize,
    /// This many with one call.
    pub page_size: u32,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self { query: String::new(), limit: usize::MAX, page_size: DEFAULT_LIST_PAGE_SIZE }
    }
}

impl Client {
    /// Lists executions, the newest first. The service updates the list in the background.
    ///
    /// # Errors
    ///
    /// When the service does not understand the filter, or cannot be reached.
    pub async fn list_workflows(&self, options: ListOptions) -> Result<Vec<WorkflowExecutionInfo>, Error> {
        let mut workflows = Vec::new();
        let mut next_page_token = Bytes::new();
        loop {
            let left = u32::try_from(options.limit - workflows.len()).unwrap_or(u32::MAX);
            let request = ListWorkflowExecutionsRequest {
                namespace: self.namespace.clone(),
                page_size: i32::try_from(options.page_size.min(left)).unwrap_or(i32::MAX),
                next_page_token,
                query: options.query.clone(),
            };
            let page = self.service.list_workflow_executions(Request::new(request)).await?.into_inner();
            workflows.extend(page.executions);
            workflows.truncate(options.limit);
            next_page_token = page.next_page_token;
            if next_page_token.is_empty() || workflows.len() == options.limit {
                return Ok(workflows);
            }
        }
    }
}
