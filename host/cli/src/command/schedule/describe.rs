//! `host schedule describe`.

use anyhow::Context as _;
use clap::Args;
use host_wire::temporal::api::{
    schedule::v1::schedule_action::Action, workflowservice::v1::DescribeScheduleResponse,
};
use prost_types::Timestamp;

use super::{ScheduleId, policy};
use crate::{
    output::{Output, Payloads, card::Card, event::milliseconds, one_line},
    settings::connection::ConnectionArgs,
};

/// Prints a schedule: when it acts, what it did, what runs.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host schedule describe --schedule-id report
  host schedule describe --schedule-id report --output json | jq .info.futureActionTimes")]
pub(crate) struct Describe {
    #[command(flatten)]
    id: ScheduleId,
}

impl Describe {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let handle = client.schedule_handle(self.id.schedule_id);
        let description = handle.describe().await.context("failed to describe the schedule")?;
        if !output.is_text() {
            return output.message(&description, Payloads::Raw);
        }
        Ok(output.lines(card(handle.schedule_id(), description)?.text())?)
    }
}

fn card(id: &str, description: DescribeScheduleResponse) -> anyhow::Result<Card> {
    let schedule = description.schedule.unwrap_or_default();
    let info = description.info.unwrap_or_default();
    let (state, policies) = (schedule.state.unwrap_or_default(), schedule.policies.unwrap_or_default());
    let workflow = match schedule.action.unwrap_or_default().action {
        Some(Action::StartWorkflow(workflow)) => workflow,
        None => Default::default(),
    };
    let running: Vec<String> = info.running_workflows.into_iter().map(|it| it.workflow_id).collect();
    let last: Vec<String> = info
        .recent_actions
        .iter()
        .filter_map(|action| action.actual_time.as_ref().map(milliseconds))
        .collect();
    let remaining = state.limited_actions.then(|| state.remaining_actions.to_string());
    let time = |time: Option<&Timestamp>| time.map(milliseconds).unwrap_or_default();
    Ok(Card::new("Schedule")
        .row("ScheduleId", id)
        .row("Spec", one_line(&schedule.spec.unwrap_or_default())?)
        .row("WorkflowId", &workflow.workflow_id)
        .row("Type", workflow.workflow_type.unwrap_or_default().name)
        .row("TaskQueue", workflow.task_queue.unwrap_or_default().name)
        .row("OverlapPolicy", policy::name(policies.overlap_policy()))
        .row("PauseOnFailure", policies.pause_on_failure)
        .row("Paused", state.paused)
        .row_unless_empty("Notes", state.notes)
        .row_unless_empty("RemainingActions", remaining.unwrap_or_default())
        .row("ActionCount", info.action_count)
        .row("MissedCatchupWindow", info.missed_catchup_window)
        .row("OverlapSkipped", info.overlap_skipped)
        .row("BufferSize", info.buffer_size)
        .row_unless_empty("RunningWorkflows", running.join(" "))
        .row_unless_empty("LastActions", last.join(" "))
        .row_unless_empty(
            "NextActions",
            info.future_action_times.iter().map(milliseconds).collect::<Vec<_>>().join(" "),
        )
        .row("CreatedAt", time(info.create_time.as_ref()))
        .row_unless_empty("UpdatedAt", time(info.update_time.as_ref())))
}
