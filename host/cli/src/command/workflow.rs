//! `host workflow …`.

mod cancel;
mod delete;
mod describe;
mod execute;
mod list;
mod outcome;
mod query;
mod result;
mod show;
mod signal;
mod start;
mod terminate;
mod update;

use clap::{Args, Subcommand};

use crate::{output::Output, settings::connection::ConnectionArgs};

/// Start workflows, look at them, talk to them, end them.
#[derive(Args, Debug)]
pub(crate) struct WorkflowArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Start a workflow and print its ids
    Start(start::Start),
    /// Start a workflow, wait for it and print its result
    Execute(execute::Execute),
    /// Wait for a workflow and print its result
    Result(result::ShowResult),
    /// Print the history of a workflow
    Show(show::Show),
    /// Print a list of workflows
    List(list::List),
    /// Print the state of a workflow
    Describe(describe::Describe),
    /// Send a signal to a workflow
    Signal(signal::Signal),
    /// Ask a workflow for something
    Query(query::Query),
    /// Send an update to a workflow, wait for it and print its result
    Update(update::Update),
    /// Ask a workflow to end itself
    Cancel(cancel::Cancel),
    /// End a workflow at once
    Terminate(terminate::Terminate),
    /// Remove a workflow and its history
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
            Command::Describe(command) => command.run(connection, output).await,
            Command::Signal(command) => command.run(connection, output).await,
            Command::Query(command) => command.run(connection, output).await,
            Command::Update(command) => command.run(connection, output).await,
            Command::Cancel(command) => command.run(connection, output).await,
            Command::Terminate(command) => command.run(connection, output).await,
            Command::Delete(command) => command.run(connection, output).await,
        }
    }
}

/// Why something was done, when nobody says.
fn default_reason() -> String {
    match std::env::var("USER") {
        Ok(user) if !user.is_empty() => format!("requested with host by {user}"),
        _ => "requested with host".to_owned(),
    }
}
