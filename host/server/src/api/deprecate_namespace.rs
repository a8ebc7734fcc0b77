//! DeprecateNamespace: what runs goes on, and nothing more is started.

use host_wire::temporal::api::{
    enums::v1::NamespaceState,
    workflowservice::v1::{DeprecateNamespaceRequest, DeprecateNamespaceResponse},
};
use tonic::Status;

use crate::api::context::Context;

pub(crate) async fn handle(
    context: &Context,
    request: DeprecateNamespaceRequest,
) -> Result<DeprecateNamespaceResponse, Status> {
    let change = context.change(
        request,
        |executions, r| {
            executions.check_namespace(&r.namespace)?;
            let (number, namespace) = executions.namespaces.find(&r.namespace)?;
            Ok((number, namespace.clone()))
        },
        |transition, _, (number, mut namespace)| {
            namespace.info.set_state(NamespaceState::Deprecated);
            transition.put_namespace(number, namespace);
            Ok(DeprecateNamespaceResponse {})
        },
    );
    change.await
}
