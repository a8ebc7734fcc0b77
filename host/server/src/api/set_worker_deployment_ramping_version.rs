//! SetWorkerDeploymentRampingVersion.

use host_wire::temporal::api::workflowservice::v1::{
    SetWorkerDeploymentRampingVersionRequest, SetWorkerDeploymentRampingVersionResponse,
};
use tonic::Status;

use crate::{
    api::{
        change_deployment::{Routed, change_routing},
        context::Context,
    },
    deployment::{
        set_current::Change,
        set_ramping::set_ramping,
        state::Ramp,
        version::{build_in, older_name},
    },
    error::Error,
};

pub(crate) async fn handle(
    context: &Context,
    request: SetWorkerDeploymentRampingVersionRequest,
) -> Result<SetWorkerDeploymentRampingVersionResponse, Status> {
    context.lock().executions.check_namespace(&request.namespace)?;
    let percentage = request.percentage;
    if !(0.0..=100.0).contains(&percentage) {
        return Err(Error::invalid("Percentage must be between 0 and 100 (inclusive)").into());
    }
    let build = build_in(&request.deployment_name, &request.build_id, &request.version)?;
    // Neither a version nor a percentage: there is no ramp any more.
    let is_end = request.version.is_empty() && request.build_id.is_empty() && percentage == 0.0;
    let ramp = (!is_end).then(|| Ramp { build: build.clone(), percentage });
    let change = Change {
        identity: request.identity,
        token: request.conflict_token,
        ignores_missing_queues: request.ignore_missing_task_queues,
        ..Change::default()
    };
    let routed = Routed {
        namespace: &request.namespace,
        name: &request.deployment_name,
        build: build.as_deref(),
        may_add: request.allow_no_pollers,
    };
    let (previous, conflict_token) = change_routing(context, routed, change, |deployment, change, now| {
        let previous = set_ramping(deployment, ramp, change, now)?;
        Ok(previous.map(|ramp| (ramp.build.map(|build| deployment.version(&build)), ramp.percentage)))
    })
    .await?;
    let previous_version =
        previous.as_ref().map_or(String::new(), |(version, _)| older_name(version.as_ref()));
    let previous_percentage = previous.as_ref().map_or(0.0, |(_, percentage)| *percentage);
    Ok(SetWorkerDeploymentRampingVersionResponse {
        conflict_token,
        previous_version,
        previous_deployment_version: previous.and_then(|(version, _)| version),
        previous_percentage,
    })
}
