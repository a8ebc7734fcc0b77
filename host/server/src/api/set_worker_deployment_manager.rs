//! SetWorkerDeploymentManager.

use host_wire::temporal::api::workflowservice::v1::{
    SetWorkerDeploymentManagerRequest, SetWorkerDeploymentManagerResponse,
    set_worker_deployment_manager_request::NewManagerIdentity,
};
use tonic::Status;

use crate::{
    api::{change_deployment::change_deployment, context::Context},
    deployment::{set_manager::set_manager, version::check_name},
    error::Error,
};

pub(crate) async fn handle(
    context: &Context,
    request: SetWorkerDeploymentManagerRequest,
) -> Result<SetWorkerDeploymentManagerResponse, Status> {
    if request.identity.is_empty() {
        return Err(Error::invalid("Identity is required").into());
    }
    context.lock().executions.check_namespace(&request.namespace)?;
    check_name(&request.deployment_name)?;
    let manager = match request.new_manager_identity {
        Some(NewManagerIdentity::Self_(true)) => request.identity.clone(),
        Some(NewManagerIdentity::ManagerIdentity(manager)) => manager,
        Some(NewManagerIdentity::Self_(false)) | None => String::new(),
    };
    let names = (&*request.namespace, &*request.deployment_name);
    let missing =
        || Error::no_workflow(&format!("temporal-sys-worker-deployment:{}", request.deployment_name));
    let (previous, deployment) = change_deployment(context, names, missing, |deployment| {
        set_manager(deployment, manager, &request.identity, &request.conflict_token)
    })
    .await?;
    Ok(SetWorkerDeploymentManagerResponse {
        conflict_token: deployment.conflict_token(),
        previous_manager_identity: previous,
    })
}
