//! Nexus endpoints: names under which workflows call operations of other namespaces. An endpoint belongs to the service,
//! not to a namespace; it names the namespace and the task queue whose workers handle its operations.

pub(crate) mod endpoint;
pub(crate) mod endpoints;
pub(crate) mod spec;
