//! `host schedule backfill`.

use std::time::SystemTime;

use anyhow::Context as _;
use clap::Args;

use super::{ScheduleId, policy::OverlapArgs, times};
use crate::{exit::Usage, output::Output, settings::connection::ConnectionArgs};

/// Takes the actions of a schedule whose times are in a range, as if they were due now.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host schedule backfill --schedule-id report --start-time 2030-05-01T00:00:00Z \\
      --end-time 2030-05-31T23:59:59Z --overlap-policy BufferAll")]
pub(crate) struct Backfill {
    #[command(flatten)]
    id: ScheduleId,
    /// From this time on.
    #[arg(long, value_name = "TIME", value_parser = times::parse)]
    start_time: SystemTime,
    /// Up to this time, and with it.
    #[arg(long, value_name = "TIME", value_parser = times::parse)]
    end_time: SystemTime,
    #[command(flatten)]
    overlap: OverlapArgs,
}

impl Backfill {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        if self.end_time < self.start_time {
            return Err(Usage("--end-time is before --start-time".to_owned()).into());
        }
        let client = connection.connect().await?;
        let handle = client.schedule_handle(self.id.schedule_id);
        handle
            .backfill(self.start_time, self.end_time, self.overlap.policy())
            .await
            .context("failed to backfill the schedule")?;
        if output.is_text() {
            output.line("Backfill request sent")?;
        }
        Ok(())
    }
}
