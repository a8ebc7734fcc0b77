//! `host workflow show`.

use clap::Args;
use guest_sdk_types::UntypedWorkflow;
use host_client::{Closed, HistoryStream, WorkflowHandle};
use host_wire::temporal::api::history::v1::HistoryEvent;

use super::{
    outcome,
    waiting::{WaitArgs, explained},
};
use crate::{
    output::{Output, Payloads, event},
    settings::{connection::ConnectionArgs, execution::ExecutionArgs},
};

/// Prints the history of a workflow.
///
/// With --output json, exactly what `temporal workflow show --output json` prints: the form that
/// `host replay` and the replayers of every SDK read; with --follow too, the history of each run after the other.
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
    #[command(flatten)]
    wait: WaitArgs,
}

impl Show {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = self.wait.patient(connection.connect().await?);
        let handle = self.execution.handle(&client);
        if !output.is_text() {
            return self.print_json(handle, output).await;
        }
        if !self.detailed {
            output.line(event::HEADER)?;
        }
        let last = if self.follow {
            explained(&self.execution.handle(&client), output, self.print_events(handle, output)).await?
        } else {
            self.print_events(handle, output).await?
        };
        match last.map(|event| Closed { event }) {
            Some(closed) => self.print_end(closed, output),
            None => Ok(()),
        }
    }

    fn events(&self, handle: &WorkflowHandle<UntypedWorkflow>) -> HistoryStream {
        if self.follow { handle.follow() } else { handle.history() }
    }

    /// Prints the history of each run as one value.
    async fn print_json(
        &self,
        mut handle: WorkflowHandle<UntypedWorkflow>,
        output: Output,
    ) -> anyhow::Result<()> {
        loop {
            let history = self.events(&handle).collect().await?;
            output.message(&history, Payloads::Raw)?;
            let last = history.events().next_back().transpose()?;
            match last.filter(|_| self.follow).and_then(|event| handle.continued_as(&event)) {
                Some(next) => handle = next,
                None => return Ok(()),
            }
        }
    }

    /// Prints the events of each run; gives the last one.
    async fn print_events(
        &self,
        mut handle: WorkflowHandle<UntypedWorkflow>,
        output: Output,
    ) -> anyhow::Result<Option<HistoryEvent>> {
        loop {
            let mut events = self.events(&handle);
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
                None => return Ok(last),
            }
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
