//! `host worker …`.

mod deployment;
mod describe;
mod list;

use clap::{Args, Subcommand};
use heck::ToUpperCamelCase as _;
use host_wire::temporal::api::{deployment::v1::WorkerDeploymentVersion, worker::v1::WorkerHeartbeat};

use crate::{output::Output, settings::connection::ConnectionArgs};

/// Shows workers, as their heartbeats describe them, and worker deployments.
#[derive(Args, Debug)]
pub(crate) struct WorkerArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    List(list::List),
    Describe(describe::Describe),
    Deployment(deployment::DeploymentArgs),
}

impl WorkerArgs {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        match self.command {
            Command::List(command) => command.run(&self.connection, output).await,
            Command::Describe(command) => command.run(&self.connection, output).await,
            Command::Deployment(arguments) => arguments.run(&self.connection, output).await,
        }
    }
}

fn status(heartbeat: &WorkerHeartbeat) -> String {
    heartbeat.status().as_str_name().trim_start_matches("WORKER_STATUS_").to_upper_camel_case()
}

/// A version of a deployment, as `temporal` writes it; empty for none.
fn version(version: Option<&WorkerDeploymentVersion>) -> String {
    let Some(version) = version else { return String::new() };
    let parts = [version.deployment_name.as_str(), version.build_id.as_str()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("@")
}
