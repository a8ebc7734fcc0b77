//! `host workflow start-update-with-start` and `host workflow execute-update-with-start`.

use anyhow::Context as _;
use clap::Args;
use guest_sdk_types::{UntypedUpdate, UntypedWorkflow};
use host_client::{Client, UpdateHandle, UpdateOptions, WorkflowHandle};

use super::update;
use crate::{
    output::{Output, json::Object},
    settings::{connection::ConnectionArgs, input::json_arguments, start::StartArgs},
};

/// A start of a workflow, and an update for it.
#[derive(Args, Debug)]
struct Arguments {
    #[command(flatten)]
    start: StartArgs,
    /// Name of the update.
    #[arg(long, alias = "update-type", value_name = "NAME")]
    update_name: String,
    /// One argument of the update, as JSON. Give it again for each further argument.
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    update_input: Vec<String>,
    /// Update id; a new UUID if left out.
    #[arg(long, value_name = "ID")]
    update_id: Option<String>,
}

/// Starts a workflow unless its id is in use, sends it an update and waits until that is accepted or rejected.
///
/// Both in one call: either the workflow is there and has the update, or neither. Without `--id-conflict-policy` and
/// `--fail-existing`, an open execution with the workflow id gets the update.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow start-update-with-start --type Basket --task-queue shop --workflow-id basket-7 \\
      --update-name add --update-input '\"tea\"'")]
pub(super) struct StartUpdate {
    #[command(flatten)]
    arguments: Arguments,
}

/// Starts a workflow unless its id is in use, sends it an update, waits for that and prints its result.
///
/// Both in one call: either the workflow is there and has the update, or neither. Without `--id-conflict-policy` and
/// `--fail-existing`, an open execution with the workflow id gets the update. The exit code is 1 when the workflow rejects
/// or fails the update.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow execute-update-with-start --type Basket --task-queue shop --workflow-id basket-7 \\
      --update-name add --update-input '\"tea\"' --output json | jq .result")]
pub(super) struct ExecuteUpdate {
    #[command(flatten)]
    arguments: Arguments,
}

impl Arguments {
    async fn send(
        &self,
        connection: &ConnectionArgs,
    ) -> anyhow::Result<(Client, WorkflowHandle<UntypedWorkflow>, UpdateHandle<UntypedUpdate>)> {
        let input = self.start.input.payloads()?;
        let update_input = json_arguments("--update-input", &self.update_input)?;
        let client = connection.connect().await?;
        let workflow = UntypedWorkflow::new(self.start.workflow_type.as_str());
        let update = UntypedUpdate::new(self.update_name.as_str());
        let options = UpdateOptions { update_id: self.update_id.clone().unwrap_or_default() };
        let sent = client
            .start_update_with_start((workflow, input), self.start.options(), (update, update_input), options)
            .await;
        let (handle, update) = sent.with_context(|| {
            format!("failed to start workflow {} with update {}", self.start.workflow_type, self.update_name)
        })?;
        Ok((client, handle, update))
    }

    /// The ids of both, for tools.
    fn ids(
        &self,
        client: &Client,
        handle: &WorkflowHandle<UntypedWorkflow>,
        update: &UpdateHandle<UntypedUpdate>,
    ) -> Object {
        Object::new()
            .field("workflowId", handle.workflow_id())
            .field("runId", handle.run_id())
            .field("type", &self.start.workflow_type)
            .field("namespace", client.namespace())
            .field("updateName", &self.update_name)
            .field("updateId", update.update_id())
    }
}

impl StartUpdate {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let (client, handle, update) = self.arguments.send(connection).await?;
        let ids = self.arguments.ids(&client, &handle, &update);
        update::print_started(&update, &self.arguments.update_name, ids, output)
    }
}

impl ExecuteUpdate {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let (client, handle, update) = self.arguments.send(connection).await?;
        let ids = self.arguments.ids(&client, &handle, &update);
        update::print(update.result().await, ids, output)
    }
}
