//! `host schedule trigger`.

use anyhow::Context as _;
use clap::Args;

use super::{ScheduleId, policy::OverlapArgs};
use crate::{output::Output, settings::connection::ConnectionArgs};

/// Takes the action of a schedule now, even if it is paused.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host schedule trigger --schedule-id report
  host schedule trigger --schedule-id report --overlap-policy AllowAll")]
pub(crate) struct Trigger {
    #[command(flatten)]
    id: ScheduleId,
    #[command(flatten)]
    overlap: OverlapArgs,
}

impl Trigger {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let handle = client.schedule_handle(self.id.schedule_id);
        handle.trigger(self.overlap.policy()).await.context("failed to trigger the schedule")?;
        if output.is_text() {
            output.line("Trigger request sent")?;
        }
        Ok(())
    }
}
