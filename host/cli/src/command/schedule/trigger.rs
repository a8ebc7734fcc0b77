//! `host schedule trigger`.

use anyhow::Context as _;
use clap::Args;

use super::{ScheduleId, policy::Overlap};
use crate::{output::Output, settings::connection::ConnectionArgs};

/// Takes the action of a schedule now, even if it is paused.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host schedule trigger --schedule-id report
  host schedule trigger --schedule-id report --overlap-policy AllowAll")]
pub(crate) struct Trigger {
    #[command(flatten)]
    id: ScheduleId,
    /// What happens while a workflow of the schedule runs.
    #[arg(
        long,
        value_name = "POLICY",
        ignore_case = true,
        default_value = "Skip",
        hide_default_value = true
    )]
    overlap_policy: Overlap,
}

impl Trigger {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let handle = client.schedule_handle(self.id.schedule_id);
        handle.trigger(self.overlap_policy.into()).await.context("failed to trigger the schedule")?;
        if output.is_text() {
            output.line("Trigger request sent")?;
        }
        Ok(())
    }
}
