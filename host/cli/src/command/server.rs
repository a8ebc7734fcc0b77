//! `host server`.

use std::time::Duration;

use clap::Args;
use host_client::DEFAULT_NAMESPACE;
use tokio_util::sync::CancellationToken;

use crate::{
    settings::{data_dir::DataDirArgs, embedded::EmbeddedArgs},
    stop,
};

/// Serves the embedded service alone: workers of any language and other hosts run the workflows.
///
/// What it acknowledged is on disk: it can be killed at any moment, and goes on where it was.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host server
  host server --listen 127.0.0.1:7243 --data-dir /var/lib/workflow-host
  host run --task-queue orders --modules modules/ --address 127.0.0.1:7243")]
pub(crate) struct ServerCommand {
    /// Namespace that is there beside `default`.
    #[arg(short, long, value_name = "NAME", default_value = DEFAULT_NAMESPACE)]
    namespace: String,
    #[command(flatten)]
    data_dir: DataDirArgs,
    #[command(flatten)]
    embedded: EmbeddedArgs,
}

impl ServerCommand {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let embedded = self.embedded.start(&self.data_dir.path()?, &self.namespace).await?;
        let end = CancellationToken::new();
        stop::on_signal(end.clone(), Duration::ZERO)?;
        embedded.serve_until(end).await
    }
}
