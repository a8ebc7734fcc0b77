//! `host workflow update start`.

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use guest_sdk_types::UntypedUpdate;
use host_client::UpdateOptions;

use super::SentArgs;
use crate::{
    output::{Output, json::Object},
    settings::connection::ConnectionArgs,
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
    update: SentArgs,
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
        let input = self.update.input.payloads()?;
        let client = connection.connect().await?;
        let options = UpdateOptions { update_id: self.update.update_id.clone().unwrap_or_default() };
        let handle = self.update.execution.handle(&client);
        let update = UntypedUpdate::new(self.update.name.as_str());
        let update = handle
            .start_update(update, input, options)
            .await
            .with_context(|| format!("failed to update with {}", self.update.name))?;
        let object = Object::new().field("name", &self.update.name).field("updateId", update.update_id());
        super::print_started(&update, &self.update.name, object, output)
    }
}
