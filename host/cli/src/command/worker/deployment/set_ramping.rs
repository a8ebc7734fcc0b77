//! `host worker deployment set-ramping-version`.

use anyhow::Context as _;
use clap::Args;
use host_client::RpcError;
use host_wire::temporal::api::workflowservice::v1::SetWorkerDeploymentRampingVersionRequest;
use tonic::Request;

use super::target::Target;
use crate::{
    exit::Usage,
    output::{Output, Payloads},
    settings::connection::ConnectionArgs,
};

/// Has a version get a part of the new workflows, and of those that follow the current version.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host worker deployment set-ramping-version --deployment-name shop --build-id 2.1 --percentage 10
  host worker deployment set-ramping-version --deployment-name shop --delete --yes")]
pub(super) struct SetRampingVersion {
    #[command(flatten)]
    target: Target,
    /// Workflows of a hundred that the version gets, 0 to 100.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, hide_default_value = true)]
    percentage: f32,
    /// No version ramps up any more, whichever did.
    #[arg(long, conflicts_with = "percentage")]
    delete: bool,
}

impl SetRampingVersion {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let Target {
            deployment_name,
            build_id,
            unversioned,
            allow_no_pollers,
            ignore_missing_task_queues,
            consent,
        } = self.target;
        if build_id.is_empty() && !unversioned && !self.delete {
            return Err(Usage("give --build-id, --unversioned or --delete".to_owned()).into());
        }
        let client = connection.connect().await?;
        let change = format!("Set the ramping version of {deployment_name}");
        let conflict_token = consent.ask(&client, &deployment_name, &change, output).await?;
        let request = SetWorkerDeploymentRampingVersionRequest {
            namespace: client.namespace().to_owned(),
            deployment_name,
            // Neither a build nor a percentage is the end of the ramp.
            build_id: if self.delete { String::new() } else { build_id },
            percentage: self.percentage,
            conflict_token,
            identity: client.identity().to_owned(),
            ignore_missing_task_queues,
            allow_no_pollers,
            ..SetWorkerDeploymentRampingVersionRequest::default()
        };
        let answer = client.service().set_worker_deployment_ramping_version(Request::new(request)).await;
        let answer = answer.map_err(RpcError::from).context("failed to set the ramping version")?;
        let note = if self.delete { "Ramping version deleted" } else { "Ramping version set" };
        output.changed(answer.get_ref(), Payloads::Raw, note)
    }
}
