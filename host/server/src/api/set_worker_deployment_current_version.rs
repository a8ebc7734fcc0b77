//! SetWorkerDeploymentCurrentVersion.

use host_wire::temporal::api::workflowservice::v1::{
    SetWorkerDeploymentCurrentVersionRequest, SetWorkerDeploymentCurrentVersionResponse,
};
use tonic::Status;

use crate::{
    api::{
        change_deployment::{Routed, change_routing},
        context::Context,
    },
    deployment::{
        set_current::{Change, set_current},
        version::{build_in, older_name},
    },
    error::Error,
};

pub(crate) async fn handle(
    context: &Context,
    request: SetWorkerDeploymentCurrentVersionRequest,
) -> Result<SetWorkerDeploymentCurrentVersionResponse, Status> {
    context.lock().executions.check_namespace(&request.namespace)?;
    if request.deployment_name.is_empty() {
        return Err(Error::invalid("deployment name cannot be empty").into());
    }
    let build = build_in(&request.deployment_name, &request.build_id, &request.version)?;
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
        let previous = set_current(deployment, build.as_deref(), change, now)?;
        Ok(previous.map(|build| deployment.version(&build)))
    })
    .await?;
    Ok(SetWorkerDeploymentCurrentVersionResponse {
        conflict_token,
        previous_version: older_name(previous.as_ref()),
        previous_deployment_version: previous,
    })
}
