//! UpdateNamespace.

use host_wire::temporal::api::workflowservice::v1::{UpdateNamespaceRequest, UpdateNamespaceResponse};
use tonic::Status;

use crate::{
    api::context::Context,
    namespace::{describe::describe, request::updated},
};

pub(crate) async fn handle(
    context: &Context,
    request: UpdateNamespaceRequest,
) -> Result<UpdateNamespaceResponse, Status> {
    let change = context.change(
        request,
        |executions, r| {
            executions.check_namespace(&r.namespace)?;
            let (number, before) = executions.namespaces.find(&r.namespace)?;
            Ok((number, updated(before.clone(), r.clone(), context.now())?))
        },
        |transition, _, (number, namespace)| {
            transition.put_namespace(number, namespace.clone());
            Ok(describe(&transition.executions().namespaces, &namespace))
        },
    );
    let described = change.await?;
    Ok(UpdateNamespaceResponse {
        namespace_info: described.namespace_info,
        config: described.config,
        replication_config: described.replication_config,
        failover_version: described.failover_version,
        is_global_namespace: described.is_global_namespace,
    })
}
