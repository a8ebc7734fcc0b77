//! `host server`, and what looks after its data folder.

mod check;
mod repair;

use std::time::Duration;

use clap::{Args, Subcommand};
use host_client::{Client, DEFAULT_NAMESPACE};
use host_page::PageOptions;
use host_sandbox::Config;
use host_server::Problem;
use tokio_util::sync::CancellationToken;

use crate::{
    output::{Output, json::Object},
    settings::{data_dir::DataDirArgs, embedded::EmbeddedArgs, page::PageArgs},
    stop,
    telemetry::MetricsArgs,
};

/// The identity by which histories name what the page did.
const IDENTITY: &str = "host server";

/// Serves the embedded service alone: workers of any language and other hosts run the workflows.
///
/// What it acknowledged is on disk: it can be killed at any moment, and goes on where it was.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host server
  host server --listen 127.0.0.1:7234 --data-dir /var/lib/workflow-host
  host run --task-queue orders --modules modules/ --address 127.0.0.1:7234
  host server --listen 127.0.0.1:7233 --http-listen 127.0.0.1:7243
  host server check --data-dir /var/lib/workflow-host")]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ServerCommand {
    #[command(subcommand)]
    command: Option<FolderCommand>,
    /// Namespace that is there beside `default`.
    #[arg(short, long, value_name = "NAME", default_value = DEFAULT_NAMESPACE)]
    namespace: String,
    #[command(flatten)]
    data_dir: DataDirArgs,
    #[command(flatten)]
    embedded: EmbeddedArgs,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    metrics: MetricsArgs,
}

/// What is done with the data folder while no process uses it.
#[derive(Subcommand, Debug)]
enum FolderCommand {
    Check(check::Check),
    Repair(repair::Repair),
}

impl ServerCommand {
    pub(super) async fn run(self, output: Output) -> anyhow::Result<()> {
        match self.command {
            Some(FolderCommand::Check(command)) => return command.run(output),
            Some(FolderCommand::Repair(command)) => return command.run(output),
            None => {}
        }
        self.page.check()?;
        let health = self.metrics.start().await?;
        let folder = self.data_dir.path()?;
        let embedded = self.embedded.start(&folder, &self.namespace).await?;
        let end = CancellationToken::new();
        stop::on_signal(end.clone(), Duration::ZERO)?;
        let client = Client::new(embedded.server.service(), self.namespace.as_str(), IDENTITY);
        let sandbox = Config { cache: Some(self.data_dir.compiled()?), ..Config::default() };
        // It has no signers, as it runs no modules.
        self.page.start(PageOptions { client, data_folder: folder, sandbox, signers: None }).await?;
        health.ready();
        embedded.serve_until(end).await
    }
}

/// Prints what is wrong in a data folder, one problem a line.
fn print(problems: &[Problem], output: Output) -> anyhow::Result<()> {
    for Problem { file, run, what } in problems {
        let file = file.display().to_string();
        if output.is_text() {
            let run =
                run.as_ref().map(|(workflow_id, run_id)| format!("workflow {workflow_id}, run {run_id}: "));
            output.line(format!("{file}: {}{what}", run.unwrap_or_default()))?;
            continue;
        }
        let object = Object::new().field("file", file);
        let object = match run {
            Some((workflow_id, run_id)) => object.field("workflowId", workflow_id).field("runId", run_id),
            None => object,
        };
        output.object(object.field("problem", what))?;
    }
    Ok(())
}
