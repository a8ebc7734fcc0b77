//! `host workflow show`.

use clap::Args;
use host_client::Closed;

use super::outcome;
use crate::{
    output::{Output, Payloads, event},
    settings::{connection::ConnectionArgs, execution::ExecutionArgs},
};

/// Prints the history of a workflow.
///
/// With --output json, exactly what `temporal workflow show --output json` prints: the form that
/// `host replay` and the replayers of every SDK read.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow show --workflow-id order-17
  host workflow show --workflow-id order-17 --follow
  host workflow show --workflow-id order-17 --output json > history.json")]
pub(crate) struct Show {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// Print every field of every event.
    #[arg(long)]
    detailed: bool,
    /// Go on until the workflow is closed, through all of its runs.
    #[arg(short, long)]
    follow: bool,
}

impl Show {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let mut handle = self.execution.handle(&client);
        if !output.is_text() {
            let events = if self.follow { handle.follow() } else { handle.history() };
            return output.message(&events.collect().await?, Payloads::Raw);
        }
        if !self.detailed {
            output.line(event::HEADER)?;
        }
        let last = loop {
            let mut events = if self.follow { handle.follow() } else { handle.history() };
            let mut last = None;
            while let Some(event) = events.next().await? {
                output.lines(if self.detailed {
                    format!("{}\n", event::section(&event)?)
                } else {
                    event::line(&event)?
                })?;
                last = Some(event);
            }
            match last.as_ref().filter(|_| self.follow).and_then(|event| handle.continued_as(event)) {
                Some(next) => handle = next,
                None => break last,
            }
        };
        match last.map(|event| Closed { event }) {
            Some(closed) => self.print_end(closed, output),
            None => Ok(()),
        }
    }

    /// Prints how the workflow ended. A failed workflow is not a failure of this command.
    fn print_end(&self, closed: Closed, output: Output) -> anyhow::Result<()> {
        match closed.result() {
            Ok(result) => Ok(output.lines(format!("\nResult:\n{}", outcome::result_text(result)?))?),
            Err(host_client::Error::Workflow(failed)) => {
                Ok(output.lines(format!("\n{}", crate::output::failure::workflow(&failed)))?)
            }
            // Open, or continued as another run.
            Err(_) => Ok(()),
        }
    }
}
