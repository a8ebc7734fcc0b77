//! `host workflow update describe`.

use anyhow::Context as _;
use clap::Args;
use guest_sdk_types::UntypedUpdate;
use host_client::UpdateStatus;

use crate::{
    output::{Output, card::Card, failure, json::Object, payloads_json},
    settings::{connection::ConnectionArgs, execution::ExecutionArgs},
};

/// Prints how far an update has come.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow update describe --workflow-id order-17 --update-id pack-1 --output json | jq .stage")]
pub(super) struct Describe {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// Update id.
    #[arg(long, value_name = "ID")]
    update_id: String,
}

impl Describe {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let handle = self.execution.handle(&client);
        let update = handle.update_handle::<UntypedUpdate>(self.update_id.as_str());
        let status =
            update.status().await.with_context(|| format!("failed to describe update {}", self.update_id))?;
        let object = Object::new().field("updateId", &self.update_id);
        let card = Card::new("Update").row("UpdateId", &self.update_id);
        let (object, card) = match status {
            UpdateStatus::Admitted => (object.field("stage", "Admitted"), card.row("Stage", "Admitted")),
            UpdateStatus::Accepted => (object.field("stage", "Accepted"), card.row("Stage", "Accepted")),
            UpdateStatus::Succeeded(result) => {
                let result = payloads_json(result.0)?;
                let card = card.row("Stage", "Completed").row("Result", &result);
                (object.raw("result", &result).field("stage", "Completed"), card)
            }
            UpdateStatus::Failed(failed) => {
                let card = card.row("Stage", "Completed").row("Failure", failure::chain(&failed));
                (object.raw("failure", &super::failure_json(*failed)?).field("stage", "Completed"), card)
            }
        };
        if output.is_text() { Ok(output.lines(card.text())?) } else { output.object(object) }
    }
}
