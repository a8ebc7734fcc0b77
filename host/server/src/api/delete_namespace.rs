//! `OperatorService.DeleteNamespace`: no call finds the namespace from here on. What it had is removed in the
//! background.

use host_wire::temporal::api::{
    enums::v1::NamespaceState,
    operatorservice::v1::{DeleteNamespaceRequest, DeleteNamespaceResponse},
};
use tonic::Status;

use crate::{
    api::context::Context,
    error::Error,
    execution::executions::Executions,
    namespace::{describe::leaving_name, namespaces::Namespace, record::NamespaceNumber},
};

pub(crate) async fn handle(
    context: &Context,
    request: DeleteNamespaceRequest,
) -> Result<DeleteNamespaceResponse, Status> {
    match (request.namespace.is_empty(), request.namespace_id.is_empty()) {
        (true, true) => return Err(Error::invalid("Namespace not set on request.").into()),
        (false, false) => {
            return Err(Error::invalid("Only one of namespace name or Id should be set on request.").into());
        }
        _ => {}
    }
    let change = context.change_with(
        request,
        |executions, r| {
            let found = find(executions, r)?;
            executions.endpoints.check_may_leave(&found.1.info.name)?;
            Ok(found)
        },
        |transition, _, (number, mut namespace)| {
            namespace.info.set_state(NamespaceState::Deleted);
            let deleted_namespace = leaving_name(&namespace);
            transition.leave_namespace(number, namespace);
            Ok(DeleteNamespaceResponse { deleted_namespace })
        },
        // Before the answer: the caller may go.
        |_, _| context.namespaces_changed().notify_one(),
    );
    change.await
}

fn find(
    executions: &Executions,
    request: &DeleteNamespaceRequest,
) -> Result<(NamespaceNumber, Namespace), Error> {
    let id = &request.namespace_id;
    let mut all = executions.namespaces.iter();
    let found = match all.find(|it| !it.is_leaving() && it.info.id == *id) {
        Some(namespace) => executions.namespaces.get(&namespace.info.name),
        None => executions.namespaces.get(&request.namespace).filter(|(_, it)| !it.is_leaving()),
    };
    let name = if request.namespace.is_empty() { id } else { &request.namespace };
    let found = found.ok_or_else(|| Error::NamespaceNotFound(name.clone()))?;
    Ok((found.0, found.1.clone()))
}
