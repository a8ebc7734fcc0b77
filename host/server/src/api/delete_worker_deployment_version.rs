//! DeleteWorkerDeploymentVersion.

use host_wire::temporal::api::workflowservice::v1::{
    DeleteWorkerDeploymentVersionRequest, DeleteWorkerDeploymentVersionResponse,
};
use tonic::Status;

use crate::{
    api::{change_deployment::change_deployment, context::Context},
    deployment::{delete::delete_version, version::named},
    error::Error,
};

pub(crate) async fn handle(
    context: &Context,
    request: DeleteWorkerDeploymentVersionRequest,
) -> Result<DeleteWorkerDeploymentVersionResponse, Status> {
    context.lock().executions.check_namespace(&request.namespace)?;
    let older = if request.deployment_version.is_some() { "" } else { &*request.version };
    let version = named(request.deployment_version, older)?;
    let now = context.now();
    let polled = context.lock().polled_builds(&request.namespace, &version.deployment_name, now);
    let has_pollers = polled.contains(&version.build_id);
    let missing =
        || Error::no_workflow(&format!("temporal-sys-worker-deployment:{}", version.deployment_name));
    let names = (&*request.namespace, &*version.deployment_name);
    let deleted = change_deployment(context, names, missing, |deployment| {
        let identity = &request.identity;
        delete_version(deployment, &version.build_id, has_pollers, request.skip_drainage, identity)
    });
    deleted.await?;
    // What was independent of the version, or is now.
    context.lock().reroute(|key| key.namespace == request.namespace, now);
    Ok(DeleteWorkerDeploymentVersionResponse {})
}
