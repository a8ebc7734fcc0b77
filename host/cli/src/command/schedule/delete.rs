//! `host schedule delete`.

use anyhow::Context as _;
use clap::Args;

use super::ScheduleId;
use crate::{output::Output, settings::connection::ConnectionArgs};

/// Deletes a schedule. Workflows that it started go on.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host schedule delete --schedule-id report")]
pub(crate) struct Delete {
    #[command(flatten)]
    id: ScheduleId,
}

impl Delete {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let handle = client.schedule_handle(self.id.schedule_id);
        handle.delete().await.context("failed to delete the schedule")?;
        if output.is_text() {
            output.line("Schedule deleted")?;
        }
        Ok(())
    }
}
