//! `host worker deployment delete` and `delete-version`.

use anyhow::Context as _;
use clap::Args;
use host_client::RpcError;
use host_wire::temporal::api::workflowservice::v1::{
    DeleteWorkerDeploymentRequest, DeleteWorkerDeploymentVersionRequest,
};
use tonic::Request;

use super::target::{Name, Version};
use crate::{output::Output, settings::connection::ConnectionArgs};

/// Deletes a worker deployment that has no versions.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host worker deployment delete --name shop")]
pub(super) struct Delete {
    #[command(flatten)]
    name: Name,
}

impl Delete {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = DeleteWorkerDeploymentRequest {
            namespace: client.namespace().to_owned(),
            deployment_name: self.name.name,
            identity: client.identity().to_owned(),
        };
        let answer = client.service().delete_worker_deployment(Request::new(request)).await;
        answer.map_err(RpcError::from).context("failed to delete the deployment")?;
        output.note("Deployment deleted");
        Ok(())
    }
}

/// Deletes a version that gets no workflows, has none pinned to it, and whose workers do not poll.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host worker deployment delete-version --deployment-name shop --build-id 2.0")]
pub(super) struct DeleteVersion {
    #[command(flatten)]
    version: Version,
    /// Also while workflows may be pinned to it.
    #[arg(long)]
    skip_drainage: bool,
}

impl DeleteVersion {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = DeleteWorkerDeploymentVersionRequest {
            namespace: client.namespace().to_owned(),
            deployment_version: Some(self.version.into()),
            skip_drainage: self.skip_drainage,
            identity: client.identity().to_owned(),
            ..DeleteWorkerDeploymentVersionRequest::default()
        };
        let answer = client.service().delete_worker_deployment_version(Request::new(request)).await;
        answer.map_err(RpcError::from).context("failed to delete the version")?;
        output.note("Version deleted");
        Ok(())
    }
}
