//! `host operator …`.

mod namespace;
mod nexus;
mod search_attribute;

use clap::{Args, Subcommand};

use crate::{output::Output, settings::connection::ConnectionArgs};

/// Looks after what a service has beside its workflows.
#[derive(Args, Debug)]
pub(crate) struct OperatorArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    Namespace(namespace::NamespaceArgs),
    Nexus(nexus::NexusArgs),
    SearchAttribute(search_attribute::SearchAttributeArgs),
}

impl OperatorArgs {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        match self.command {
            Command::Namespace(arguments) => arguments.run(&self.connection, output).await,
            Command::Nexus(arguments) => arguments.run(&self.connection, output).await,
            Command::SearchAttribute(arguments) => arguments.run(&self.connection, output).await,
        }
    }
}
