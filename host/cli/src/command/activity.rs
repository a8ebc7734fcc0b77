//! `host activity …`.

mod operate;
mod update_options;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use guest_sdk_types::Payload;
use host_client::RpcError;
use host_wire::{
    payloads_to_proto,
    temporal::api::{
        failure::v1::{ApplicationFailureInfo, Failure, failure::FailureInfo},
        workflowservice::v1::{
            RespondActivityTaskCompletedByIdRequest, RespondActivityTaskFailedByIdRequest,
        },
    },
};
use tonic::Request;

use crate::{
    exit::Usage,
    output::Output,
    settings::{connection::ConnectionArgs, execution::ExecutionArgs},
};

/// Field `source` of failures that this command reports.
const FAILURE_SOURCE: &str = "host";

/// Completes or fails activities that ended outside of a worker; holds back, restarts and changes open ones.
#[derive(Args, Debug)]
pub(crate) struct ActivityArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    Complete(Complete),
    Fail(Fail),
    Pause(operate::Pause),
    Unpause(operate::Unpause),
    Reset(operate::Reset),
    UpdateOptions(update_options::UpdateOptions),
}

/// Reports the result of an activity.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host activity complete --workflow-id order-17 --activity-id 3 --result '{\"approved\": true}'")]
struct Complete {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// Activity id.
    #[arg(long, value_name = "ID")]
    activity_id: String,
    /// The result.
    #[arg(long, value_name = "JSON")]
    result: String,
}

/// Reports that an activity failed. It is not tried again.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host activity fail --workflow-id order-17 --activity-id 3 --reason 'rejected by the bank'")]
struct Fail {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// Activity id.
    #[arg(long, value_name = "ID")]
    activity_id: String,
    /// What happened.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// Anything more.
    #[arg(long, value_name = "JSON")]
    detail: Option<String>,
}

impl ActivityArgs {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<()> {
        match self.command {
            Command::Complete(command) => command.run(&self.connection, output).await,
            Command::Fail(command) => command.run(&self.connection, output).await,
            Command::Pause(command) => command.run(&self.connection, output).await,
            Command::Unpause(command) => command.run(&self.connection, output).await,
            Command::Reset(command) => command.run(&self.connection, output).await,
            Command::UpdateOptions(command) => command.run(&self.connection, output).await,
        }
    }
}

impl Complete {
    async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let result = json_payload("--result", &self.result)?;
        let client = connection.connect().await?;
        let request = RespondActivityTaskCompletedByIdRequest {
            namespace: client.namespace().to_owned(),
            workflow_id: self.execution.workflow_id,
            run_id: self.execution.run_id.unwrap_or_default(),
            activity_id: self.activity_id,
            result: payloads_to_proto(vec![result]),
            identity: client.identity().to_owned(),
            ..RespondActivityTaskCompletedByIdRequest::default()
        };
        let answer = client.service().respond_activity_task_completed_by_id(Request::new(request)).await;
        answer.map_err(RpcError::from).context("failed to complete the activity")?;
        output.note("Activity completed");
        Ok(())
    }
}

impl Fail {
    async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let details = match &self.detail {
            Some(detail) => vec![json_payload("--detail", detail)?],
            None => Vec::new(),
        };
        let client = connection.connect().await?;
        let request = RespondActivityTaskFailedByIdRequest {
            namespace: client.namespace().to_owned(),
            workflow_id: self.execution.workflow_id,
            run_id: self.execution.run_id.unwrap_or_default(),
            activity_id: self.activity_id,
            failure: Some(Failure {
                message: self.reason,
                source: FAILURE_SOURCE.to_owned(),
                failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
                    non_retryable: true,
                    details: payloads_to_proto(details),
                    ..ApplicationFailureInfo::default()
                })),
                ..Failure::default()
            }),
            identity: client.identity().to_owned(),
            ..RespondActivityTaskFailedByIdRequest::default()
        };
        let answer = client.service().respond_activity_task_failed_by_id(Request::new(request)).await;
        answer.map_err(RpcError::from).context("failed to fail the activity")?;
        output.note("Activity failed");
        Ok(())
    }
}

fn json_payload(argument: &str, json: &str) -> Result<Payload, Usage> {
    match serde_json::from_str::<serde::de::IgnoredAny>(json) {
        Ok(_) => Ok(Payload::from_json(json)),
        Err(error) => Err(Usage(format!("{argument} is not JSON: {error}"))),
    }
}
