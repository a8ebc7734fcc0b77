//! What an open run waits for, in words, from what the service says of it.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, SystemTime},
};

use guest_sdk_types::Failure;
use host_client::{Error, HistoryStream};
use host_wire::{
    EventAttributes, duration_from_proto,
    temporal::api::{
        enums::v1::{PendingActivityState, PendingWorkflowTaskState},
        workflow::v1::{PendingActivityInfo, PendingWorkflowTaskInfo},
        workflowservice::v1::DescribeWorkflowExecutionResponse,
    },
    timestamp_from_proto, timestamp_to_proto,
};

use super::super::pending::{activity_type, attempt};
use crate::{
    command::task_queue::Kind,
    exit::chain,
    output::{
        escape::{Place, escape},
        event::milliseconds,
        failure,
        span::span,
    },
};

/// Reasons of one look; a run may have thousands of operations.
const MAX_REASONS: usize = 5;

/// What is known of an open run.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) description: DescribeWorkflowExecutionResponse,
    /// Task queues that no worker polls.
    pub(super) unpolled: Vec<(Kind, String)>,
    /// How the last failed workflow task failed, in lines.
    pub(super) task_failure: Option<String>,
    /// Timers that have not fired, the earliest first.
    pub(super) timers: Vec<Timer>,
}

/// A timer that has not fired: its id, and when it fires.
pub(super) type Timer = (String, SystemTime);

/// One thing that a run waits for: what follows "Waits for".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reason {
    what: String,
    /// When it happens, where that is known.
    at: Option<SystemTime>,
    /// More lines, such as a failure.
    details: Option<String>,
}

impl Reason {
    fn new(what: impl AsRef<str>) -> Self {
        Self { what: escape(what.as_ref(), Place::Line).into_owned(), ..Self::default() }
    }

    fn at(self, time: Option<SystemTime>) -> Self {
        Self { at: time, ..self }
    }

    fn with(self, details: Option<String>) -> Self {
        Self { details, ..self }
    }

    /// The service does not answer.
    pub(super) fn service(error: &anyhow::Error) -> Self {
        Self::new(format!("the service: {}", chain(error)))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)?;
        if let Some(time) = self.at {
            write!(formatter, " at {}", milliseconds(&timestamp_to_proto(time)))?;
            let left = time.duration_since(SystemTime::now()).unwrap_or_default();
            if left >= Duration::from_secs(1) {
                write!(formatter, ", in {}", span(left))?;
            }
        }
        match &self.details {
            Some(details) => write!(formatter, "\n{details}"),
            None => Ok(()),
        }
    }
}

/// The task queues whose workers the run needs next.
pub(super) fn queues(description: &DescribeWorkflowExecutionResponse) -> Vec<(Kind, String)> {
    let info = description.workflow_execution_info.as_ref();
    let of_run = info.map(|info| info.task_queue.clone()).unwrap_or_default();
    let task = description.pending_workflow_task.as_ref();
    let waits = task.is_some_and(|task| task.state() == PendingWorkflowTaskState::Scheduled);
    let mut queues: Vec<_> = waits.then(|| (Kind::Workflow, of_run.clone())).into_iter().collect();
    for activity in description.pending_activities.iter().filter(|activity| is_scheduled(activity)) {
        let queue = (Kind::Activity, queue(activity).unwrap_or(&of_run).to_owned());
        if !queues.contains(&queue) {
            queues.push(queue);
        }
    }
    queues.truncate(MAX_REASONS);
    queues
}

/// The timers that a history started and that neither fired nor were cancelled.
///
/// # Errors
///
/// When the history cannot be read.
pub(super) async fn open_timers(mut events: HistoryStream) -> Result<Vec<Timer>, Error> {
    let mut open = BTreeMap::new();
    while let Some(event) = events.next().await? {
        match event.attributes {
            Some(EventAttributes::TimerStartedEventAttributes(started)) => {
                let time = event.event_time.map(timestamp_from_proto);
                let after = started.start_to_fire_timeout.map(duration_from_proto).unwrap_or_default();
                if let Some(fires) = time.and_then(|time| time.checked_add(after)) {
                    open.insert(event.event_id, (started.timer_id, fires));
                }
            }
            Some(EventAttributes::TimerFiredEventAttributes(fired)) => {
                open.remove(&fired.started_event_id);
            }
            Some(EventAttributes::TimerCanceledEventAttributes(canceled)) => {
                open.remove(&canceled.started_event_id);
            }
            _ => {}
        }
    }
    let mut timers: Vec<_> = open.into_values().collect();
    timers.sort_by_key(|(_, fires)| *fires);
    Ok(timers)
}

/// What the run waits for.
pub(super) fn reasons(known: &Known) -> Vec<Reason> {
    let description = &known.description;
    let info = description.workflow_execution_info.clone().unwrap_or_default();
    let begins = info.execution_time.map(timestamp_from_proto);
    if info.history_length <= 1 && begins.is_some_and(|begins| begins > SystemTime::now()) {
        return vec![Reason::new("its start").at(begins)];
    }
    let mut reasons = Vec::new();
    reasons.extend(
        description.pending_workflow_task.as_ref().map(|task| of_task(known, task, &info.task_queue)),
    );
    reasons.extend(
        description.pending_activities.iter().map(|activity| of_activity(known, activity, &info.task_queue)),
    );
    reasons.extend(description.pending_children.iter().map(|child| {
        Reason::new(format!("child workflow {} (id {})", child.workflow_type_name, child.workflow_id))
    }));
    reasons.extend(description.pending_nexus_operations.iter().map(|operation| {
        Reason::new(format!("Nexus operation {} of {}", operation.operation, operation.service))
    }));
    reasons
        .extend(known.timers.iter().map(|(id, fires)| Reason::new(format!("timer {id}")).at(Some(*fires))));
    if reasons.is_empty() {
        return vec![Reason::new("a signal or an update: it has no timer and nothing else is pending")];
    }
    let more = reasons.len().saturating_sub(MAX_REASONS);
    reasons.truncate(MAX_REASONS);
    if more > 0 {
        reasons.push(Reason::new(format!("{more} more operations")));
    }
    reasons
}

fn of_task(known: &Known, task: &PendingWorkflowTaskInfo, queue: &str) -> Reason {
    if known.unpolled.iter().any(|(kind, name)| *kind == Kind::Workflow && name == queue) {
        return Reason::new(format!("a worker: none polls task queue {queue} for workflow tasks"));
    }
    if task.attempt > 1 {
        let what = format!("its workflow task, which fails; attempt {} follows", task.attempt);
        return Reason::new(what).with(known.task_failure.clone());
    }
    match task.state() {
        PendingWorkflowTaskState::Started => Reason::new("a worker that executes its workflow task"),
        _ => Reason::new(format!("a worker of task queue {queue} that takes its workflow task")),
    }
}

fn of_activity(known: &Known, activity: &PendingActivityInfo, queue_of_run: &str) -> Reason {
    let what = format!("activity {} (id {})", activity_type(activity), activity.activity_id);
    let queue = queue(activity).unwrap_or(queue_of_run);
    if activity.paused {
        return Reason::new(format!("{what}, which is paused"));
    }
    let last = activity.last_failure.clone().map(|last| failure::chain(&Failure::from(last)));
    let attempt = format!("attempt {}", attempt(activity));
    if !is_scheduled(activity) {
        return Reason::new(format!("{what}: {attempt} runs")).with(last);
    }
    if known.unpolled.iter().any(|(kind, name)| *kind == Kind::Activity && name == queue) {
        return Reason::new(format!("{what}: no worker polls task queue {queue} for activity tasks"))
            .with(last);
    }
    let next = activity.next_attempt_schedule_time.map(timestamp_from_proto);
    match next {
        Some(_) => Reason::new(format!("{what}: {attempt}")).at(next).with(last),
        None => {
            Reason::new(format!("{what}: a worker of task queue {queue} that takes {attempt}")).with(last)
        }
    }
}

fn is_scheduled(activity: &PendingActivityInfo) -> bool {
    activity.state() == PendingActivityState::Scheduled
}

/// The task queue of an activity, where the service says it.
fn queue(activity: &PendingActivityInfo) -> Option<&str> {
    let queue = activity.activity_options.as_ref()?.task_queue.as_ref()?;
    Some(queue.name.as_str()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use host_wire::temporal::api::{
        activity::v1::ActivityOptions,
        common::v1::{ActivityType, WorkflowType},
        failure::v1::Failure as ProtoFailure,
        taskqueue::v1::TaskQueue,
        workflow::v1::{PendingChildExecutionInfo, WorkflowExecutionInfo},
    };
    use prost_types::Timestamp;

    use super::*;

    fn check(change: impl FnOnce(&mut Known), expected: Expect) {
        let info = WorkflowExecutionInfo {
            task_queue: "q".to_owned(),
            history_length: 10,
            r#type: Some(WorkflowType { name: "Order".to_owned() }),
            ..WorkflowExecutionInfo::default()
        };
        let mut known = Known::default();
        known.description.workflow_execution_info = Some(info);
        change(&mut known);
        let lines: Vec<_> = reasons(&known).iter().map(ToString::to_string).collect();
        expected.assert_eq(&lines.join("\n"));
    }

    fn task(state: PendingWorkflowTaskState, attempt: i32) -> Option<PendingWorkflowTaskInfo> {
        Some(PendingWorkflowTaskInfo { state: state.into(), attempt, ..PendingWorkflowTaskInfo::default() })
    }

    fn activity(state: PendingActivityState, attempt: i32) -> PendingActivityInfo {
        PendingActivityInfo {
            activity_id: "5".to_owned(),
            activity_type: Some(ActivityType { name: "bake".to_owned() }),
            state: state.into(),
            attempt,
            activity_options: Some(ActivityOptions {
                task_queue: Some(TaskQueue { name: "kitchen".to_owned(), ..TaskQueue::default() }),
                ..ActivityOptions::default()
            }),
            ..PendingActivityInfo::default()
        }
    }

    /// A time that has passed, so that no line counts down to it.
    fn past() -> Timestamp {
        Timestamp { seconds: 1_700_000_000, nanos: 0 }
    }

    #[test]
    fn workflow_tasks() {
        let scheduled = PendingWorkflowTaskState::Scheduled;
        check(
            |known| {
                known.description.pending_workflow_task = task(scheduled, 1);
                known.unpolled = queues(&known.description);
            },
            expect!["a worker: none polls task queue q for workflow tasks"],
        );
        check(
            |known| known.description.pending_workflow_task = task(scheduled, 1),
            expect!["a worker of task queue q that takes its workflow task"],
        );
        check(
            |known| known.description.pending_workflow_task = task(PendingWorkflowTaskState::Started, 1),
            expect!["a worker that executes its workflow task"],
        );
        check(
            |known| {
                known.description.pending_workflow_task = task(scheduled, 3);
                known.task_failure = Some("  failure: oven is cold".to_owned());
            },
            expect![[r#"
                its workflow task, which fails; attempt 3 follows
                  failure: oven is cold"#]],
        );
    }

    #[test]
    fn activities() {
        let scheduled = PendingActivityState::Scheduled;
        check(
            |known| {
                known.description.pending_activities = vec![activity(scheduled, 1)];
                known.unpolled = queues(&known.description);
            },
            expect!["activity bake (id 5): no worker polls task queue kitchen for activity tasks"],
        );
        check(
            |known| {
                known.description.pending_activities = vec![activity(scheduled, 1)];
                known.unpolled = vec![(Kind::Workflow, "kitchen".to_owned())];
            },
            expect!["activity bake (id 5): a worker of task queue kitchen that takes attempt 1"],
        );
        check(
            |known| {
                let last = ProtoFailure { message: "no flour".to_owned(), ..ProtoFailure::default() };
                known.description.pending_activities = vec![PendingActivityInfo {
                    maximum_attempts: 5,
                    next_attempt_schedule_time: Some(past()),
                    last_failure: Some(last),
                    ..activity(scheduled, 4)
                }];
            },
            expect![[r#"
                activity bake (id 5): attempt 4 of 5 at 2023-11-14T22:13:20.000Z
                  failure: no flour"#]],
        );
        check(
            |known| {
                known.description.pending_activities = vec![
                    activity(PendingActivityState::Started, 2),
                    PendingActivityInfo { paused: true, ..activity(PendingActivityState::Paused, 1) },
                ];
            },
            expect![[r#"
                activity bake (id 5): attempt 2 runs
                activity bake (id 5), which is paused"#]],
        );
    }

    #[test]
    fn other_operations() {
        check(|_| (), expect!["a signal or an update: it has no timer and nothing else is pending"]);
        check(
            |known| {
                known.description.pending_children = vec![PendingChildExecutionInfo {
                    workflow_id: "order-17/\u{1b}".to_owned(),
                    workflow_type_name: "Pack".to_owned(),
                    ..PendingChildExecutionInfo::default()
                }];
                known.timers = (0..6).map(|id| (id.to_string(), timestamp_from_proto(past()))).collect();
            },
            expect![[r#"
                child workflow Pack (id order-17/\u{1b})
                timer 0 at 2023-11-14T22:13:20.000Z
                timer 1 at 2023-11-14T22:13:20.000Z
                timer 2 at 2023-11-14T22:13:20.000Z
                timer 3 at 2023-11-14T22:13:20.000Z
                2 more operations"#]],
        );
    }

    #[test]
    fn delayed_starts() {
        let begins = SystemTime::now() + Duration::from_secs(3 * 3_600 + 5 * 60 + 30);
        let mut known = Known::default();
        known.description.workflow_execution_info = Some(WorkflowExecutionInfo {
            history_length: 1,
            execution_time: Some(timestamp_to_proto(begins)),
            ..WorkflowExecutionInfo::default()
        });
        let [reason] = &reasons(&known)[..] else { panic!("one reason") };
        let text = reason.to_string();
        assert!(text.starts_with("its start at 2"), "{text}");
        assert!(text.ends_with(", in 3 h 5 min"), "{text}");
    }
}
