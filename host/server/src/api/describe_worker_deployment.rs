//! DescribeWorkerDeployment.

use host_wire::temporal::api::workflowservice::v1::{
    DescribeWorkerDeploymentRequest, DescribeWorkerDeploymentResponse,
};
use tonic::Status;

use crate::{api::context::Context, deployment::version::check_name, error::Error};

pub(crate) async fn handle(
    context: &Context,
    request: DescribeWorkerDeploymentRequest,
) -> Result<DescribeWorkerDeploymentResponse, Status> {
    let (response, position) = {
        let shard = context.lock();
        shard.executions.check_namespace(&request.namespace)?;
        check_name(&request.deployment_name)?;
        let found = shard.executions.deployments.find(&request.namespace, &request.deployment_name)?;
        let (_, deployment) =
            found.ok_or_else(|| Error::NotFound("Worker Deployment not found".to_owned()))?;
        let response = DescribeWorkerDeploymentResponse {
            conflict_token: deployment.conflict_token(),
            worker_deployment_info: Some(deployment.info()),
        };
        (response, shard.position())
    };
    context.on_disk(position).await?;
    Ok(response)
}
