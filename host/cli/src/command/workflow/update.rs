//! `host workflow update …`.

mod describe;
mod execute;
mod result;
mod start;

use clap::{Args, Subcommand};
use guest_sdk_types::{Failure, RawValue};
use host_client::Error;

use super::outcome;
use crate::{
    exit::Reported,
    output::{Output, card::Card, failure, json::Object, one_line, payloads_json},
    settings::connection::ConnectionArgs,
};

/// Sends updates to workflows, waits for them and looks at them.
#[derive(Args, Debug)]
pub(crate) struct Update {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Start(start::Start),
    Execute(execute::Execute),
    Result(result::ShowResult),
    Describe(describe::Describe),
}

impl Update {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        match self.command {
            Command::Start(command) => command.run(connection, output).await,
            Command::Execute(command) => command.run(connection, output).await,
            Command::Result(command) => command.run(connection, output).await,
            Command::Describe(command) => command.run(connection, output).await,
        }
    }
}

/// Prints what an update returned after the fields of `object`, or its failure for people.
///
/// # Errors
///
/// [`Reported`] when the failure was printed; else the failure itself.
pub(super) fn print(result: Result<RawValue, Error>, object: Object, output: Output) -> anyhow::Result<()> {
    match result {
        Ok(result) if output.is_text() => Ok(output.lines(outcome::result_text(result.0)?)?),
        Ok(result) => output.object(object.raw("result", &payloads_json(result.0)?)),
        Err(Error::Update(failed)) if output.is_text() => {
            output.notes(format!("update failed\n{}", failure::chain(&failed)));
            Err(Reported.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// An update that was accepted, for people.
pub(super) fn card(name: &str, update_id: &str) -> Card {
    Card::new("Accepted update").row("Name", name).row("UpdateId", update_id)
}

/// A failure as the protocol's JSON.
fn failure_json(failure: Failure) -> anyhow::Result<String> {
    one_line(&host_wire::temporal::api::failure::v1::Failure::from(failure))
}
