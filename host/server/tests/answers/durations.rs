//! Durations of every kind in requests and commands: none, zero, negative, mixed, and more than 100 years.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::{command::Attributes, *},
        common::v1::{ActivityType, RetryPolicy, WorkflowType},
        enums::v1::EventType,
    },
};
use prost_types::Duration;
use tonic::Status;

use crate::client::{Client, seconds};

/// The seconds and nanoseconds of each kind.
const KINDS: [(&str, i64, i32); 6] = [
    ("zero", 0, 0),
    ("negative", -5, 0),
    ("negative nanoseconds", 0, -1),
    ("mixed", 5, -1),
    ("200 years", 200 * 365 * 86_400, 0),
    ("longest", i64::MAX, 999_999_999),
];

/// Temporal's server multiplies it before it cuts it.
const OVERFLOWS: &str = "longest";

type Make = fn(Option<Duration>) -> Attributes;
type Set<R> = fn(&mut R, Option<Duration>);

pub(crate) async fn answers(mut client: Client) -> String {
    let mut lines = Vec::new();
    for (kind, seconds, nanos) in KINDS {
        let duration = Some(Duration { seconds, nanos });
        starts(&mut client, kind, duration, &mut lines).await;
        commands(&mut client, kind, duration, &mut lines).await;
    }
    timer_without_duration(&mut client, &mut lines).await;
    lines.join("\n") + "\n"
}

async fn starts(client: &mut Client, kind: &str, duration: Option<Duration>, lines: &mut Vec<String>) {
    type Request = host_wire::temporal::api::workflowservice::v1::StartWorkflowExecutionRequest;
    let fields: [(&str, Set<Request>); 6] = [
        ("execution timeout", |request, it| request.workflow_execution_timeout = it),
        ("run timeout", |request, it| request.workflow_run_timeout = it),
        ("task timeout", |request, it| request.workflow_task_timeout = it),
        ("start delay", |request, it| request.workflow_start_delay = it),
        ("initial interval", |request, it| {
            request.retry_policy = Some(RetryPolicy { initial_interval: it, ..RetryPolicy::default() });
        }),
        ("maximum interval", |request, it| {
            request.retry_policy = Some(RetryPolicy { maximum_interval: it, ..RetryPolicy::default() });
        }),
    ];
    for (field, set) in fields {
        if field == "initial interval" && kind == OVERFLOWS {
            continue;
        }
        let name = format!("start {field} {kind}");
        let mut request = client.start_request(&name);
        set(&mut request, duration);
        let answer = client.service.start_workflow_execution(request).await;
        let answer = match answer {
            Ok(_) => {
                let EventAttributes::WorkflowExecutionStartedEventAttributes(it) =
                    client.event(&name, EventType::WorkflowExecutionStarted).await
                else {
                    panic!("not the first event")
                };
                let policy = it.retry_policy.unwrap_or_default();
                [
                    it.workflow_execution_timeout,
                    it.workflow_run_timeout,
                    it.workflow_task_timeout,
                    it.first_workflow_task_backoff,
                    policy.initial_interval,
                    policy.maximum_interval,
                ]
                .map(shown)
                .join(" ")
            }
            Err(status) => code(&status),
        };
        client.terminate(&name).await;
        lines.push(format!("start; {field}, {kind}: {answer}"));
    }
}

/// The code alone: the texts name the same fields in other words.
fn code(status: &Status) -> String {
    format!("{:?}", status.code())
}

/// Unset is as zero.
fn shown(duration: Option<Duration>) -> String {
    let Duration { seconds, nanos } = duration.unwrap_or_default();
    if nanos == 0 { format!("{seconds}s") } else { format!("{seconds}s{nanos}ns") }
}

async fn commands(client: &mut Client, kind: &str, duration: Option<Duration>, lines: &mut Vec<String>) {
    let fields: [(&str, EventType, Make); 9] = [
        ("timer", EventType::TimerStarted, timer),
        ("schedule to close", EventType::ActivityTaskScheduled, |it| {
            activity(|activity| activity.schedule_to_close_timeout = it)
        }),
        ("schedule to start", EventType::ActivityTaskScheduled, |it| {
            activity(|activity| activity.schedule_to_start_timeout = it)
        }),
        ("start to close", EventType::ActivityTaskScheduled, |it| {
            activity(|activity| activity.start_to_close_timeout = it)
        }),
        ("heartbeat", EventType::ActivityTaskScheduled, |it| {
            activity(|activity| activity.heartbeat_timeout = it)
        }),
        ("activity's interval", EventType::ActivityTaskScheduled, |it| {
            activity(|activity| {
                activity.retry_policy = Some(RetryPolicy { initial_interval: it, ..RetryPolicy::default() });
            })
        }),
        ("child's execution timeout", EventType::StartChildWorkflowExecutionInitiated, |it| {
            child(|child| child.workflow_execution_timeout = it)
        }),
        ("child's run timeout", EventType::StartChildWorkflowExecutionInitiated, |it| {
            child(|child| child.workflow_run_timeout = it)
        }),
        ("child's task timeout", EventType::StartChildWorkflowExecutionInitiated, |it| {
            child(|child| child.workflow_task_timeout = it)
        }),
    ];
    for (field, event, command) in fields {
        if field == "activity's interval" && kind == OVERFLOWS {
            continue;
        }
        let name = format!("command {field} {kind}");
        client.start(&name).await;
        let task = client.poll().await;
        let mut attributes = command(duration);
        if let Attributes::StartChildWorkflowExecutionCommandAttributes(child) = &mut attributes {
            child.workflow_id = client.id(&format!("child {field} {kind}"));
            child.task_queue.get_or_insert_default().name = "no-worker-polls".to_owned();
        }
        let answer = match client.try_complete(&task, vec![attributes]).await {
            Ok(()) => described(client.event(&name, event).await),
            Err(status) => code(&status),
        };
        client.terminate(&name).await;
        lines.push(format!("command; {field}, {kind}: {answer}"));
    }
}

fn timer(duration: Option<Duration>) -> Attributes {
    Attributes::StartTimerCommandAttributes(Box::new(StartTimerCommandAttributes {
        timer_id: "t".to_owned(),
        start_to_fire_timeout: duration,
    }))
}

fn activity(set: impl FnOnce(&mut ScheduleActivityTaskCommandAttributes)) -> Attributes {
    let mut activity = ScheduleActivityTaskCommandAttributes {
        activity_id: "a".to_owned(),
        activity_type: Some(ActivityType { name: "Activity".to_owned() }),
        task_queue: Some(host_wire::temporal::api::taskqueue::v1::TaskQueue {
            name: "no-worker-polls".to_owned(),
            ..Default::default()
        }),
        schedule_to_close_timeout: seconds(60),
        ..Default::default()
    };
    set(&mut activity);
    Attributes::ScheduleActivityTaskCommandAttributes(Box::new(activity))
}

fn child(set: impl FnOnce(&mut StartChildWorkflowExecutionCommandAttributes)) -> Attributes {
    let mut child = StartChildWorkflowExecutionCommandAttributes {
        workflow_type: Some(WorkflowType { name: "Child".to_owned() }),
        ..Default::default()
    };
    set(&mut child);
    Attributes::StartChildWorkflowExecutionCommandAttributes(Box::new(child))
}

fn described(attributes: EventAttributes) -> String {
    match attributes {
        EventAttributes::TimerStartedEventAttributes(it) => shown(it.start_to_fire_timeout),
        EventAttributes::ActivityTaskScheduledEventAttributes(it) => {
            let policy = it.retry_policy.unwrap_or_default();
            [
                it.schedule_to_close_timeout,
                it.schedule_to_start_timeout,
                it.start_to_close_timeout,
                it.heartbeat_timeout,
                policy.initial_interval,
                policy.maximum_interval,
            ]
            .map(shown)
            .join(" ")
        }
        EventAttributes::StartChildWorkflowExecutionInitiatedEventAttributes(it) => {
            [it.workflow_execution_timeout, it.workflow_run_timeout, it.workflow_task_timeout]
                .map(shown)
                .join(" ")
        }
        other => panic!("{other:?}"),
    }
}

/// A timer of no time fires at once, which is a task of its own.
async fn timer_without_duration(client: &mut Client, lines: &mut Vec<String>) {
    for (kind, duration) in [("absent", None), ("zero", seconds(0))] {
        let name = format!("fires {kind}");
        client.start(&name).await;
        let task = client.poll().await;
        client.complete(&task, vec![timer(duration)]).await;
        client.event(&name, EventType::TimerFired).await;
        let task = client.poll().await;
        client.complete(&task, vec![crate::client::completion()]).await;
        lines.push(format!("timer; {kind}: {}", client.status(&name, "").await));
    }
}
