//! `host worker deployment update-metadata-version`.

use anyhow::Context as _;
use clap::Args;
use host_client::RpcError;
use host_wire::temporal::api::workflowservice::v1::UpdateWorkerDeploymentVersionMetadataRequest;
use tonic::Request;

use super::target::Version;
use crate::{
    output::{Output, Payloads},
    settings::{
        connection::ConnectionArgs,
        pairs::{self, JsonPair},
    },
};

/// Sets metadata of a version, or removes it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host worker deployment update-metadata-version --deployment-name shop --build-id 2.1 --metadata 'commit=\"4f2a\"'
  host worker deployment update-metadata-version --deployment-name shop --build-id 2.1 --remove-entries commit")]
pub(super) struct UpdateMetadataVersion {
    #[command(flatten)]
    version: Version,
    /// An entry to set. Repeat it for more.
    #[arg(long, value_name = "KEY=JSON", value_parser = pairs::parse_json)]
    metadata: Vec<JsonPair>,
    /// Key of an entry to remove. Repeat it for more.
    #[arg(long, value_name = "KEY")]
    remove_entries: Vec<String>,
}

impl UpdateMetadataVersion {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let entries = pairs::by_name(&self.metadata).into_iter();
        let request = UpdateWorkerDeploymentVersionMetadataRequest {
            namespace: client.namespace().to_owned(),
            deployment_version: Some(self.version.into()),
            upsert_entries: entries.map(|(key, value)| (key, value.into())).collect(),
            remove_entries: self.remove_entries,
            identity: client.identity().to_owned(),
            ..UpdateWorkerDeploymentVersionMetadataRequest::default()
        };
        let answer = client.service().update_worker_deployment_version_metadata(Request::new(request)).await;
        let answer = answer.map_err(RpcError::from).context("failed to update the metadata")?;
        output.changed(answer.get_ref(), Payloads::AsJson, "Metadata updated")
    }
}
