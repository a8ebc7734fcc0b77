//! `host workflow start`.

use anyhow::Context as _;
use clap::Args;
use guest_sdk_types::{RawValue, UntypedWorkflow};
use host_client::{Client, Started};

use crate::{
    output::{Output, card::Card, json::Object},
    settings::{connection::ConnectionArgs, start::StartArgs},
};

/// Starts a workflow and prints its ids, without waiting for it.
///
/// If an open execution has the workflow id already, that one is printed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow start --type Greeting --task-queue greetings --input '{\"name\": \"Ada\"}'
  host workflow start --type Order --task-queue orders --workflow-id order-17 --input-file order.json \\
      --execution-timeout 1h --memo 'customer=\"Ada\"' --fail-existing")]
pub(crate) struct Start {
    #[command(flatten)]
    start: StartArgs,
}

impl Start {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        // What is wrong with the arguments comes before what is wrong with the service.
        let input = self.start.input.payloads()?;
        let client = connection.connect().await?;
        let started = start(&client, &self.start, input, output).await?;
        if output.is_text() {
            return Ok(output.lines(running(&client, &self.start, &started).text())?);
        }
        output.object(ids(&client, &self.start, &started))
    }
}

/// Starts the workflow that the arguments describe.
pub(super) async fn start(
    client: &Client,
    arguments: &StartArgs,
    input: RawValue,
    output: Output,
) -> anyhow::Result<Started<UntypedWorkflow>> {
    let workflow = UntypedWorkflow::new(arguments.workflow_type.as_str());
    let started = client
        .start_or_attach(&workflow, input, arguments.options())
        .await
        .with_context(|| format!("failed to start workflow {}", arguments.workflow_type))?;
    if !started.is_new {
        output.note("This workflow id is in use already; nothing was started.");
    }
    Ok(started)
}

/// The ids of an execution, for people.
pub(super) fn running(client: &Client, arguments: &StartArgs, started: &Started<UntypedWorkflow>) -> Card {
    Card::new("Running execution")
        .row("WorkflowId", started.handle.workflow_id())
        .row("RunId", started.handle.run_id().unwrap_or_default())
        .row("Type", &arguments.workflow_type)
        .row("Namespace", client.namespace())
        .row("TaskQueue", &arguments.task_queue)
}

/// The ids of an execution, for tools.
pub(super) fn ids(client: &Client, arguments: &StartArgs, started: &Started<UntypedWorkflow>) -> Object {
    Object::new()
        .field("workflowId", started.handle.workflow_id())
        .field("runId", started.handle.run_id())
        .field("type", &arguments.workflow_type)
        .field("namespace", client.namespace())
        .field("taskQueue", &arguments.task_queue)
}
