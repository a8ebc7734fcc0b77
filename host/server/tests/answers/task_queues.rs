//! Priorities and task queues: what is refused, what is inherited, what configurations and descriptions say.

use std::time::Duration;

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::{
            ScheduleActivityTaskCommandAttributes, StartChildWorkflowExecutionCommandAttributes,
            command::Attributes,
        },
        common::v1::{ActivityType, Priority, WorkflowType},
        enums::v1::{DescribeTaskQueueMode, EventType, TaskQueueKind, TaskQueueType},
        taskqueue::v1::{RateLimit, RateLimitConfig, TaskQueue, TaskQueueConfig, TaskQueueVersionSelection},
        workflowservice::v1::{update_task_queue_config_request::RateLimitUpdate, *},
    },
};

use crate::client::{Client, NAMESPACE, completion, refusal, seconds};

pub(crate) async fn answers(mut client: Client) -> String {
    let mut lines = priorities(&mut client).await;
    lines.extend(bad_commands(&mut client).await);
    lines.extend(inherited(&mut client).await);
    lines.extend(configurations(&mut client).await);
    lines.extend(descriptions(&mut client).await);
    lines.join("\n") + "\n"
}

fn priority(priority_key: i32, fairness_key: &str, fairness_weight: f32) -> Option<Priority> {
    Some(Priority { priority_key, fairness_key: fairness_key.to_owned(), fairness_weight })
}

fn shown(priority: Option<&Priority>) -> String {
    priority.map_or("none".to_owned(), |of| {
        format!("{} {:?} {}", of.priority_key, of.fairness_key, of.fairness_weight)
    })
}

fn all() -> Vec<Option<Priority>> {
    vec![
        None,
        priority(0, "", 0.0),
        priority(1, "key", 2.5),
        priority(9, "", 0.0),
        priority(-1, "", 0.0),
        priority(0, &"k".repeat(64), 0.0),
        priority(0, &"k".repeat(65), 0.0),
        priority(0, "key", -0.5),
        priority(0, "key", 0.000_1),
    ]
}

/// What starts with these priorities show.
async fn priorities(client: &mut Client) -> Vec<String> {
    let mut lines = Vec::new();
    for given in all() {
        let mut start = client.start_request("started");
        start.priority.clone_from(&given);
        let answer = match client.service.start_workflow_execution(start).await {
            Err(status) => refusal(&status),
            Ok(_) => {
                let EventAttributes::WorkflowExecutionStartedEventAttributes(started) =
                    client.event("started", EventType::WorkflowExecutionStarted).await
                else {
                    unreachable!()
                };
                let described = DescribeWorkflowExecutionRequest {
                    namespace: NAMESPACE.to_owned(),
                    execution: Some(client.execution("started")),
                };
                let described = client.service.describe_workflow_execution(described).await.unwrap();
                let info = described.into_inner().workflow_execution_info.unwrap();
                format!("{}; described {}", shown(started.priority.as_ref()), shown(info.priority.as_ref()))
            }
        };
        lines.push(format!("start with {}: {answer}", shown(given.as_ref())));
        client.terminate("started").await;
    }
    lines
}

fn activity(client: &Client, id: &str, priority: Option<Priority>) -> Attributes {
    Attributes::ScheduleActivityTaskCommandAttributes(Box::new(ScheduleActivityTaskCommandAttributes {
        activity_id: id.to_owned(),
        activity_type: Some(ActivityType { name: "Activity".to_owned() }),
        task_queue: client.queue(),
        start_to_close_timeout: seconds(60),
        priority,
        ..Default::default()
    }))
}

fn child(client: &Client, name: &str, priority: Option<Priority>) -> Attributes {
    Attributes::StartChildWorkflowExecutionCommandAttributes(Box::new(
        StartChildWorkflowExecutionCommandAttributes {
            workflow_id: client.id(name),
            workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
            // Its tasks are not those that this table polls.
            task_queue: Some(TaskQueue { name: "of children".to_owned(), ..TaskQueue::default() }),
            priority,
            ..Default::default()
        },
    ))
}

/// Commands with bad priorities fail the task.
async fn bad_commands(client: &mut Client) -> Vec<String> {
    let mut lines = Vec::new();
    for given in all().into_iter().filter(|given| given.as_ref().is_some_and(is_bad)) {
        for what in ["activity", "child"] {
            client.start("bad").await;
            let task = client.poll().await;
            let command = match what {
                "activity" => activity(client, "1", given.clone()),
                _ => child(client, "bad child", given.clone()),
            };
            let answer = client.try_complete(&task, vec![command]).await;
            let answer = answer.map_or_else(|status| refusal(&status), |()| "taken".to_owned());
            lines.push(format!("{what} with {}: {answer}", shown(given.as_ref())));
            let task = client.poll().await;
            client.complete(&task, vec![completion()]).await;
        }
    }
    lines
}

fn is_bad(priority: &Priority) -> bool {
    priority.priority_key < 0 || priority.fairness_key.len() > 64 || priority.fairness_weight < 0.0
}

/// What activities and children take from their run.
async fn inherited(client: &mut Client) -> Vec<String> {
    let mut lines = Vec::new();
    for of_run in [None, priority(2, "tenant", 1.5)] {
        for own in [None, priority(0, "", 0.0), priority(4, "", 0.0), priority(0, "own", 3.0)] {
            let mut start = client.start_request("parent");
            start.priority.clone_from(&of_run);
            client.service.start_workflow_execution(start).await.unwrap();
            let task = client.poll().await;
            let commands = vec![activity(client, "1", own.clone()), child(client, "child", own.clone())];
            client.complete(&task, commands).await;
            let mut poll = tonic::Request::new(PollActivityTaskQueueRequest {
                namespace: NAMESPACE.to_owned(),
                task_queue: client.queue(),
                ..Default::default()
            });
            poll.set_timeout(Duration::from_secs(20));
            let polled = client.service.poll_activity_task_queue(poll).await.unwrap().into_inner();
            let EventAttributes::ActivityTaskScheduledEventAttributes(scheduled) =
                client.event("parent", EventType::ActivityTaskScheduled).await
            else {
                unreachable!()
            };
            let EventAttributes::WorkflowExecutionStartedEventAttributes(started) =
                client.event("child", EventType::WorkflowExecutionStarted).await
            else {
                unreachable!()
            };
            lines.push(format!(
                "run {}, own {}: scheduled {}, polled {}, child {}",
                shown(of_run.as_ref()),
                shown(own.as_ref()),
                shown(scheduled.priority.as_ref()),
                shown(polled.priority.as_ref()),
                shown(started.priority.as_ref())
            ));
            client.terminate("child").await;
            client.terminate("parent").await;
            // What the end of the child left.
            while let Some(task) = client.poll_within(Duration::from_millis(1_500)).await {
                let _ = client.try_complete(&task, Vec::new()).await;
            }
        }
    }
    lines
}

fn limits(config: Option<&TaskQueueConfig>) -> String {
    let limit = |limit: Option<&RateLimitConfig>| {
        limit.map_or("none".to_owned(), |config| {
            let rate = config.rate_limit.map(|limit| limit.requests_per_second);
            let metadata = config.metadata.clone().unwrap_or_default();
            let (reason, identity) = (metadata.reason, metadata.update_identity);
            format!("{rate:?} {reason:?} by {identity:?}, timed: {}", metadata.update_time.is_some())
        })
    };
    config.map_or("no configuration".to_owned(), |config| {
        let keys = config.fairness_keys_rate_limit_default.as_ref();
        format!("queue {}; keys {}", limit(config.queue_rate_limit.as_ref()), limit(keys))
    })
}

/// Configurations of one queue, one after another.
async fn configurations(client: &mut Client) -> Vec<String> {
    let update = |rate: Option<f32>, reason: &str| {
        let rate_limit = rate.map(|requests_per_second| RateLimit { requests_per_second });
        Some(RateLimitUpdate { rate_limit, reason: reason.to_owned() })
    };
    let mut lines = Vec::new();
    for (name, of, queue_limit, key_limit) in [
        ("of workflows", TaskQueueType::Workflow, update(Some(1.0), ""), None),
        ("negative", TaskQueueType::Activity, update(Some(-1.0), ""), None),
        ("negative of keys", TaskQueueType::Activity, None, update(Some(-1.0), "")),
        ("of the queue", TaskQueueType::Activity, update(Some(5.0), "why"), None),
        ("of keys", TaskQueueType::Activity, None, update(Some(0.5), "fair")),
        ("nothing", TaskQueueType::Activity, None, None),
        ("unset", TaskQueueType::Activity, update(None, "enough"), None),
    ] {
        let request = UpdateTaskQueueConfigRequest {
            namespace: NAMESPACE.to_owned(),
            identity: "me".to_owned(),
            task_queue: client.id("configured"),
            task_queue_type: of.into(),
            update_queue_rate_limit: queue_limit,
            update_fairness_key_rate_limit_default: key_limit,
            ..Default::default()
        };
        let answer = match client.service.update_task_queue_config(request).await {
            Err(status) => refusal(&status),
            Ok(answer) => limits(answer.into_inner().config.as_ref()),
        };
        lines.push(format!("configuration {name}: {answer}"));
    }
    for (name, reports) in [("configured", true), ("configured", false), ("other", true)] {
        let request = DescribeTaskQueueRequest {
            namespace: NAMESPACE.to_owned(),
            task_queue: Some(TaskQueue { name: client.id(name), ..TaskQueue::default() }),
            task_queue_type: TaskQueueType::Activity.into(),
            report_config: reports,
            ..Default::default()
        };
        let described = client.service.describe_task_queue(request).await.unwrap().into_inner();
        let effective = described.effective_rate_limit.unwrap();
        let config = limits(described.config.as_ref());
        lines.push(format!("described {name}: {config}, source {:?}", effective.rate_limit_source()));
    }
    lines
}

/// Which parts of a description there are.
async fn descriptions(client: &mut Client) -> Vec<String> {
    // No worker polls it: at Temporal's server a poll may be at another partition.
    let own = TaskQueue { name: client.id("described"), ..TaskQueue::default() };
    let mut start = client.start_request("waits");
    start.task_queue = Some(own.clone());
    client.service.start_workflow_execution(start).await.unwrap();
    let queue = |kind: TaskQueueKind| Some(TaskQueue { kind: kind.into(), ..own.clone() });
    let builds = |builds: &[&str], unversioned| {
        let build_ids = builds.iter().map(|build| (*build).to_owned()).collect();
        Some(TaskQueueVersionSelection { build_ids, unversioned, all_active: false })
    };
    let plain = DescribeTaskQueueRequest {
        namespace: NAMESPACE.to_owned(),
        task_queue: queue(TaskQueueKind::Normal),
        ..Default::default()
    };
    let enhanced =
        DescribeTaskQueueRequest { api_mode: DescribeTaskQueueMode::Enhanced.into(), ..plain.clone() };
    let requests = [
        ("no queue", DescribeTaskQueueRequest { task_queue: None, ..plain.clone() }),
        ("no name", DescribeTaskQueueRequest { task_queue: Some(TaskQueue::default()), ..plain.clone() }),
        ("plain", plain.clone()),
        ("status", DescribeTaskQueueRequest { include_task_queue_status: true, ..plain.clone() }),
        ("stats", DescribeTaskQueueRequest { report_stats: true, ..plain.clone() }),
        ("enhanced", enhanced.clone()),
        (
            "enhanced, sticky",
            DescribeTaskQueueRequest { task_queue: queue(TaskQueueKind::Sticky), ..enhanced.clone() },
        ),
        (
            "enhanced, everything",
            DescribeTaskQueueRequest {
                report_stats: true,
                report_pollers: true,
                report_task_reachability: true,
                versions: builds(&["1.0"], true),
                ..enhanced.clone()
            },
        ),
        (
            "enhanced, too many builds",
            DescribeTaskQueueRequest {
                report_task_reachability: true,
                versions: builds(&["1", "2", "3", "4", "5", "6"], false),
                ..enhanced
            },
        ),
    ];
    let mut lines = Vec::new();
    for (name, request) in requests {
        let answer = match client.service.describe_task_queue(request).await {
            Err(status) => refusal(&status),
            Ok(answer) => parts(&answer.into_inner()),
        };
        lines.push(format!("describe {name}: {answer}"));
    }
    client.terminate("waits").await;
    lines
}

fn parts(description: &DescribeTaskQueueResponse) -> String {
    let versions = description.versions_info.iter().map(|(build, version)| {
        let types = version.types_info.iter().map(|(of, info)| {
            format!("{of}: pollers {}, stats {}", !info.pollers.is_empty(), info.stats.is_some())
        });
        let types = types.collect::<Vec<_>>().join("; ");
        format!("{build:?} reachable {} [{types}]", version.task_reachability)
    });
    format!(
        "pollers {}, stats {}, default priority {}, status {}, limit {}, versions {:?}",
        !description.pollers.is_empty(),
        description.stats.is_some(),
        // Server 1.29 also counts keys that it does not tell apart.
        description.stats_by_priority_key.contains_key(&3),
        description.task_queue_status.is_some(),
        description.effective_rate_limit.is_some(),
        versions.collect::<Vec<_>>()
    )
}
