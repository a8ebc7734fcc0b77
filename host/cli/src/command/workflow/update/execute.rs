//! `host workflow update execute`.

use anyhow::Context as _;
use clap::Args;
use guest_sdk_types::UntypedUpdate;
use host_client::UpdateOptions;
use uuid::Uuid;

use super::SentArgs;
use crate::{
    output::{Output, json::Object},
    settings::connection::ConnectionArgs,
};

/// Sends an update to a workflow, waits for it and prints its result.
///
/// What `temporal workflow update execute` does. An update with an id that was used already is not run again; its result
/// is printed. The exit code is 1 when the workflow rejects or fails the update.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow update execute --workflow-id order-17 --name change_address --input '{\"city\": \"Paris\"}'
  host workflow update execute --workflow-id order-17 --name add --input '\"tea\"' --output json | jq .result")]
pub(super) struct Execute {
    #[command(flatten)]
    update: SentArgs,
}

impl Execute {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let input = self.update.input.payloads()?;
        let client = connection.connect().await?;
        let update_id = self.update.update_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        let options = UpdateOptions { update_id: update_id.clone() };
        let handle = self.update.execution.handle(&client);
        let result =
            handle.execute_update(UntypedUpdate::new(self.update.name.as_str()), input, options).await;
        let object = Object::new().field("name", &self.update.name).field("updateId", update_id);
        super::print(result, object, output)
            .with_context(|| format!("failed to update with {}", self.update.name))
    }
}
