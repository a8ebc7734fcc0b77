//! `host activity update-options`.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use host_client::RpcError;
use host_wire::{
    duration_to_proto,
    temporal::api::{
        activity::v1::ActivityOptions,
        batch::v1::{BatchOperationUpdateActivityOptions, batch_operation_update_activity_options},
        common::v1::RetryPolicy,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::{
            UpdateActivityOptionsRequest, start_batch_operation_request::Operation,
            update_activity_options_request::Activity,
        },
    },
};
use prost_types::FieldMask;
use tonic::Request;

use super::operate::{AnySelection, named, of_many};
use crate::{
    command::batch::start::start,
    exit::Usage,
    output::{Output, Payloads},
    settings::{
        connection::ConnectionArgs,
        duration,
        selection::{Selection, SelectionArgs},
    },
};

/// Gives open activities other options, from their next attempt on; of one workflow or of all that a filter selects.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host activity update-options --workflow-id order-17 --activity-id 3 --start-to-close-timeout 5m
  host activity update-options --workflow-id order-17 --activity-id 3 --restore-original-options")]
pub(super) struct UpdateOptions {
    #[command(flatten)]
    workflows: SelectionArgs,
    /// Why the batch operation is done.
    #[arg(long, value_name = "TEXT", conflicts_with = "workflow_id")]
    reason: Option<String>,
    #[command(flatten)]
    selection: AnySelection,
    /// Task queue of the next attempts.
    #[arg(long, value_name = "NAME")]
    task_queue: Option<String>,
    /// Time for the activity with all its attempts.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    schedule_to_close_timeout: Option<Duration>,
    /// Time until a worker takes an attempt.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    schedule_to_start_timeout: Option<Duration>,
    /// Time for an attempt that a worker has.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    start_to_close_timeout: Option<Duration>,
    /// Time between two heartbeats.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    heartbeat_timeout: Option<Duration>,
    /// Time before the first retry.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    retry_initial_interval: Option<Duration>,
    /// Longest time before a retry.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    retry_maximum_interval: Option<Duration>,
    /// By how much the time before each retry grows; at least 1.
    #[arg(long, value_name = "NUMBER")]
    retry_backoff_coefficient: Option<f64>,
    /// Most attempts; 0: any number.
    #[arg(long, value_name = "NUMBER")]
    retry_maximum_attempts: Option<i32>,
    /// Give them the options with which they were scheduled.
    #[arg(long)]
    restore_original_options: bool,
}

impl UpdateOptions {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let (options, paths) = self.options();
        if paths.is_empty() != self.restore_original_options {
            return Err(Usage("give the options to change, or --restore-original-options".to_owned()).into());
        }
        let AnySelection { activity_id, activity_type, match_all } = self.selection;
        let client = connection.connect().await?;
        let execution = match self.workflows.into() {
            Selection::One(execution) => execution,
            Selection::Many(many) => {
                use batch_operation_update_activity_options::Activity;
                let restores = self.restore_original_options;
                let operation = BatchOperationUpdateActivityOptions {
                    identity: client.identity().to_owned(),
                    activity: Some(of_many(activity_id.as_ref(), activity_type, Activity::Type, || {
                        Activity::MatchAll(true)
                    })?),
                    activity_options: (!restores).then_some(options),
                    update_mask: Some(FieldMask { paths }),
                    restore_original: restores,
                };
                let operation = Operation::UpdateActivityOptionsOperation(operation);
                return start(&client, many, self.reason, operation, output).await;
            }
        };
        let all = match_all.then_some(Activity::MatchAll(true));
        let request = UpdateActivityOptionsRequest {
            namespace: client.namespace().to_owned(),
            execution: named(&execution),
            identity: client.identity().to_owned(),
            activity_options: Some(options),
            update_mask: Some(FieldMask { paths }),
            restore_original: self.restore_original_options,
            activity: activity_id.map(Activity::Id).or(activity_type.map(Activity::Type)).or(all),
        };
        let answer = client.service().update_activity_options(Request::new(request)).await;
        let answer =
            answer.map_err(RpcError::from).context("failed to change the options of the activity")?;
        if output.is_text() {
            output.note("Activity options changed");
        } else {
            output.message(&answer.into_inner(), Payloads::AsJson)?;
        }
        Ok(())
    }

    /// The options that are given, and their names.
    fn options(&self) -> (ActivityOptions, Vec<String>) {
        let queue = |name: &String| TaskQueue { name: name.clone(), ..TaskQueue::default() };
        let options = ActivityOptions {
            task_queue: self.task_queue.as_ref().map(queue),
            schedule_to_close_timeout: self.schedule_to_close_timeout.map(duration_to_proto),
            schedule_to_start_timeout: self.schedule_to_start_timeout.map(duration_to_proto),
            start_to_close_timeout: self.start_to_close_timeout.map(duration_to_proto),
            heartbeat_timeout: self.heartbeat_timeout.map(duration_to_proto),
            retry_policy: Some(RetryPolicy {
                initial_interval: self.retry_initial_interval.map(duration_to_proto),
                maximum_interval: self.retry_maximum_interval.map(duration_to_proto),
                backoff_coefficient: self.retry_backoff_coefficient.unwrap_or_default(),
                maximum_attempts: self.retry_maximum_attempts.unwrap_or_default(),
                ..RetryPolicy::default()
            }),
            ..ActivityOptions::default()
        };
        let given = [
            (self.task_queue.is_some(), "task_queue.name"),
            (self.schedule_to_close_timeout.is_some(), "schedule_to_close_timeout"),
            (self.schedule_to_start_timeout.is_some(), "schedule_to_start_timeout"),
            (self.start_to_close_timeout.is_some(), "start_to_close_timeout"),
            (self.heartbeat_timeout.is_some(), "heartbeat_timeout"),
            (self.retry_initial_interval.is_some(), "retry_policy.initial_interval"),
            (self.retry_maximum_interval.is_some(), "retry_policy.maximum_interval"),
            (self.retry_backoff_coefficient.is_some(), "retry_policy.backoff_coefficient"),
            (self.retry_maximum_attempts.is_some(), "retry_policy.maximum_attempts"),
        ];
        let paths = given.into_iter().filter(|(is_given, _)| *is_given).map(|(_, path)| path.to_owned());
        (options, paths.collect())
    }
}
