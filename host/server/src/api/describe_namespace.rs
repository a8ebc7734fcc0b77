//! DescribeNamespace: by name or by id.

use host_wire::temporal::api::workflowservice::v1::{DescribeNamespaceRequest, DescribeNamespaceResponse};
use tonic::Status;

use crate::{api::context::Context, error::Error, namespace::describe::describe};

pub(crate) async fn handle(
    context: &Context,
    request: DescribeNamespaceRequest,
) -> Result<DescribeNamespaceResponse, Status> {
    let (name, id) = (&request.namespace, &request.id);
    if name.is_empty() && id.is_empty() {
        return Err(Error::invalid("Namespace not set on request.").into());
    }
    let (described, position) = {
        let shard = context.lock();
        let namespaces = &shard.executions.namespaces;
        let found = if name.is_empty() {
            let mut all = namespaces.iter();
            // One that is being deleted is found by its id, as on Temporal's server.
            all.find(|namespace| namespace.info.id == *id)
                .ok_or_else(|| Error::NamespaceNotFound(id.clone()))?
        } else {
            namespaces.find(name)?.1
        };
        (describe(namespaces, found), shard.position())
    };
    context.on_disk(position).await?;
    Ok(described)
}
