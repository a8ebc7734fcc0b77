//! `host workflow …`.

mod cancel;
mod count;
mod delete;
mod describe;
mod download;
mod execute;
mod list;
mod outcome;
mod pending;
mod query;
mod reset;
mod result;
mod show;
mod signal;
mod stack;
mod start;
mod terminate;
mod update;
mod update_options;
mod versioning;
mod waiting;
mod with_start;

use clap::{Args, Subcommand};

use crate::{output::Output, settings::connection::ConnectionArgs};

/// Starts workflows, looks at them, talks to them, ends them.
#[derive(Args, Debug)]
pub(crate) struct WorkflowArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    Start(start::Start),
    Execute(execute::Execute),
    Result(result::ShowResult),
    Show(show::Show),
    List(list::List),
    Count(count::Count),
    Describe(describe::Describe),
    Download(download::Download),
    Signal(signal::Signal),
    Query(query::Query),
    Stack(stack::Stack),
    Metadata(stack::Metadata),
    Update(update::Update),
    StartUpdateWithStart(with_start::StartUpdate),
    ExecuteUpdateWithStart(with_start::ExecuteUpdate),
    Cancel(cancel::Cancel),
    Terminate(terminate::Terminate),
    Reset(reset::Reset),
    UpdateOptions(update_options::UpdateOptions),
    Delete(delete::Delete),
}

impl WorkflowArgs {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        let connection = &self.connection;
        match self.command {
            Command::Start(command) => command.run(connection, output).await,
            Command::Execute(command) => command.run(connection, output).await,
            Command::Result(command) => command.run(connection, output).await,
            Command::Show(command) => command.run(connection, output).await,
            Command::List(command) => command.run(connection, output).await,
            Command::Count(command) => command.run(connection, output).await,
            Command::Describe(command) => command.run(connection, output).await,
            Command::Download(command) => command.run(connection, output).await,
            Command::Signal(command) => command.run(connection, output).await,
            Command::Query(command) => command.run(connection, output).await,
            Command::Stack(command) => command.run(connection, output).await,
            Command::Metadata(command) => command.run(connection, output).await,
            Command::Update(command) => command.run(connection, output).await,
            Command::StartUpdateWithStart(command) => command.run(connection, output).await,
            Command::ExecuteUpdateWithStart(command) => command.run(connection, output).await,
            Command::Cancel(command) => command.run(connection, output).await,
            Command::Terminate(command) => command.run(connection, output).await,
            Command::Reset(command) => command.run(connection, output).await,
            Command::UpdateOptions(command) => command.run(connection, output).await,
            Command::Delete(command) => command.run(connection, output).await,
        }
    }
}
