//! ListNamespaces: by name.

use bytes::Bytes;
use host_wire::temporal::api::workflowservice::v1::{ListNamespacesRequest, ListNamespacesResponse};
use prost::Message;
use tonic::Status;

use crate::{api::context::Context, error::Error, namespace::describe::describe};

/// Namespaces of a page where the request says nothing, as with Temporal's server.
const PAGE_NAMESPACES: usize = 100;

/// The last namespace of the page before, as `next_page_token`.
#[derive(Clone, PartialEq, Message)]
struct After {
    #[prost(string, tag = "1")]
    name: String,
}

pub(crate) async fn handle(
    context: &Context,
    request: ListNamespacesRequest,
) -> Result<ListNamespacesResponse, Status> {
    let after = After::decode(request.next_page_token.clone());
    let after = after.map_err(|_| Error::invalid("Invalid NextPageToken."))?.name;
    let size = usize::try_from(request.page_size).ok().filter(|size| *size > 0).unwrap_or(PAGE_NAMESPACES);
    let includes_deleted = request.namespace_filter.is_some_and(|filter| filter.include_deleted);
    let (response, position) = {
        let shard = context.lock();
        let namespaces = &shard.executions.namespaces;
        let shown = namespaces.iter().filter(|namespace| includes_deleted || !namespace.is_leaving());
        let mut shown = shown.filter(|namespace| namespace.info.name > after).peekable();
        let mut response = ListNamespacesResponse::default();
        while let Some(namespace) = shown.next() {
            response.namespaces.push(describe(namespaces, namespace));
            if response.namespaces.len() == size && shown.peek().is_some() {
                let name = namespace.info.name.clone();
                response.next_page_token = Bytes::from(After { name }.encode_to_vec());
                break;
            }
        }
        (response, shard.position())
    };
    context.on_disk(position).await?;
    Ok(response)
}
