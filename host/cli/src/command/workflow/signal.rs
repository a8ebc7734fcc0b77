//! `host workflow signal`.

use anyhow::Context as _;
use clap::Args;
use guest_sdk_types::UntypedSignal;

use crate::{
    output::Output,
    settings::{connection::ConnectionArgs, execution::ExecutionArgs, input::InputArgs},
};

/// Sends a signal to a workflow.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow signal --workflow-id order-17 --name approve --input '{\"by\": \"Ada\"}'")]
pub(crate) struct Signal {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// Name of the signal.
    #[arg(long, alias = "type", value_name = "NAME")]
    name: String,
    #[command(flatten)]
    input: InputArgs,
}

impl Signal {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let input = self.input.payloads()?;
        let client = connection.connect().await?;
        let handle = self.execution.handle(&client);
        handle
            .signal(UntypedSignal::new(self.name.as_str()), input)
            .await
            .with_context(|| format!("failed to send signal {}", self.name))?;
        if output.is_text() {
            output.line("Signal workflow succeeded")?;
        }
        Ok(())
    }
}
