//! `host schedule toggle`.

use anyhow::Context as _;
use clap::{ArgGroup, Args};

use super::ScheduleId;
use crate::{output::Output, settings::connection::ConnectionArgs};

/// Pauses or unpauses a schedule.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("state").required(true), after_help = "Examples:
  host schedule toggle --schedule-id report --pause --reason 'the printer burns'
  host schedule toggle --schedule-id report --unpause")]
pub(crate) struct Toggle {
    #[command(flatten)]
    id: ScheduleId,
    /// Stop its actions. Times that pass meanwhile are not made up for.
    #[arg(long, group = "state")]
    pause: bool,
    /// Let it act again.
    #[arg(long, group = "state")]
    unpause: bool,
    /// Why; kept as the notes of the schedule.
    #[arg(long, value_name = "TEXT", default_value = "(no reason provided)")]
    reason: String,
}

impl Toggle {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let handle = client.schedule_handle(self.id.schedule_id);
        let toggled =
            if self.pause { handle.pause(self.reason).await } else { handle.unpause(self.reason).await };
        toggled.context("failed to change the schedule")?;
        if output.is_text() {
            output.line(if self.pause { "Schedule paused" } else { "Schedule unpaused" })?;
        }
        Ok(())
    }
}
