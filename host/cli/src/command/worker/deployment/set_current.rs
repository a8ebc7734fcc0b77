//! `host worker deployment set-current-version`.

use anyhow::Context as _;
use clap::Args;
use host_client::RpcError;
use host_wire::temporal::api::workflowservice::v1::SetWorkerDeploymentCurrentVersionRequest;
use tonic::Request;

use super::target::Target;
use crate::{
    exit::Usage,
    output::{Output, Payloads},
    settings::connection::ConnectionArgs,
};

/// Has a version get all new workflows, and those that follow the current version.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host worker deployment set-current-version --deployment-name shop --build-id 2.1
  host worker deployment set-current-version --deployment-name shop --unversioned --yes")]
pub(super) struct SetCurrentVersion {
    #[command(flatten)]
    target: Target,
}

impl SetCurrentVersion {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let Target {
            deployment_name,
            build_id,
            unversioned,
            allow_no_pollers,
            ignore_missing_task_queues,
            consent,
        } = self.target;
        if build_id.is_empty() && !unversioned {
            return Err(Usage("give --build-id or --unversioned".to_owned()).into());
        }
        let client = connection.connect().await?;
        let change = format!("Set the current version of {deployment_name}");
        let conflict_token = consent.ask(&client, &deployment_name, &change, output).await?;
        let request = SetWorkerDeploymentCurrentVersionRequest {
            namespace: client.namespace().to_owned(),
            deployment_name,
            build_id,
            conflict_token,
            identity: client.identity().to_owned(),
            ignore_missing_task_queues,
            allow_no_pollers,
            ..SetWorkerDeploymentCurrentVersionRequest::default()
        };
        let answer = client.service().set_worker_deployment_current_version(Request::new(request)).await;
        let answer = answer.map_err(RpcError::from).context("failed to set the current version")?;
        output.changed(answer.get_ref(), Payloads::Raw, "Current version set")
    }
}
