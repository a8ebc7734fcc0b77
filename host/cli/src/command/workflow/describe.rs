//! `host workflow describe`.

use clap::Args;
use guest_sdk_types::{Encoding, Failure, NamedPayloads, UntypedWorkflow};
use heck::ToUpperCamelCase as _;
use host_client::{Closed, Error};
use host_wire::{
    payloads_from_proto, positive_duration_from_proto,
    temporal::api::{
        enums::v1::{PendingActivityState, WorkflowExecutionStatus},
        workflow::v1::{PendingActivityInfo, PendingChildExecutionInfo, WorkflowExecutionInfo},
        workflowservice::v1::DescribeWorkflowExecutionResponse,
    },
};
use prost_types::Timestamp;
use serde_json::Value;

use super::{
    outcome,
    pending::{activity_type, attempt},
    versioning::Versioning,
    waiting,
};
use crate::{
    output::{
        Output, Payloads, card::Card, event::milliseconds, failure, json::Object, one_line, payloads_json,
        span::span,
    },
    settings::{connection::ConnectionArgs, execution::ExecutionArgs},
};

/// Prints the state of a workflow: when it started, who executes it, what it waits for.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow describe --workflow-id order-17
  host workflow describe --workflow-id order-17 --output json | jq .pendingActivities")]
pub(crate) struct Describe {
    #[command(flatten)]
    execution: ExecutionArgs,
}

impl Describe {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let handle = self.execution.handle(&client);
        let description = handle.describe().await?;
        let info = description.workflow_execution_info.clone().unwrap_or_default();
        let closed = if info.status() == WorkflowExecutionStatus::Running {
            None
        } else {
            let run_id = info.execution.clone().unwrap_or_default().run_id;
            let handle = client.workflow_handle::<UntypedWorkflow>(handle.workflow_id(), Some(run_id));
            handle.closed_now().await?
        };
        match closed {
            _ if output.is_text() => {
                let failure = waiting::task_failure(&client, &description).await?;
                output.lines(info_card(client.namespace(), info).text())?;
                print_pending(&description, failure, output)?;
                print_end(closed, output)
            }
            None => output.message(&description, Payloads::AsJson),
            Some(closed) => print_closed_json(&description, closed, output),
        }
    }
}

/// The description with two fields more. As in the `temporal` CLI, all fields are sorted by name.
fn print_closed_json(
    description: &DescribeWorkflowExecutionResponse,
    closed: Closed,
    output: Output,
) -> anyhow::Result<()> {
    let description: Value = serde_json::from_str(&one_line(description)?)?;
    let mut fields: Vec<(String, String)> = match description {
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, value.to_string())).collect(),
        _ => Vec::new(),
    };
    fields.push(("closeEvent".to_owned(), one_line(&closed.event)?));
    if let Ok(result) = closed.result() {
        fields.push(("result".to_owned(), payloads_json(result)?));
    }
    fields.sort();
    output.object(fields.iter().fold(Object::new(), |object, (name, value)| object.raw(name, value)))
}

/// What an open run waits for, and how its last workflow task failed.
fn print_pending(
    description: &DescribeWorkflowExecutionResponse,
    failure: Option<String>,
    output: Output,
) -> anyhow::Result<()> {
    let info = description.workflow_execution_info.as_ref();
    if info.is_none_or(|info| info.status() != WorkflowExecutionStatus::Running) {
        return Ok(());
    }
    output.lines(format!("\nPending activities: {}", description.pending_activities.len()))?;
    for activity in &description.pending_activities {
        output.lines(format!("\n{}", activity_card(activity).text()))?;
    }
    output.line(format!("Pending child workflows: {}", description.pending_children.len()))?;
    for child in &description.pending_children {
        output.lines(format!("\n{}", child_card(child).text()))?;
    }
    if let Some(task) = description.pending_workflow_task.as_ref().filter(|task| task.attempt > 1) {
        output.lines(format!("\nThe workflow task fails; this is attempt {}.", task.attempt))?;
        if let Some(failure) = failure {
            output.lines(failure)?;
        }
    }
    Ok(())
}

fn print_end(closed: Option<Closed>, output: Output) -> anyhow::Result<()> {
    match closed.map(Closed::result) {
        Some(Ok(result)) => output.lines(format!("\nResult:\n{}", outcome::result_text(result)?))?,
        Some(Err(Error::Workflow(failed))) => output.lines(format!("\n{}", failure::workflow(&failed)))?,
        // Continued as another run, which the status says.
        Some(Err(_)) | None => {}
    }
    Ok(())
}

fn info_card(namespace: &str, info: WorkflowExecutionInfo) -> Card {
    let status = status_name(info.status());
    // Of a run that is delayed, or waits for its cron schedule or its next attempt.
    let is_later =
        info.history_length <= 1 && info.execution_time.map(since_1970) > info.start_time.map(since_1970);
    let begins = if is_later { time(info.execution_time) } else { String::new() };
    let execution = info.execution.unwrap_or_default();
    let parent = info.parent_execution.unwrap_or_default();
    let root = info.root_execution.unwrap_or_default();
    let build_id = info.most_recent_worker_version_stamp.unwrap_or_default().build_id;
    let versioning = Versioning::of(info.versioning_info.unwrap_or_default());
    Card::new("Execution")
        .row("WorkflowId", execution.workflow_id)
        .row("RunId", execution.run_id)
        .row("Type", info.r#type.unwrap_or_default().name)
        .row("Status", status)
        .row("Namespace", namespace)
        .row("TaskQueue", info.task_queue)
        .row_unless_empty("BuildId", build_id)
        .row_unless_empty("Version", versioning.version)
        .row_unless_empty("VersioningBehavior", versioning.behavior)
        .row_unless_empty("VersioningOverride", versioning.given)
        .row_unless_empty("VersionTransition", versioning.transition)
        .row("StartTime", time(info.start_time))
        .row_unless_empty("BeginsAt", begins)
        .row_unless_empty("CloseTime", time(info.close_time))
        .row_unless_empty("Memo", named(info.memo.unwrap_or_default().into()))
        .row_unless_empty("SearchAttributes", named(info.search_attributes.unwrap_or_default().into()))
        .row("HistoryLength", info.history_length)
        .row("HistorySize", format!("{} bytes", info.history_size_bytes))
        .row_unless_empty("ParentWorkflowId", parent.workflow_id)
        .row_unless_empty("ParentRunId", parent.run_id)
        .row_unless_empty("RootWorkflowId", root.workflow_id)
        .row_unless_empty("RootRunId", root.run_id)
}

fn activity_card(activity: &PendingActivityInfo) -> Card {
    let state = PendingActivityState::try_from(activity.state).unwrap_or_default();
    let last_failure = activity.last_failure.clone().map(Failure::from);
    let last_failure = last_failure.map(|failure| format!("\n{}", failure::chain(&failure)));
    let heartbeat = match payloads_from_proto(activity.heartbeat_details.clone()) {
        details if details.is_empty() => String::new(),
        details => payloads_json(details).unwrap_or_else(|error| error.to_string()),
    };
    let options = activity.activity_options.clone().unwrap_or_default();
    Card::new(format!("Activity {}", activity_type(activity)))
        .row("ActivityId", &activity.activity_id)
        .row_unless_empty("TaskQueue", options.task_queue.unwrap_or_default().name)
        .row_unless_empty("ScheduleToCloseTimeout", timeout(options.schedule_to_close_timeout))
        .row_unless_empty("ScheduleToStartTimeout", timeout(options.schedule_to_start_timeout))
        .row_unless_empty("StartToCloseTimeout", timeout(options.start_to_close_timeout))
        .row_unless_empty("HeartbeatTimeout", timeout(options.heartbeat_timeout))
        .row("State", state.as_str_name().trim_start_matches("PENDING_ACTIVITY_STATE_").to_upper_camel_case())
        .row("Attempt", attempt(activity))
        .row_unless_empty("ScheduledTime", time(activity.scheduled_time))
        .row_unless_empty("LastStartedTime", time(activity.last_started_time))
        .row_unless_empty("LastHeartbeatTime", time(activity.last_heartbeat_time))
        .row_unless_empty("LastHeartbeatDetails", heartbeat)
        .row_unless_empty("NextAttemptTime", time(activity.next_attempt_schedule_time))
        .row_unless_empty("LastWorkerIdentity", &activity.last_worker_identity)
        .row_unless_empty("LastFailure", last_failure.unwrap_or_default())
}

fn child_card(child: &PendingChildExecutionInfo) -> Card {
    Card::new(format!("Child workflow {}", child.workflow_type_name))
        .row("WorkflowId", &child.workflow_id)
        .row_unless_empty("RunId", &child.run_id)
}

/// A status as people write it, such as `ContinuedAsNew`.
pub(super) fn status_name(status: WorkflowExecutionStatus) -> String {
    status.as_str_name().trim_start_matches("WORKFLOW_EXECUTION_STATUS_").to_upper_camel_case()
}

fn named(payloads: NamedPayloads) -> String {
    let pairs: Vec<String> = payloads
        .into_iter()
        .map(|(name, payload)| {
            // Without the metadata of search attributes, which is their type.
            let value = match payload.encoding {
                Encoding::JsonPlain => String::from_utf8_lossy(&payload.data).into_owned(),
                _ => payloads_json(vec![payload]).unwrap_or_else(|error| error.to_string()),
            };
            format!("{name}={value}")
        })
        .collect();
    pairs.join(" ")
}

fn since_1970(time: Timestamp) -> (i64, i32) {
    (time.seconds, time.nanos)
}

/// A timeout; nothing where there is none.
fn timeout(timeout: Option<prost_types::Duration>) -> String {
    positive_duration_from_proto(timeout).map(span).unwrap_or_default()
}

fn time(time: Option<Timestamp>) -> String {
    time.as_ref().map(milliseconds).unwrap_or_default()
}
