//! DescribeTaskQueue: the pollers of a queue, and how many tasks wait.

use host_wire::temporal::api::{
    enums::v1::{DescribeTaskQueueMode, TaskQueueType},
    taskqueue::v1::{PollerInfo, TaskQueueStats, TaskQueueStatus, TaskQueueTypeInfo, TaskQueueVersionInfo},
    workflowservice::v1::{DescribeTaskQueueRequest, DescribeTaskQueueResponse},
};
use tonic::Status;

use crate::{api::context::Context, error::Error, matching::queue_key::QueueKey};

/// Tasks for a poller in a second, as clients are told: there is no limit.
const UNLIMITED: f64 = 100_000.0;

pub(crate) fn handle(
    context: &Context,
    request: DescribeTaskQueueRequest,
) -> Result<DescribeTaskQueueResponse, Status> {
    context.lock().executions.check_namespace(&request.namespace)?;
    let enhanced = request.api_mode() == DescribeTaskQueueMode::Enhanced;
    let asked: Vec<TaskQueueType> = match request.task_queue_types().collect::<Vec<_>>() {
        types if types.is_empty() => vec![TaskQueueType::Workflow, TaskQueueType::Activity],
        types => types,
    };
    let one = request.task_queue_type();
    let name = request.task_queue.unwrap_or_default().name;
    if name.is_empty() {
        return Err(Error::invalid("TaskQueue is not set on request.").into());
    }
    let info = |of: TaskQueueType| queue_info(context, &request.namespace, &name, of);
    if enhanced {
        let types_info = asked.into_iter().map(|of| (of.into(), info(of))).collect();
        let version = TaskQueueVersionInfo { types_info, ..TaskQueueVersionInfo::default() };
        return Ok(DescribeTaskQueueResponse {
            // The version without a build id is the only one.
            versions_info: [(String::new(), version)].into(),
            ..DescribeTaskQueueResponse::default()
        });
    }
    let TaskQueueTypeInfo { pollers, stats } = info(one);
    let status = TaskQueueStatus {
        backlog_count_hint: stats.as_ref().map_or(0, |stats| stats.approximate_backlog_count),
        rate_per_second: UNLIMITED,
        ..TaskQueueStatus::default()
    };
    Ok(DescribeTaskQueueResponse {
        pollers,
        stats,
        task_queue_status: request.include_task_queue_status.then_some(status),
        ..DescribeTaskQueueResponse::default()
    })
}

fn queue_info(context: &Context, namespace: &str, name: &str, of: TaskQueueType) -> TaskQueueTypeInfo {
    let now = context.now();
    let activities = of == TaskQueueType::Activity;
    let key = QueueKey { namespace: namespace.to_owned(), name: name.to_owned(), activities };
    let shard = context.lock();
    let pollers = shard.queues.pollers(&key, now).into_iter().map(|(identity, last)| PollerInfo {
        last_access_time: Some(last.into()),
        identity,
        rate_per_second: UNLIMITED,
        ..PollerInfo::default()
    });
    TaskQueueTypeInfo {
        pollers: pollers.collect(),
        stats: Some(TaskQueueStats {
            approximate_backlog_count: i64::try_from(shard.queues.backlog(&key)).unwrap_or(i64::MAX),
            ..TaskQueueStats::default()
        }),
    }
}
