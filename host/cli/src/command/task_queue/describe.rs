//! `host task-queue describe`.

use anyhow::Context as _;
use clap::Args;
use host_client::{Client, RpcError};
use host_wire::temporal::api::{
    taskqueue::v1::{TaskQueue, TaskQueueStats},
    workflowservice::v1::{DescribeTaskQueueRequest, DescribeTaskQueueResponse},
};
use tonic::Request;

use super::Kind;
use crate::{
    output::{Output, card::Table, event::milliseconds, json::Object},
    settings::connection::ConnectionArgs,
};

/// What `temporal` prints for workers without a version.
const UNVERSIONED: &str = "UNVERSIONED";

/// Prints the workers that poll a task queue, how many tasks wait, and how fast they come and go.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host task-queue describe --task-queue orders
  host task-queue describe --task-queue orders --task-queue-type activity --output json | jq .stats")]
pub(crate) struct Describe {
    /// Task queue.
    #[arg(short, long, value_name = "NAME")]
    task_queue: String,
    /// Which tasks. Again for each type [default: workflow and activity].
    #[arg(long, value_name = "TYPE")]
    task_queue_type: Vec<Kind>,
    /// Print no numbers of tasks.
    #[arg(long)]
    disable_stats: bool,
}

impl Describe {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let kinds = match &self.task_queue_type[..] {
            [] => &[Kind::Workflow, Kind::Activity],
            asked => asked,
        };
        let mut described = Vec::new();
        for kind in kinds {
            described.push((*kind, describe(&client, &self.task_queue, *kind, !self.disable_stats).await?));
        }
        if output.is_text() { self.print_tables(output, &described) } else { print_json(output, &described) }
    }

    fn print_tables(
        &self,
        output: Output,
        described: &[(Kind, DescribeTaskQueueResponse)],
    ) -> anyhow::Result<()> {
        if !self.disable_stats {
            let mut table = Table::new([
                "TaskQueueType",
                "ApproximateBacklogCount",
                "ApproximateBacklogAge",
                "BacklogIncreaseRate",
                "TasksAddRate",
                "TasksDispatchRate",
            ]);
            for (kind, description) in described {
                let stats = description.stats.unwrap_or_default();
                table.push([
                    kind.name().to_owned(),
                    stats.approximate_backlog_count.to_string(),
                    age(&stats),
                    (stats.tasks_add_rate - stats.tasks_dispatch_rate).to_string(),
                    stats.tasks_add_rate.to_string(),
                    stats.tasks_dispatch_rate.to_string(),
                ]);
            }
            output.line("Task Queue Statistics:")?;
            output.lines(table.text())?;
        }
        let mut table = Table::new(["TaskQueueType", "Identity", "LastAccessTime", "RatePerSecond"]);
        for (kind, description) in described {
            for poller in &description.pollers {
                table.push([
                    kind.name().to_owned(),
                    poller.identity.clone(),
                    poller.last_access_time.as_ref().map(milliseconds).unwrap_or_default(),
                    poller.rate_per_second.to_string(),
                ]);
            }
        }
        output.line("Pollers:")?;
        Ok(output.lines(table.text())?)
    }
}

/// The description of one kind of tasks of a queue.
///
/// # Errors
///
/// When the service refuses, or cannot be reached.
pub(in crate::command) async fn describe(
    client: &Client,
    name: &str,
    kind: Kind,
    report_stats: bool,
) -> anyhow::Result<DescribeTaskQueueResponse> {
    let request = DescribeTaskQueueRequest {
        namespace: client.namespace().to_owned(),
        task_queue: Some(TaskQueue { name: name.to_owned(), ..TaskQueue::default() }),
        task_queue_type: i32::from(host_wire::temporal::api::enums::v1::TaskQueueType::from(kind)),
        report_stats,
        ..DescribeTaskQueueRequest::default()
    };
    let answer = client.service().describe_task_queue(Request::new(request)).await;
    Ok(answer.map_err(RpcError::from).context("failed to describe the task queue")?.into_inner())
}

/// The names and the order are those of `temporal task-queue describe`.
fn print_json(output: Output, described: &[(Kind, DescribeTaskQueueResponse)]) -> anyhow::Result<()> {
    let pollers = described.iter().flat_map(|(kind, description)| {
        description.pollers.iter().map(|poller| {
            Object::new()
                .field("buildId", UNVERSIONED)
                .field("taskQueueType", kind.name())
                .field("identity", &poller.identity)
                .field("lastAccessTime", poller.last_access_time.unwrap_or_default().to_string())
                .field("ratePerSecond", poller.rate_per_second)
                .finish()
        })
    });
    let stats = described.iter().filter_map(|(kind, description)| {
        let stats = description.stats.as_ref()?;
        let object = Object::new()
            .field("buildId", UNVERSIONED)
            .field("taskQueueType", kind.name())
            .field("approximateBacklogCount", stats.approximate_backlog_count)
            .field("approximateBacklogAge", age(stats))
            .field("backlogIncreaseRate", stats.tasks_add_rate - stats.tasks_dispatch_rate)
            .field("tasksAddRate", stats.tasks_add_rate)
            .field("tasksDispatchRate", stats.tasks_dispatch_rate);
        Some(object.finish())
    });
    let list = |items: Vec<String>| match items.is_empty() {
        true => "null".to_owned(),
        false => format!("[{}]", items.join(",")),
    };
    output.object(
        Object::new()
            .raw("reachability", "null")
            .raw("pollers", &list(pollers.collect()))
            .raw("stats", &list(stats.collect())),
    )
}

fn age(stats: &TaskQueueStats) -> String {
    stats.approximate_backlog_age.unwrap_or_default().to_string()
}
