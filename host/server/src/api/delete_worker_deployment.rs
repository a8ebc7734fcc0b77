//! DeleteWorkerDeployment.

use host_wire::temporal::api::workflowservice::v1::{
    DeleteWorkerDeploymentRequest, DeleteWorkerDeploymentResponse,
};
use tonic::Status;

use crate::{
    api::context::Context,
    deployment::{delete::check_empty, version::check_name},
};

pub(crate) async fn handle(
    context: &Context,
    request: DeleteWorkerDeploymentRequest,
) -> Result<DeleteWorkerDeploymentResponse, Status> {
    let change = context.change(
        request,
        |executions, request| {
            executions.check_namespace(&request.namespace)?;
            check_name(&request.deployment_name)?;
            let found = executions.deployments.find(&request.namespace, &request.deployment_name)?;
            // One that is not there is no error.
            let Some((number, deployment)) = found else { return Ok(None) };
            check_empty(deployment)?;
            Ok(Some(number))
        },
        |transition, _, number| {
            if let Some(number) = number {
                transition.delete_deployment(number);
            }
            Ok(())
        },
    );
    change.await?;
    Ok(DeleteWorkerDeploymentResponse {})
}
