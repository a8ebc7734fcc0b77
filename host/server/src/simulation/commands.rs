//! What simulated workflows ask for.

use std::time::Duration;

use fuzz::Random;
use host_wire::{
    duration_to_proto,
    temporal::api::{
        command::v1::{command::Attributes, *},
        common::v1::{ActivityType, RetryPolicy, WorkflowExecution, WorkflowType},
        enums::v1::ParentClosePolicy,
        failure::v1::{ApplicationFailureInfo, Failure, failure::FailureInfo},
        taskqueue::v1::TaskQueue,
    },
};

use super::{QUEUE, worker::Knowledge};

/// Events after which a workflow closes soon.
const LONG: u64 = 60;
/// The type of all activities.
pub(super) const ACTIVITY_TYPE: &str = "activity";
/// Workflow ids that children and external signals use.
const OTHERS: [&str; 5] = ["a", "b", "c", "child", "nowhere"];

/// Some commands, with a closing one more and more likely.
pub(super) fn draw(random: &mut Random, known: &Knowledge) -> Vec<Attributes> {
    let mut commands = Vec::new();
    for _ in 0..random.below(4) {
        commands.push(one(random, known));
    }
    let events = u64::try_from(known.events).unwrap();
    if known.is_cancelled && random.percent(50) {
        commands.push(Attributes::CancelWorkflowExecutionCommandAttributes(Box::default()));
    } else if random.below(LONG) < events {
        commands.push(closing(random));
    }
    commands
}

fn one(random: &mut Random, known: &Knowledge) -> Attributes {
    match random.below(20) {
        0..7 => activity(random),
        7..11 => timer(random),
        11 => cancel_timer(random, known),
        12..14 => cancel_activity(random, known),
        14..16 if known.children < 3 => child(random),
        16 => signal(random),
        17 => cancel_external(random),
        _ => marker(),
    }
}

fn closing(random: &mut Random) -> Attributes {
    match random.below(10) {
        0..2 => Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(Box::new(
            ContinueAsNewWorkflowExecutionCommandAttributes {
                workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
                ..Default::default()
            },
        )),
        2..4 => Attributes::FailWorkflowExecutionCommandAttributes(Box::new(
            FailWorkflowExecutionCommandAttributes { failure: Some(failure()) },
        )),
        _ => completion(),
    }
}

pub(super) fn completion() -> Attributes {
    Attributes::CompleteWorkflowExecutionCommandAttributes(Box::default())
}

pub(super) fn failure() -> Failure {
    Failure {
        message: "failed".to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo::default())),
        ..Failure::default()
    }
}

fn activity(random: &mut Random) -> Attributes {
    let timeout = |random: &mut Random, most| millis(500 + random.below(most));
    let attempts = i32::try_from(random.below(4)).unwrap();
    Attributes::ScheduleActivityTaskCommandAttributes(Box::new(ScheduleActivityTaskCommandAttributes {
        activity_id: random.next().to_string(),
        activity_type: Some(ActivityType { name: ACTIVITY_TYPE.to_owned() }),
        task_queue: Some(TaskQueue { name: QUEUE.to_owned(), ..TaskQueue::default() }),
        start_to_close_timeout: timeout(random, 5_000),
        schedule_to_close_timeout: if random.percent(30) { timeout(random, 20_000) } else { None },
        schedule_to_start_timeout: if random.percent(20) { timeout(random, 10_000) } else { None },
        heartbeat_timeout: if random.percent(40) { timeout(random, 2_000) } else { None },
        retry_policy: random.percent(80).then(|| RetryPolicy {
            initial_interval: timeout(random, 2_000),
            maximum_interval: millis(4_000),
            maximum_attempts: attempts,
            ..RetryPolicy::default()
        }),
        request_eager_execution: random.percent(20),
        ..Default::default()
    }))
}

fn timer(random: &mut Random) -> Attributes {
    Attributes::StartTimerCommandAttributes(Box::new(StartTimerCommandAttributes {
        timer_id: random.next().to_string(),
        // Some so long that their runs leave memory.
        start_to_fire_timeout: if random.percent(20) {
            millis(30_000)
        } else {
            millis(1 + random.below(9_000))
        },
    }))
}

fn cancel_timer(random: &mut Random, known: &Knowledge) -> Attributes {
    let timers: Vec<_> = known.timers.iter().collect();
    if timers.is_empty() {
        return marker();
    }
    Attributes::CancelTimerCommandAttributes(Box::new(CancelTimerCommandAttributes {
        timer_id: (*random.pick(&timers)).clone(),
    }))
}

fn cancel_activity(random: &mut Random, known: &Knowledge) -> Attributes {
    let activities: Vec<_> = known.activities.iter().copied().collect();
    if activities.is_empty() {
        return marker();
    }
    Attributes::RequestCancelActivityTaskCommandAttributes(Box::new(
        RequestCancelActivityTaskCommandAttributes { scheduled_event_id: *random.pick(&activities) },
    ))
}

fn child(random: &mut Random) -> Attributes {
    let policy = [ParentClosePolicy::Terminate, ParentClosePolicy::Abandon, ParentClosePolicy::RequestCancel];
    Attributes::StartChildWorkflowExecutionCommandAttributes(Box::new(
        StartChildWorkflowExecutionCommandAttributes {
            workflow_id: (*random.pick(&OTHERS)).to_owned(),
            workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
            task_queue: Some(TaskQueue { name: QUEUE.to_owned(), ..TaskQueue::default() }),
            workflow_task_timeout: millis(3_000),
            parent_close_policy: (*random.pick(&policy)).into(),
            ..Default::default()
        },
    ))
}

fn signal(random: &mut Random) -> Attributes {
    Attributes::SignalExternalWorkflowExecutionCommandAttributes(Box::new(
        SignalExternalWorkflowExecutionCommandAttributes {
            execution: other(random),
            signal_name: format!("external-{}", random.next()),
            ..Default::default()
        },
    ))
}

fn cancel_external(random: &mut Random) -> Attributes {
    Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(Box::new(
        RequestCancelExternalWorkflowExecutionCommandAttributes {
            workflow_id: other(random).unwrap_or_default().workflow_id,
            ..Default::default()
        },
    ))
}

fn other(random: &mut Random) -> Option<WorkflowExecution> {
    let workflow_id = (*random.pick(&OTHERS)).to_owned();
    Some(WorkflowExecution { workflow_id, run_id: String::new() })
}

fn marker() -> Attributes {
    Attributes::RecordMarkerCommandAttributes(Box::new(RecordMarkerCommandAttributes {
        marker_name: "marker".to_owned(),
        ..Default::default()
    }))
}

fn millis(millis: u64) -> Option<prost_types::Duration> {
    Some(duration_to_proto(Duration::from_millis(millis)))
}
