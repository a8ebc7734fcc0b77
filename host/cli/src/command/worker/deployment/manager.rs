//! `host worker deployment manager-identity …`.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use host_client::RpcError;
use host_wire::temporal::api::workflowservice::v1::{
    SetWorkerDeploymentManagerRequest, set_worker_deployment_manager_request::NewManagerIdentity,
};
use tonic::Request;

use super::target::Consent;
use crate::{
    output::{Output, Payloads},
    settings::connection::ConnectionArgs,
};

/// Says who alone may change a worker deployment.
#[derive(Args, Debug)]
pub(super) struct ManagerArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Set(Set),
    Unset(Unset),
}

/// Only clients of this identity may change the deployment from now on.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host worker deployment manager-identity set --deployment-name shop --manager-identity ci
  host worker deployment manager-identity set --deployment-name shop --self --yes")]
struct Set {
    #[command(flatten)]
    managed: Managed,
    /// Identity of the manager.
    #[arg(long, value_name = "IDENTITY", required_unless_present = "self_")]
    manager_identity: Option<String>,
    /// The identity of this client.
    #[arg(long = "self", conflicts_with = "manager_identity")]
    self_: bool,
}

/// Every client may change the deployment from now on.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host worker deployment manager-identity unset --deployment-name shop")]
struct Unset {
    #[command(flatten)]
    managed: Managed,
}

#[derive(Args, Debug)]
struct Managed {
    /// Name of the deployment.
    #[arg(long, value_name = "NAME")]
    deployment_name: String,
    #[command(flatten)]
    consent: Consent,
}

impl ManagerArgs {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let (managed, manager) = match self.command {
            Command::Set(Set { managed, manager_identity: Some(identity), self_: _ }) => {
                (managed, NewManagerIdentity::ManagerIdentity(identity))
            }
            Command::Set(Set { managed, manager_identity: None, self_ }) => {
                (managed, NewManagerIdentity::Self_(self_))
            }
            Command::Unset(Unset { managed }) => {
                (managed, NewManagerIdentity::ManagerIdentity(String::new()))
            }
        };
        let client = connection.connect().await?;
        let Managed { deployment_name, consent } = managed;
        let change = format!("Set the manager of {deployment_name}");
        let conflict_token = consent.ask(&client, &deployment_name, &change, output).await?;
        let request = SetWorkerDeploymentManagerRequest {
            namespace: client.namespace().to_owned(),
            deployment_name,
            conflict_token,
            identity: client.identity().to_owned(),
            new_manager_identity: Some(manager),
        };
        let answer = client.service().set_worker_deployment_manager(Request::new(request)).await;
        let answer = answer.map_err(RpcError::from).context("failed to set the manager")?;
        output.changed(answer.get_ref(), Payloads::Raw, "Manager set")
    }
}
