//! `host schedule update`.

use anyhow::Context as _;
use clap::Args;

use super::{ScheduleId, options::Options};
use crate::{output::Output, settings::connection::ConnectionArgs};

/// Replaces a schedule, all of it: what is left out gets its default. Its memo and search attributes stay.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host schedule update --schedule-id report --interval 2h --type Report --task-queue reports")]
pub(crate) struct Update {
    #[command(flatten)]
    id: ScheduleId,
    #[command(flatten)]
    options: Options,
}

impl Update {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let input = self.options.input()?;
        let client = connection.connect().await?;
        let schedule = self.options.schedule(&client, input)?;
        let handle = client.schedule_handle(self.id.schedule_id);
        handle.update(schedule, None).await.context("failed to update the schedule")?;
        if output.is_text() {
            output.line("Schedule updated")?;
        }
        Ok(())
    }
}
