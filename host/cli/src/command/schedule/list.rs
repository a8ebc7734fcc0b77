//! `host schedule list`.

use std::num::NonZeroUsize;

use anyhow::Context as _;
use clap::Args;
use host_client::ListOptions;

use crate::{
    output::{Output, Payloads, card::Table, event::milliseconds},
    settings::connection::ConnectionArgs,
};

/// Prints a list of schedules, the newest first.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host schedule list
  host schedule list --query 'TemporalSchedulePaused = true'
  host schedule list --output jsonl | jq -r .scheduleId")]
pub(crate) struct List {
    /// Which schedules, as a list filter.
    #[arg(short, long, value_name = "FILTER", default_value = "", hide_default_value = true)]
    query: String,
    /// Print at most this many.
    #[arg(long, value_name = "COUNT")]
    limit: Option<NonZeroUsize>,
}

impl List {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let limit = self.limit.map_or(usize::MAX, NonZeroUsize::get);
        let options = ListOptions { query: self.query, limit, ..ListOptions::default() };
        let schedules = client.list_schedules(options).await.context("failed to list schedules")?;
        if !output.is_text() {
            return output.list(&schedules, Payloads::Raw);
        }
        let mut table = Table::new(["ScheduleId", "Paused", "Type", "NextRunTime", "LastRunTime"]);
        for schedule in schedules {
            let info = schedule.info.unwrap_or_default();
            let last = info.recent_actions.last().and_then(|action| action.actual_time);
            table.push([
                schedule.schedule_id,
                info.paused.to_string(),
                info.workflow_type.unwrap_or_default().name,
                info.future_action_times.first().map(milliseconds).unwrap_or_default(),
                last.as_ref().map(milliseconds).unwrap_or_default(),
            ]);
        }
        Ok(output.lines(table.text())?)
    }
}
