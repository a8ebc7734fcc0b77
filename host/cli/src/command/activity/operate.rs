//! `host activity pause`, `unpause` and `reset`.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use host_client::{Client, RpcError};
use host_wire::{
    duration_to_proto,
    temporal::api::{
        batch::v1::{
            BatchOperationResetActivities, BatchOperationUnpauseActivities, batch_operation_reset_activities,
            batch_operation_unpause_activities,
        },
        common::v1::WorkflowExecution,
        workflowservice::v1::{
            PauseActivityRequest, ResetActivityRequest, UnpauseActivityRequest, pause_activity_request,
            reset_activity_request, start_batch_operation_request::Operation, unpause_activity_request,
        },
    },
};
use tonic::Request;
use uuid::Uuid;

use crate::{
    command::batch::start::start,
    exit::Usage,
    output::Output,
    settings::{
        connection::ConnectionArgs,
        duration,
        execution::ExecutionArgs,
        selection::{Selection, SelectionArgs},
    },
};

/// One activity by its id, or all of a type.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct ActivitySelection {
    /// Activity id.
    #[arg(short, long, value_name = "ID")]
    pub(super) activity_id: Option<String>,
    /// All open activities of this type.
    #[arg(long, value_name = "NAME")]
    pub(super) activity_type: Option<String>,
}

/// One activity by its id, all of a type, or all.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct AnySelection {
    /// Activity id.
    #[arg(short, long, value_name = "ID")]
    pub(super) activity_id: Option<String>,
    /// All open activities of this type.
    #[arg(long, value_name = "NAME")]
    pub(super) activity_type: Option<String>,
    /// All open activities of the workflow.
    #[arg(long)]
    pub(super) match_all: bool,
}

/// Gives activities no further attempts until they are unpaused. An attempt that a worker has goes on; the worker hears
/// of the pause with its next heartbeat.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host activity pause --workflow-id order-17 --activity-id 3 --reason 'the bank is down'")]
pub(super) struct Pause {
    #[command(flatten)]
    execution: ExecutionArgs,
    #[command(flatten)]
    selection: ActivitySelection,
    /// Why; shown by `host workflow describe`.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
}

/// Lets paused activities go on, of one workflow or of all that a filter selects.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host activity unpause --workflow-id order-17 --activity-type charge --jitter 10s
  host activity unpause --query 'WorkflowType = \"Order\"' --activity-type charge --yes")]
pub(super) struct Unpause {
    #[command(flatten)]
    workflows: SelectionArgs,
    /// Why the batch operation is done.
    #[arg(long, value_name = "TEXT", conflicts_with = "workflow_id")]
    reason: Option<String>,
    #[command(flatten)]
    selection: AnySelection,
    /// Count attempts from 1 again.
    #[arg(long)]
    reset_attempts: bool,
    /// Begin without the details of earlier heartbeats.
    #[arg(long)]
    reset_heartbeats: bool,
    /// Start at a time by chance within this long, such as 10s.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    jitter: Option<Duration>,
}

/// Begins activities anew, of one workflow or of all that a filter selects: at once with attempt 1, or after the
/// attempt that a worker has.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host activity reset --workflow-id order-17 --activity-id 3 --reset-heartbeats")]
pub(super) struct Reset {
    #[command(flatten)]
    workflows: SelectionArgs,
    /// Why the batch operation is done.
    #[arg(long, value_name = "TEXT", conflicts_with = "workflow_id")]
    reason: Option<String>,
    #[command(flatten)]
    selection: AnySelection,
    /// Let a paused activity stay paused.
    #[arg(long)]
    keep_paused: bool,
    /// Begin without the details of earlier heartbeats.
    #[arg(long)]
    reset_heartbeats: bool,
    /// Undo `host activity update-options`.
    #[arg(long)]
    restore_original_options: bool,
    /// Start at a time by chance within this long, such as 10s.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    jitter: Option<Duration>,
}

/// The execution as requests name it.
pub(super) fn named(arguments: &ExecutionArgs) -> Option<WorkflowExecution> {
    Some(WorkflowExecution {
        workflow_id: arguments.workflow_id.clone(),
        run_id: arguments.run_id.clone().unwrap_or_default(),
    })
}

/// The activities of a batch operation: all of a type, or all.
///
/// # Errors
///
/// When one is named by its id.
pub(super) fn of_many<A>(
    activity_id: Option<&String>,
    activity_type: Option<String>,
    of_type: fn(String) -> A,
    all: fn() -> A,
) -> Result<A, Usage> {
    match (activity_id, activity_type) {
        (Some(_), _) => Err(Usage("--activity-id is for one workflow".to_owned())),
        (None, Some(name)) => Ok(of_type(name)),
        (None, None) => Ok(all()),
    }
}

impl Pause {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        use pause_activity_request::Activity;
        let ActivitySelection { activity_id, activity_type } = self.selection;
        let client: Client = connection.connect().await?;
        let request = PauseActivityRequest {
            namespace: client.namespace().to_owned(),
            execution: named(&self.execution),
            identity: client.identity().to_owned(),
            reason: self.reason,
            request_id: Uuid::new_v4().to_string(),
            activity: activity_id.map(Activity::Id).or(activity_type.map(Activity::Type)),
        };
        let answer = client.service().pause_activity(Request::new(request)).await;
        answer.map_err(RpcError::from).context("failed to pause the activity")?;
        output.note("Activity paused");
        Ok(())
    }
}

impl Unpause {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        use unpause_activity_request::Activity;
        let AnySelection { activity_id, activity_type, match_all } = self.selection;
        let client = connection.connect().await?;
        let execution = match self.workflows.into() {
            Selection::One(execution) => execution,
            Selection::Many(many) => {
                use batch_operation_unpause_activities::Activity;
                let operation = Operation::UnpauseActivitiesOperation(BatchOperationUnpauseActivities {
                    identity: client.identity().to_owned(),
                    activity: Some(of_many(activity_id.as_ref(), activity_type, Activity::Type, || {
                        Activity::MatchAll(true)
                    })?),
                    reset_attempts: self.reset_attempts,
                    reset_heartbeat: self.reset_heartbeats,
                    jitter: self.jitter.map(duration_to_proto),
                });
                return start(&client, many, self.reason, operation, output).await;
            }
        };
        let all = match_all.then_some(Activity::UnpauseAll(true));
        let request = UnpauseActivityRequest {
            namespace: client.namespace().to_owned(),
            execution: named(&execution),
            identity: client.identity().to_owned(),
            reset_attempts: self.reset_attempts,
            reset_heartbeat: self.reset_heartbeats,
            jitter: self.jitter.map(duration_to_proto),
            activity: activity_id.map(Activity::Id).or(activity_type.map(Activity::Type)).or(all),
        };
        let answer = client.service().unpause_activity(Request::new(request)).await;
        answer.map_err(RpcError::from).context("failed to unpause the activity")?;
        output.note("Activity unpaused");
        Ok(())
    }
}

impl Reset {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        use reset_activity_request::Activity;
        let AnySelection { activity_id, activity_type, match_all } = self.selection;
        let client = connection.connect().await?;
        let execution = match self.workflows.into() {
            Selection::One(execution) => execution,
            Selection::Many(many) => {
                use batch_operation_reset_activities::Activity;
                let operation = Operation::ResetActivitiesOperation(BatchOperationResetActivities {
                    identity: client.identity().to_owned(),
                    activity: Some(of_many(activity_id.as_ref(), activity_type, Activity::Type, || {
                        Activity::MatchAll(true)
                    })?),
                    reset_attempts: true,
                    reset_heartbeat: self.reset_heartbeats,
                    keep_paused: self.keep_paused,
                    jitter: self.jitter.map(duration_to_proto),
                    restore_original_options: self.restore_original_options,
                });
                return start(&client, many, self.reason, operation, output).await;
            }
        };
        let all = match_all.then_some(Activity::MatchAll(true));
        let request = ResetActivityRequest {
            namespace: client.namespace().to_owned(),
            execution: named(&execution),
            identity: client.identity().to_owned(),
            reset_heartbeat: self.reset_heartbeats,
            keep_paused: self.keep_paused,
            jitter: self.jitter.map(duration_to_proto),
            restore_original_options: self.restore_original_options,
            activity: activity_id.map(Activity::Id).or(activity_type.map(Activity::Type)).or(all),
        };
        let answer = client.service().reset_activity(Request::new(request)).await;
        answer.map_err(RpcError::from).context("failed to reset the activity")?;
        output.note("Activity reset");
        Ok(())
    }
}
