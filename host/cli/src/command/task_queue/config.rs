//! `host task-queue config …`.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use host_client::RpcError;
use host_wire::temporal::api::{
    enums::v1::TaskQueueType,
    taskqueue::v1::{RateLimit, RateLimitConfig, TaskQueue, TaskQueueConfig},
    workflowservice::v1::{
        DescribeTaskQueueRequest, UpdateTaskQueueConfigRequest,
        update_task_queue_config_request::RateLimitUpdate,
    },
};
use tonic::Request;

use super::Kind;
use crate::{
    output::{Output, Payloads, card::Table, event::milliseconds},
    settings::connection::ConnectionArgs,
};

/// Prints and changes the configuration of a task queue.
#[derive(Args, Debug)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Get(Get),
    Set(Set),
}

/// Names a task queue.
#[derive(Args, Debug)]
struct Queue {
    /// Task queue.
    #[arg(short, long, value_name = "NAME")]
    task_queue: String,
    /// Which tasks. Those of workflows have no limits.
    #[arg(long, value_name = "TYPE")]
    task_queue_type: Kind,
}

/// Prints the configuration of a task queue.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host task-queue config get --task-queue orders --task-queue-type activity")]
struct Get {
    #[command(flatten)]
    queue: Queue,
}

/// Limits how many tasks a second go to workers.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host task-queue config set --task-queue orders --task-queue-type activity --queue-rps-limit 50
  host task-queue config set --task-queue orders --task-queue-type activity --queue-rps-limit default
  host task-queue config set -t orders --task-queue-type activity --fairness-key-rps-limit-default 5")]
#[command(group = clap::ArgGroup::new("limit").required(true).multiple(true))]
struct Set {
    #[command(flatten)]
    queue: Queue,
    /// Tasks of the queue in a second; 0 holds all back, `default` takes the limit away.
    #[arg(
        long,
        value_name = "COUNT|default",
        value_parser = parse_limit,
        group = "limit",
        allow_negative_numbers = true
    )]
    queue_rps_limit: Option<Limit>,
    /// Reason of the queue's limit, which `config get` prints.
    #[arg(
        long,
        value_name = "TEXT",
        requires = "queue_rps_limit",
        default_value = "",
        hide_default_value = true
    )]
    queue_rps_limit_reason: String,
    /// Tasks of each fairness key in a second, for a weight of 1; `default` takes the limit away.
    #[arg(
        long,
        value_name = "COUNT|default",
        value_parser = parse_limit,
        group = "limit",
        allow_negative_numbers = true
    )]
    fairness_key_rps_limit_default: Option<Limit>,
    /// Reason of the keys' limit, which `config get` prints.
    #[arg(
        long,
        value_name = "TEXT",
        requires = "fairness_key_rps_limit_default",
        default_value = "",
        hide_default_value = true
    )]
    fairness_key_rps_limit_reason: String,
}

/// A limit, or none.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Limit(Option<f32>);

fn parse_limit(text: &str) -> anyhow::Result<Limit> {
    if text.eq_ignore_ascii_case("default") {
        return Ok(Limit(None));
    }
    let limit: f32 = text.parse().context("expected a number, or `default`")?;
    anyhow::ensure!(
        limit >= 0.0 && limit.is_finite(),
        "expected a number that is not negative, or `default`"
    );
    Ok(Limit(Some(limit)))
}

impl ConfigArgs {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        match self.command {
            Command::Get(command) => command.run(connection, output).await,
            Command::Set(command) => command.run(connection, output).await,
        }
    }
}

impl Get {
    async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let request = DescribeTaskQueueRequest {
            namespace: client.namespace().to_owned(),
            task_queue: Some(TaskQueue { name: self.queue.task_queue, ..TaskQueue::default() }),
            task_queue_type: TaskQueueType::from(self.queue.task_queue_type).into(),
            report_config: true,
            ..DescribeTaskQueueRequest::default()
        };
        let answer = client.service().describe_task_queue(Request::new(request)).await;
        let answer =
            answer.map_err(RpcError::from).context("failed to describe the task queue")?.into_inner();
        match answer.config {
            None => {
                output.note("The task queue has no configuration");
                Ok(())
            }
            Some(config) => print(output, &config),
        }
    }
}

impl Set {
    async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let update = |limit: Option<Limit>, reason: String| {
            let Limit(limit) = limit?;
            let rate_limit = limit.map(|requests_per_second| RateLimit { requests_per_second });
            Some(RateLimitUpdate { rate_limit, reason })
        };
        let request = UpdateTaskQueueConfigRequest {
            namespace: client.namespace().to_owned(),
            identity: client.identity().to_owned(),
            task_queue: self.queue.task_queue,
            task_queue_type: TaskQueueType::from(self.queue.task_queue_type).into(),
            update_queue_rate_limit: update(self.queue_rps_limit, self.queue_rps_limit_reason),
            update_fairness_key_rate_limit_default: update(
                self.fairness_key_rps_limit_default,
                self.fairness_key_rps_limit_reason,
            ),
            ..UpdateTaskQueueConfigRequest::default()
        };
        let answer = client.service().update_task_queue_config(Request::new(request)).await;
        let answer = answer
            .map_err(RpcError::from)
            .context("failed to change the configuration of the task queue")?
            .into_inner();
        output.note("Task queue configuration changed");
        print(output, &answer.config.unwrap_or_default())
    }
}

fn print(output: Output, config: &TaskQueueConfig) -> anyhow::Result<()> {
    if !output.is_text() {
        return output.message(config, Payloads::Raw);
    }
    let mut table = Table::new(["Setting", "Value", "Reason", "UpdatedBy", "UpdatedTime"]);
    let limits = [
        ("Queue Rate Limit", &config.queue_rate_limit),
        ("Fairness Key Rate Limit Default", &config.fairness_keys_rate_limit_default),
    ];
    for (name, limit) in limits {
        if let Some(RateLimitConfig { rate_limit, metadata }) = limit {
            let metadata = metadata.clone().unwrap_or_default();
            table.push([
                name.to_owned(),
                rate_limit
                    .map_or("Not Set".to_owned(), |limit| format!("{:.2} rps", limit.requests_per_second)),
                metadata.reason,
                metadata.update_identity,
                metadata.update_time.as_ref().map(milliseconds).unwrap_or_default(),
            ]);
        }
    }
    Ok(output.lines(table.text())?)
}
