//! `host batch …`. What starts batch operations is `--query` of the commands for workflows and activities.

mod describe;
mod list;
pub(crate) mod start;
mod terminate;

use clap::{Args, Subcommand};

use crate::{output::Output, settings::connection::ConnectionArgs};

/// Looks at batch operations, which `--query` of other commands starts, and stops them.
#[derive(Args, Debug)]
pub(crate) struct BatchArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    List(list::List),
    Describe(describe::Describe),
    Terminate(terminate::Terminate),
}

impl BatchArgs {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let connection = &self.connection;
        match self.command {
            Command::List(command) => command.run(connection, output).await,
            Command::Describe(command) => command.run(connection, output).await,
            Command::Terminate(command) => command.run(connection, output).await,
        }
    }
}
