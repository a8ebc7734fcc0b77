//! DescribeWorkerDeploymentVersion.

use host_wire::temporal::api::workflowservice::v1::{
    DescribeWorkerDeploymentVersionRequest, DescribeWorkerDeploymentVersionResponse,
    describe_worker_deployment_version_response::VersionTaskQueue,
};
use tonic::Status;

use crate::{
    api::{
        context::Context,
        describe_task_queue::{all, by_priority, to_proto},
    },
    deployment::version::named,
    error::Error,
    shard::{Shard, deployments::key_of},
};

pub(crate) async fn handle(
    context: &Context,
    request: DescribeWorkerDeploymentVersionRequest,
) -> Result<DescribeWorkerDeploymentVersionResponse, Status> {
    let now = context.now();
    let (response, position) = {
        let mut shard = context.lock();
        shard.executions.check_namespace(&request.namespace)?;
        if request.version.is_empty() && request.deployment_version.is_none() {
            return Err(Error::invalid("deployment version cannot be empty").into());
        }
        let version = named(request.deployment_version, &request.version)?;
        let Shard { executions, queues, .. } = &mut *shard;
        let found = executions.deployments.find(&request.namespace, &version.deployment_name)?;
        let found =
            found.and_then(|(_, deployment)| Some((deployment, deployment.versions.get(&version.build_id)?)));
        let (deployment, of_version) =
            found.ok_or_else(|| Error::NotFound("Worker Deployment Version not found".to_owned()))?;
        let task_queues = of_version.queues.iter().map(|queue| {
            let stats = request
                .report_task_queue_stats
                .then(|| queues.stats(&key_of(deployment, &version.build_id, queue), now));
            VersionTaskQueue {
                name: queue.name.clone(),
                r#type: queue.of,
                stats: stats.as_ref().map(|stats| to_proto(all(stats))),
                stats_by_priority_key: stats.as_ref().map(|stats| by_priority(stats)).unwrap_or_default(),
            }
        });
        let response = DescribeWorkerDeploymentVersionResponse {
            version_task_queues: task_queues.collect(),
            worker_deployment_version_info: deployment.version_info(&version.build_id),
        };
        (response, shard.position())
    };
    context.on_disk(position).await?;
    Ok(response)
}
