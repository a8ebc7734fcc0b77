//! Visibility: the filters of ListWorkflowExecutions and CountWorkflowExecutions, and the scan over all runs.

pub(crate) mod filter;
pub(crate) mod scan;
