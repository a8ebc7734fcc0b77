//! `host worker deployment …`: the commands of `temporal worker deployment`.

mod delete;
mod describe;
mod list;
mod manager;
mod metadata;
mod set_current;
mod set_ramping;
mod show;
mod target;

use clap::{Args, Subcommand};

use crate::{output::Output, settings::connection::ConnectionArgs};

/// Shows worker deployments and their versions, and says which version gets workflows.
#[derive(Args, Debug)]
pub(crate) struct DeploymentArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    List(list::List),
    Describe(describe::Describe),
    DescribeVersion(describe::DescribeVersion),
    SetCurrentVersion(set_current::SetCurrentVersion),
    SetRampingVersion(set_ramping::SetRampingVersion),
    Delete(delete::Delete),
    DeleteVersion(delete::DeleteVersion),
    UpdateMetadataVersion(metadata::UpdateMetadataVersion),
    ManagerIdentity(manager::ManagerArgs),
}

impl DeploymentArgs {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        match self.command {
            Command::List(command) => command.run(connection, output).await,
            Command::Describe(command) => command.run(connection, output).await,
            Command::DescribeVersion(command) => command.run(connection, output).await,
            Command::SetCurrentVersion(command) => command.run(connection, output).await,
            Command::SetRampingVersion(command) => command.run(connection, output).await,
            Command::Delete(command) => command.run(connection, output).await,
            Command::DeleteVersion(command) => command.run(connection, output).await,
            Command::UpdateMetadataVersion(command) => command.run(connection, output).await,
            Command::ManagerIdentity(arguments) => arguments.run(connection, output).await,
        }
    }
}
