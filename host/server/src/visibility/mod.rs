//! Visibility: search attributes, the filters of ListWorkflowExecutions and CountWorkflowExecutions, and the scan over
//! all runs.

pub(crate) mod filter;
pub(crate) mod kinds;
pub(crate) mod registry;
pub(crate) mod scan;
pub(crate) mod value;
