//! DescribeTaskQueue: pollers, tasks that wait, rates and limits.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use host_wire::{
    duration_to_proto,
    temporal::api::{
        deployment::v1::WorkerDeploymentVersion,
        enums::v1::{BuildIdTaskReachability, DescribeTaskQueueMode, TaskQueueKind, TaskQueueType},
        taskqueue::v1::{
            PollerInfo, TaskQueueStats, TaskQueueStatus, TaskQueueTypeInfo, TaskQueueVersionInfo,
            TaskQueueVersioningInfo,
        },
        workflowservice::v1::{
            DescribeTaskQueueRequest, DescribeTaskQueueResponse,
            describe_task_queue_response::EffectiveRateLimit,
        },
    },
};
use tonic::Status;

use crate::{
    api::context::Context,
    deployment::{
        routing::{Routed, Routing},
        version::older_name,
    },
    error::Error,
    matching::{
        limits::UNLIMITED,
        queue_key::QueueKey,
        queues::{Polled, Queues, Stats},
        rank::{self, LEVELS},
    },
    time::Time,
};

/// Builds whose reachability a request may ask for. `limit.reachabilityQueryBuildIds` of Temporal's server.
const BUILDS: usize = 5;

pub(crate) fn handle(
    context: &Context,
    request: DescribeTaskQueueRequest,
) -> Result<DescribeTaskQueueResponse, Status> {
    context.lock().executions.check_namespace(&request.namespace)?;
    let Some(queue) = &request.task_queue else { return Err(Error::invalid("taskQueue is not set").into()) };
    if queue.name.is_empty() {
        return Err(Error::invalid("missing task queue name").into());
    }
    if request.api_mode() == DescribeTaskQueueMode::Enhanced {
        if queue.kind() == TaskQueueKind::Sticky {
            let wrong = "Enhanced DescribeTaskQueue is not valid for a sticky queue, use api_mode=UNSPECIFIED or a normal queue.";
            return Err(Error::invalid(wrong).into());
        }
        return Ok(by_versions(context, &request, &queue.name)?);
    }
    Ok(of_type(context, &request, &queue.name))
}

/// Tasks of each type are in a queue of their own.
fn queue_key(namespace: &str, name: &str, of: TaskQueueType) -> QueueKey {
    let of = if of == TaskQueueType::Unspecified { TaskQueueType::Workflow } else { of };
    QueueKey::of(namespace, name, of)
}

/// One type of tasks.
fn of_type(context: &Context, request: &DescribeTaskQueueRequest, name: &str) -> DescribeTaskQueueResponse {
    let mut response = DescribeTaskQueueResponse::default();
    let now = context.now();
    let mut shard = context.lock();
    let of = match request.task_queue_type() {
        TaskQueueType::Unspecified => TaskQueueType::Workflow,
        of => of,
    };
    if request.task_queue.as_ref().is_none_or(|queue| queue.kind() != TaskQueueKind::Sticky) {
        let routing = shard.executions.deployments.routing(&request.namespace, name, of);
        response.versioning_info = Some(versioning_info(routing));
    }
    let queues = &mut shard.queues;
    let key = queue_key(&request.namespace, name, of);
    let (stats, (rate, source)) = (total(queues, &key, now), queues.rate(&key, now));
    let pollers = queues.versions(&key).into_iter().flat_map(|key| queues.pollers(&key, now));
    response.pollers = pollers.map(poller_info).collect();
    response.config = queues.config(&key).filter(|_| request.report_config).cloned();
    if request.report_stats {
        response.stats = Some(to_proto(all(&stats)));
        response.stats_by_priority_key = by_priority(&stats);
    }
    if request.include_task_queue_status {
        response.task_queue_status = Some(TaskQueueStatus {
            backlog_count_hint: count(all(&stats).backlog),
            rate_per_second: rate,
            ..TaskQueueStatus::default()
        });
    }
    #[expect(clippy::cast_possible_truncation, reason = "as the protocol has it")]
    let requests_per_second = rate as f32;
    response.effective_rate_limit =
        Some(EffectiveRateLimit { requests_per_second, rate_limit_source: source.into() });
    response
}

/// What waits for workers of all versions.
fn total(queues: &mut Queues, key: &QueueKey, now: Time) -> [Stats; LEVELS] {
    let mut total = <[Stats; LEVELS]>::default();
    for key in queues.versions(key) {
        for (total, stats) in total.iter_mut().zip(queues.stats(&key, now)) {
            *total = all(&[*total, stats]);
        }
    }
    total
}

/// Which versions get the workflows of the queue.
fn versioning_info(routing: Routing<'_>) -> TaskQueueVersioningInfo {
    let current = routing.current.and_then(Routed::version);
    let mut info = TaskQueueVersioningInfo {
        current_version: older_name(current.as_ref()),
        current_deployment_version: current,
        update_time: routing.current.map(|current| current.changed.into()),
        ..TaskQueueVersioningInfo::default()
    };
    if let Some((ramp, percentage)) = routing.ramp {
        let version = ramp.version();
        info.ramping_version_percentage = percentage;
        info.ramping_version = older_name(version.as_ref());
        info.ramping_deployment_version = version;
        let changed = routing.current.map_or(ramp.changed, |current| current.changed.max(ramp.changed));
        info.update_time = Some(changed.into());
    }
    info
}

/// The version that a build id of a request names; none if it is that of no version of a deployment.
fn version_named(build: &str) -> Option<WorkerDeploymentVersion> {
    let (deployment_name, build_id) = build.split_once(':')?;
    Some(WorkerDeploymentVersion {
        deployment_name: deployment_name.to_owned(),
        build_id: build_id.to_owned(),
    })
}

/// The types of tasks that the request names, for each build. A version of a deployment is named `deployment:build`;
/// workers that name a build and no deployment have no tasks of their own.
fn by_versions(
    context: &Context,
    request: &DescribeTaskQueueRequest,
    name: &str,
) -> Result<DescribeTaskQueueResponse, Error> {
    let builds: BTreeSet<&str> = match &request.versions {
        None => [""].into(),
        Some(versions) => {
            let unversioned = versions.unversioned.then_some("");
            versions.build_ids.iter().map(String::as_str).chain(unversioned).collect()
        }
    };
    if request.report_task_reachability && builds.len() > BUILDS {
        return Err(Error::invalid(format!(
            "Too many build ids queried at once with ReportTaskReachability==true, limit: {BUILDS}"
        )));
    }
    let asked: Vec<TaskQueueType> = match request.task_queue_types().collect::<Vec<_>>() {
        types if types.is_empty() => vec![TaskQueueType::Workflow, TaskQueueType::Activity],
        types => types,
    };
    let now = context.now();
    let mut shard = context.lock();
    let mut versions_info = BTreeMap::new();
    for build in builds {
        let mut version = TaskQueueVersionInfo::default();
        for of in &asked {
            let mut info = TaskQueueTypeInfo::default();
            let named = version_named(build);
            let key = queue_key(&request.namespace, name, *of);
            let is_known = build.is_empty() || named.is_some();
            let key = is_known.then(|| key.for_version(named));
            if request.report_pollers {
                let pollers = key.iter().flat_map(|key| shard.queues.pollers(key, now));
                info.pollers = pollers.map(poller_info).collect();
            }
            if request.report_stats {
                let stats = key.map(|key| shard.queues.stats(&key, now)).unwrap_or_default();
                info.stats = Some(to_proto(all(&stats)));
            }
            version.types_info.insert((*of).into(), info);
        }
        if request.report_task_reachability {
            version.task_reachability = match build {
                "" => BuildIdTaskReachability::Reachable,
                _ => BuildIdTaskReachability::Unreachable,
            }
            .into();
        }
        versions_info.insert(build.to_owned(), version);
    }
    Ok(DescribeTaskQueueResponse { versions_info, ..DescribeTaskQueueResponse::default() })
}

fn poller_info((polled, last): (Polled, Time)) -> PollerInfo {
    PollerInfo {
        last_access_time: Some(last.into()),
        identity: polled.identity,
        rate_per_second: polled.rate.unwrap_or(UNLIMITED),
        worker_version_capabilities: polled.capabilities,
        deployment_options: polled.deployment,
    }
}

pub(crate) fn all(levels: &[Stats]) -> Stats {
    levels.iter().fold(Stats::default(), |all, level| Stats {
        backlog: all.backlog + level.backlog,
        age: all.age.max(level.age),
        add_rate: all.add_rate + level.add_rate,
        dispatch_rate: all.dispatch_rate + level.dispatch_rate,
    })
}

/// The levels on which something happened, and the one of tasks that say nothing.
pub(crate) fn by_priority(levels: &[Stats]) -> BTreeMap<i32, TaskQueueStats> {
    let levels = levels.iter().enumerate();
    let shown =
        levels.filter(|(level, stats)| *level == rank::default_level() || **stats != Stats::default());
    shown.map(|(level, stats)| (rank::priority_key(level), to_proto(*stats))).collect()
}

pub(crate) fn to_proto(stats: Stats) -> TaskQueueStats {
    let Stats { backlog, age, add_rate, dispatch_rate } = stats;
    TaskQueueStats {
        approximate_backlog_count: count(backlog),
        approximate_backlog_age: Some(duration_to_proto(Duration::from_millis(
            age.as_millis().try_into().unwrap_or(u64::MAX),
        ))),
        tasks_add_rate: add_rate,
        tasks_dispatch_rate: dispatch_rate,
        ..TaskQueueStats::default()
    }
}

fn count(tasks: usize) -> i64 {
    i64::try_from(tasks).unwrap_or(i64::MAX)
}
