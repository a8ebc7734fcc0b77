//! `host workflow update …`.

mod describe;
mod execute;
mod result;
mod start;

use clap::{Args, Subcommand};
use guest_sdk_types::{Failure, RawValue, UntypedUpdate};
use host_client::{Error, UpdateHandle};

use super::outcome;
use crate::{
    exit::Reported,
    output::{Output, card::Card, failure, json::Object, one_line, payloads_json},
    settings::{connection::ConnectionArgs, execution::ExecutionArgs, input::InputArgs},
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

/// Prints that an update was accepted, with the fields of `object` for tools, or its failure if it has one already.
///
/// # Errors
///
/// As [`print`].
pub(super) fn print_started(
    update: &UpdateHandle<UntypedUpdate>,
    name: &str,
    object: Object,
    output: Output,
) -> anyhow::Result<()> {
    if let Some(Err(error)) = update.result_so_far() {
        return print(Err(error), object, output);
    }
    if output.is_text() {
        let card = Card::new("Accepted update").row("Name", name).row("UpdateId", update.update_id());
        return Ok(output.lines(card.text())?);
    }
    output.object(object)
}

/// An update to send.
#[derive(Args, Debug)]
struct SentArgs {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// Name of the update.
    #[arg(long, alias = "type", value_name = "NAME")]
    name: String,
    #[command(flatten)]
    input: InputArgs,
    /// Update id; a new UUID if left out.
    #[arg(long, value_name = "ID")]
    update_id: Option<String>,
}

/// A failure as the protocol's JSON.
fn failure_json(failure: Failure) -> anyhow::Result<String> {
    Ok(one_line(&host_wire::temporal::api::failure::v1::Failure::from(failure))?)
}
