//! `host schedule create`.

use anyhow::Context as _;
use clap::Args;
use host_client::ScheduleOptions;

use super::{
    ScheduleId,
    options::{KeptArgs, Options},
};
use crate::{output::Output, settings::connection::ConnectionArgs};

/// Creates a schedule.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host schedule create --schedule-id report --interval 1h --type Report --task-queue reports
  host schedule create --schedule-id fridays --cron '30 12 * * Fri' --time-zone Europe/Berlin \\
      --type Greeting --task-queue greetings --input '{\"name\": \"Ada\"}' --overlap-policy BufferOne
  host schedule create --schedule-id nightly --calendar '{\"hour\":\"3\",\"minute\":\"30\"}' \\
      --workflow-id nightly --type Clean --task-queue jobs --pause-on-failure")]
pub(crate) struct Create {
    #[command(flatten)]
    id: ScheduleId,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    kept: KeptArgs,
}

impl Create {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        // What is wrong with the arguments comes before what is wrong with the service.
        let input = self.options.input()?;
        let client = connection.connect().await?;
        let schedule = self.options.schedule(&client, input)?;
        let options = ScheduleOptions {
            memo: self.kept.memo(),
            search_attributes: self.kept.search_attributes(),
            initial_patch: None,
        };
        client
            .create_schedule(self.id.schedule_id, schedule, options)
            .await
            .context("failed to create the schedule")?;
        if output.is_text() {
            output.line("Schedule created")?;
        }
        Ok(())
    }
}
