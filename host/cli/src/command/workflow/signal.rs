//! `host workflow signal`.

use anyhow::Context as _;
use clap::Args;
use guest_sdk_types::UntypedSignal;
use host_wire::{
    payloads_to_proto,
    temporal::api::{
        batch::v1::BatchOperationSignal, workflowservice::v1::start_batch_operation_request::Operation,
    },
};

use crate::{
    command::batch::start::start,
    output::Output,
    settings::{
        connection::ConnectionArgs,
        input::InputArgs,
        selection::{Selection, SelectionArgs},
    },
};

/// Sends a signal to a workflow, or to all that a filter selects.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow signal --workflow-id order-17 --name approve --input '{\"by\": \"Ada\"}'
  host workflow signal --query 'WorkflowType = \"Order\"' --name approve --yes")]
pub(crate) struct Signal {
    #[command(flatten)]
    selection: SelectionArgs,
    /// Why the batch operation is done.
    #[arg(long, value_name = "TEXT", conflicts_with = "workflow_id")]
    reason: Option<String>,
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
        let execution = match self.selection.into() {
            Selection::One(execution) => execution,
            Selection::Many(many) => {
                let operation = Operation::SignalOperation(BatchOperationSignal {
                    signal: self.name,
                    input: payloads_to_proto(input.0),
                    identity: client.identity().to_owned(),
                    ..BatchOperationSignal::default()
                });
                return start(&client, many, self.reason, operation, output).await;
            }
        };
        let handle = execution.handle(&client);
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
