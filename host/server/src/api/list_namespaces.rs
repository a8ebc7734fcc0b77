//! ListNamespaces.

use host_wire::temporal::api::workflowservice::v1::ListNamespacesResponse;

use crate::api::{context::Context, describe_namespace::description};

pub(crate) fn handle(context: &Context) -> ListNamespacesResponse {
    let shard = context.lock();
    let all = shard.executions.namespaces().map(|name| description(name, context.retention()));
    ListNamespacesResponse { namespaces: all.collect(), next_page_token: bytes::Bytes::new() }
}
