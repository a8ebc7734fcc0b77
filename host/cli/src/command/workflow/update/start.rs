//! `host workflow update start`.

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use guest_sdk_types::UntypedUpdate;
use host_client::UpdateOptions;

use crate::{
    output::{Output, json::Object},
    settings::{connection::ConnectionArgs, execution::ExecutionArgs, input::InputArgs},
};

/// Sends an update to a workflow and waits until it is accepted or rejected.
///
/// What `temporal workflow update start` does. `host workflow update result` waits for the result.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow update start --workflow-id order-17 --name pack --wait-for-stage accepted --update-id pack-1
  host workflow update result --workflow-id order-17 --update-id pack-1")]
pub(super) struct Start {
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
    /// The stage to wait for.
    #[arg(long, value_name = "STAGE", default_value = "accepted")]
    wait_for_stage: Stage,
}

/// Stages for which a start waits.
#[derive(ValueEnum, Clone, Copy, Debug)]
enum Stage {
    Accepted,
}

impl Start {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let Stage::Accepted = self.wait_for_stage;
        let input = self.input.payloads()?;
        let client = connection.connect().await?;
        let options = UpdateOptions { update_id: self.update_id.clone().unwrap_or_default() };
        let handle = self.execution.handle(&client);
        let update = UntypedUpdate::new(self.name.as_str());
        let update = handle
            .start_update(update, input, options)
            .await
            .with_context(|| format!("failed to update with {}", self.name))?;
        if let Some(Err(error)) = update.result_so_far() {
            let object = Object::new().field("name", &self.name).field("updateId", update.update_id());
            return super::print(Err(error), object, output);
        }
        if output.is_text() {
            return Ok(output.lines(super::card(&self.name, update.update_id()).text())?);
        }
        output.object(Object::new().field("name", &self.name).field("updateId", update.update_id()))
    }
}
