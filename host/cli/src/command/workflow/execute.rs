//! `host workflow execute`.

use std::time::Instant;

use clap::Args;
use guest_sdk_types::UntypedWorkflow;
use host_client::{Closed, Error, WorkflowHandle};

use super::{
    outcome, start,
    waiting::{WaitArgs, explained},
};
use crate::{
    output::{Output, event},
    settings::{connection::ConnectionArgs, start::StartArgs},
};

/// Starts a workflow, waits for it and prints its result.
///
/// Progress and failures go to stderr, so that stdout has the result and nothing else; when it takes longer than a second,
/// also what the workflow waits for. The exit code is
/// 1 when the workflow fails, is cancelled, terminated or times out. A workflow goes on when the command
/// is interrupted; `host workflow result` waits for it again.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow execute --type Greeting --task-queue greetings --input '{\"name\": \"Ada\"}'
  host workflow execute --type Order --task-queue orders --input-file order.json --output json | jq .result")]
pub(crate) struct Execute {
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    start: StartArgs,
}

impl Execute {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let input = self.start.input.payloads()?;
        let client = self.wait.patient(connection.connect().await?);
        let begin = Instant::now();
        let started = start::start(&client, &self.start, input, output).await?;
        output.notes(start::running(&client, &self.start, &started).text());
        if output.is_text() {
            output.note("");
            let current = client.workflow_handle(started.handle.workflow_id(), None);
            let closed = explained(&current, output, follow(started.handle, output)).await?;
            output.notes(format!("\nClosed after {:.2?}.", begin.elapsed()));
            return outcome::print_text(closed, output);
        }
        let object = start::ids(&client, &self.start, &started);
        let closed = started.handle.closed().await?;
        let milliseconds = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        outcome::print_json(closed, object.field("durationMillis", milliseconds), output)
    }
}

/// Prints every event when it is recorded, through all runs of the execution.
async fn follow(mut handle: WorkflowHandle<UntypedWorkflow>, output: Output) -> anyhow::Result<Closed> {
    output.note("Progress:");
    output.note(event::HEADER);
    loop {
        let mut events = handle.follow();
        let mut last = None;
        while let Some(event) = events.next().await? {
            output.note(event::line(&event)?);
            last = Some(event);
        }
        let Some(event) = last else { return Err(Error::Answer("a history without events").into()) };
        match handle.continued_as(&event) {
            Some(next) => handle = next,
            None => return Ok(Closed { event }),
        }
    }
}
