//! `host workflow update`.

use anyhow::Context as _;
use clap::Args;
use guest_sdk_types::UntypedUpdate;
use host_client::{Error, UpdateOptions};
use uuid::Uuid;

use super::outcome;
use crate::{
    exit::Reported,
    output::{Output, failure, json::Object, payloads_json},
    settings::{connection::ConnectionArgs, execution::ExecutionArgs, input::InputArgs},
};

/// Sends an update to a workflow, waits for it and prints its result.
///
/// What `temporal workflow update execute` does. An update with an id that was used already is not run
/// again; its result is printed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow update --workflow-id order-17 --name change_address --input '{\"city\": \"Paris\"}'")]
pub(crate) struct Update {
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

impl Update {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let input = self.input.payloads()?;
        let client = connection.connect().await?;
        let update_id = self.update_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        let options = UpdateOptions { update_id: update_id.clone() };
        let handle = self.execution.handle(&client);
        match handle.execute_update(UntypedUpdate::new(self.name.as_str()), input, options).await {
            Ok(result) if output.is_text() => Ok(output.line(outcome::result_text(result.0)?)?),
            Ok(result) => output.object(
                Object::new()
                    .field("name", &self.name)
                    .field("updateId", update_id)
                    .raw("result", &payloads_json(result.0)?),
            ),
            Err(Error::Update(failure)) if output.is_text() => {
                output.note(format!("update failed\n{}", failure::chain(&failure)));
                Err(Reported.into())
            }
            Err(error) => Err(error).with_context(|| format!("failed to update with {}", self.name)),
        }
    }
}
