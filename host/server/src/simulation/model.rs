//! What clients and workers have seen and were promised, and what must follow from that.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use host_wire::{
    EventAttributes, duration_from_proto,
    temporal::api::{
        common::v1::WorkflowExecution,
        enums::v1::{
            EventType, UpdateWorkflowExecutionLifecycleStage as Stage, WorkflowExecutionStatus as RunStatus,
        },
        history::v1::HistoryEvent,
        update::v1::Outcome,
        workflow::v1::WorkflowExecutionInfo,
        workflowservice::v1::{
            DescribeWorkflowExecutionResponse, PollActivityTaskQueueResponse, PollWorkflowTaskQueueResponse,
        },
    },
};
use prost_types::Timestamp;

use super::{batches::Acknowledged, updates};
use crate::time::Time;

/// Everything that was seen, over all lives of the service.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) runs: BTreeMap<String, SeenRun>,
    /// Signals that were acknowledged.
    signals: BTreeSet<String>,
    /// Schedules whose creation was acknowledged.
    pub(super) schedules: BTreeSet<String>,
    pub(super) batches: Acknowledged,
    /// The builds of workers to which runs are pinned.
    pub(super) pinned: BTreeMap<String, &'static str>,
    /// Workflow ids whose runs clients have told to go on at another version.
    pub(super) overridden: BTreeSet<String>,
    /// The last tasks that workers in the process of the service were given, by run and activity.
    held: BTreeMap<(String, Option<String>), Held>,
    /// Workflow ids whose activities clients have paused, reset or changed: their attempts may be more than the events
    /// say.
    operated_on: BTreeSet<String>,
    marks: u64,
    /// How often clients heard of updates, by what they heard.
    pub(super) heard: BTreeMap<&'static str, usize>,
    /// The first thing that must not be.
    pub(super) violation: Option<String>,
}

/// A task that a worker has.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) workflow_id: String,
    pub(super) run_id: String,
    /// None for a workflow task.
    activity_id: Option<String>,
    attempt: i32,
    started: Option<Timestamp>,
}

impl Held {
    /// Whether the worker still has it, as a description says.
    pub(super) fn is_in(&self, described: &DescribeWorkflowExecutionResponse) -> bool {
        let (attempt, started) = match &self.activity_id {
            None => {
                let task = described.pending_workflow_task.unwrap_or_default();
                (task.attempt, task.started_time)
            }
            Some(activity_id) => {
                let mut activities = described.pending_activities.iter();
                let activity = activities.find(|activity| activity.activity_id == *activity_id);
                activity.map_or((0, None), |activity| (activity.attempt, activity.last_started_time))
            }
        };
        started.is_some() && (attempt, started) == (self.attempt, self.started)
    }
}

/// What was seen of one run.
#[derive(Debug, Default)]
pub(super) struct SeenRun {
    pub(super) workflow_id: String,
    /// The history as far as it was seen.
    events: Vec<Bytes>,
    /// The mark at which it was seen that it is closed.
    closed: Option<u64>,
    /// Whether its last event was seen.
    has_ended: bool,
    /// When timers may fire, by their started events.
    timers: BTreeMap<i64, Time>,
    /// Most attempts of activities, by their scheduled events; 0: any number.
    most_attempts: BTreeMap<i64, i32>,
    /// Whether clients have changed its activities.
    is_operated_on: bool,
    signals: BTreeMap<String, usize>,
    completed_tasks: BTreeSet<i64>,
    completed_activities: BTreeSet<i64>,
    /// Started events of workflow tasks, and scheduled events of activities, whose completion was
    /// acknowledged.
    acknowledged_tasks: BTreeSet<i64>,
    acknowledged_activities: BTreeSet<i64>,
    last_attempts: BTreeSet<i64>,
    /// Updates that the history has, each with its result once it is completed.
    updates: BTreeMap<String, Option<String>>,
    /// Updates of which a client heard that they were accepted, likewise.
    acknowledged_updates: BTreeMap<String, Option<String>>,
}

impl SeenRun {
    pub(super) fn events_seen(&self) -> usize {
        self.events.len()
    }

    /// The history as far as it was seen.
    pub(super) fn events(&self) -> &[Bytes] {
        &self.events
    }

    pub(super) fn signals_seen(&self) -> usize {
        self.signals.values().sum()
    }
}

impl Model {
    pub(super) fn fail(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fail(what());
        }
    }

    /// A run is there.
    pub(super) fn saw_run(&mut self, workflow_id: &str, run_id: &str) -> &mut SeenRun {
        let run = self.runs.entry(run_id.to_owned()).or_default();
        workflow_id.clone_into(&mut run.workflow_id);
        run.is_operated_on = self.operated_on.contains(workflow_id);
        run
    }

    /// Part of a history, whose first event is the one with this id. All of it was on disk.
    pub(super) fn saw_history(
        &mut self,
        workflow_id: &str,
        run_id: &str,
        first: i64,
        events: &[Bytes],
        now: Time,
    ) {
        let mark = self.mark();
        let run = self.saw_run(workflow_id, run_id);
        let mut problems = Vec::new();
        for (id, encoded) in (first..).zip(events) {
            let index = usize::try_from(id - 1).unwrap();
            match run.events.get(index) {
                Some(seen) if seen == encoded => {}
                Some(_) => {
                    problems.push(format!("{workflow_id} {run_id}: event {id} is another one than before"));
                }
                None if index == run.events.len() => run.append(encoded, now, mark, &mut problems),
                // What a worker had before was seen by others, or not at all.
                None => break,
            }
        }
        for problem in problems {
            self.fail(problem);
        }
    }

    /// What is seen from here on was not seen before.
    pub(super) fn mark(&mut self) -> u64 {
        self.marks += 1;
        self.marks
    }

    /// A description of a run, which was asked for at a mark, when so many of its events had been seen.
    pub(super) fn saw_info(&mut self, info: &WorkflowExecutionInfo, asked: u64, seen_before: usize) {
        let execution = info.execution.clone().unwrap_or_default();
        let id = format!("{} {}", execution.workflow_id, execution.run_id);
        let is_open = info.status() == RunStatus::Running;
        let now = self.mark();
        let run = self.saw_run(&execution.workflow_id, &execution.run_id);
        let was_closed = run.closed.is_some_and(|closed| closed < asked);
        if !is_open {
            run.closed.get_or_insert(now);
        }
        self.check(!(was_closed && is_open), || format!("{id} is open again"));
        let length = usize::try_from(info.history_length).unwrap();
        self.check(length >= seen_before, || {
            format!("{id} has {length} events, and {seen_before} were seen before")
        });
    }

    pub(super) fn signal_acknowledged(&mut self, name: &str) {
        self.signals.insert(name.to_owned());
    }

    /// A client heard of an update. One that failed may have been rejected, which leaves nothing.
    pub(super) fn saw_update(
        &mut self,
        execution: &WorkflowExecution,
        update_id: &str,
        stage: Stage,
        outcome: Option<&Outcome>,
    ) {
        let id = format!("{} {} {update_id}", execution.workflow_id, execution.run_id);
        let result = updates::result(outcome);
        let is_accepted = stage == Stage::Accepted || result.is_some();
        let heard = match (stage, &result) {
            (Stage::Completed, Some(_)) => "completed",
            (Stage::Completed, None) => "failed",
            _ => "accepted",
        };
        *self.heard.entry(heard).or_default() += 1;
        let run = self.saw_run(&execution.workflow_id, &execution.run_id);
        let before = run.acknowledged_updates.get(update_id).cloned();
        if is_accepted {
            let seen = run.acknowledged_updates.entry(update_id.to_owned()).or_default();
            *seen = seen.take().or(result.clone());
        }
        self.check(stage != Stage::Completed || outcome.is_some(), || format!("{id} has no outcome"));
        self.check(result.as_deref().is_none_or(|result| result == update_id), || {
            format!("{id} has the result {result:?}")
        });
        // An answer of an earlier stage may be on its way for long.
        if let Some(Some(before)) = before.filter(|_| stage == Stage::Completed) {
            self.check(result.as_ref() == Some(&before), || {
                format!("{id} had the result {before}, and now {stage:?} {result:?}")
            });
        }
    }

    /// Whether a client heard that an update was accepted.
    pub(super) fn was_accepted(&self, run_id: &str, update_id: &str) -> bool {
        self.runs.get(run_id).is_some_and(|run| run.acknowledged_updates.contains_key(update_id))
    }

    pub(super) fn task_acknowledged(&mut self, workflow_id: &str, run_id: &str, started_event_id: i64) {
        self.saw_run(workflow_id, run_id).acknowledged_tasks.insert(started_event_id);
    }

    pub(super) fn activity_acknowledged(&mut self, task: &PollActivityTaskQueueResponse, scheduled: i64) {
        let execution = task.workflow_execution.clone().unwrap_or_default();
        self.saw_run(&execution.workflow_id, &execution.run_id).acknowledged_activities.insert(scheduled);
    }

    /// A client is about to change the activities of a workflow id.
    pub(super) fn operated_on(&mut self, workflow_id: &str) {
        self.operated_on.insert(workflow_id.to_owned());
        let runs = self.runs.values_mut().filter(|run| run.workflow_id == workflow_id);
        runs.for_each(|run| run.is_operated_on = true);
    }

    /// An attempt of an activity was handed to a worker.
    pub(super) fn saw_attempt(&mut self, task: &PollActivityTaskQueueResponse, scheduled: i64) {
        let execution = task.workflow_execution.clone().unwrap_or_default();
        if self.operated_on.contains(&execution.workflow_id) {
            return;
        }
        let id = format!("{} {} activity {}", execution.workflow_id, execution.run_id, task.activity_id);
        let most = task.retry_policy.as_ref().map_or(0, |policy| policy.maximum_attempts);
        let attempt = task.attempt;
        self.check(most == 0 || attempt <= most, || format!("{id}: attempt {attempt} of {most}"));
        if attempt == most {
            let run = self.saw_run(&execution.workflow_id, &execution.run_id);
            let is_first = run.last_attempts.insert(scheduled);
            self.check(is_first, || format!("{id}: the last attempt was handed out twice"));
        }
    }

    /// A workflow task was handed to a worker that ends with the process.
    pub(super) fn holds_workflow_task(&mut self, task: &PollWorkflowTaskQueueResponse) {
        let execution = task.workflow_execution.clone().unwrap_or_default();
        let (workflow_id, run_id) = (execution.workflow_id, execution.run_id);
        let (attempt, started) = (task.attempt, task.started_time);
        self.holds(Held { workflow_id, run_id, activity_id: None, attempt, started });
    }

    /// Such a task was answered.
    pub(super) fn answered_workflow_task(&mut self, run_id: &str) {
        self.held.remove(&(run_id.to_owned(), None));
    }

    /// An activity was handed to a worker that ends with the process.
    pub(super) fn holds_activity(&mut self, task: &PollActivityTaskQueueResponse) {
        let execution = task.workflow_execution.clone().unwrap_or_default();
        let (workflow_id, run_id) = (execution.workflow_id, execution.run_id);
        let (attempt, started) = (task.attempt, task.started_time);
        let activity_id = Some(task.activity_id.clone());
        self.holds(Held { workflow_id, run_id, activity_id, attempt, started });
    }

    fn holds(&mut self, held: Held) {
        self.held.insert((held.run_id.clone(), held.activity_id.clone()), held);
    }

    /// The tasks that workers had which ended with the process.
    pub(super) fn take_held(&mut self) -> Vec<Held> {
        std::mem::take(&mut self.held).into_values().collect()
    }

    /// What must hold at the end, when every run is closed and every history was read.
    pub(super) fn check_end(&mut self) {
        let mut problems = Vec::new();
        let mut signals = BTreeSet::new();
        for (run_id, run) in &self.runs {
            let id = format!("{} {run_id}", run.workflow_id);
            if run.closed.is_none() {
                problems.push(format!("{id} is not closed"));
            }
            for task in run.acknowledged_tasks.difference(&run.completed_tasks) {
                problems.push(format!("{id}: the completion of workflow task {task} is lost"));
            }
            for activity in run.acknowledged_activities.difference(&run.completed_activities) {
                problems.push(format!("{id}: the completion of activity {activity} is lost"));
            }
            for (update, result) in &run.acknowledged_updates {
                match run.updates.get(update) {
                    None => problems.push(format!("{id}: {update} was accepted and is lost")),
                    Some(recorded) if result.is_some() && recorded != result => {
                        problems.push(format!("{id}: the completion of {update} is lost"));
                    }
                    Some(_) => {}
                }
            }
            for (signal, count) in &run.signals {
                if *count > 1 {
                    problems.push(format!("{id}: {signal} is there {count} times"));
                }
                signals.insert(signal);
            }
        }
        for signal in self.signals.iter().filter(|signal| !signals.contains(signal)) {
            problems.push(format!("{signal} was acknowledged and is lost"));
        }
        for problem in problems {
            self.fail(problem);
        }
    }
}

impl SeenRun {
    fn append(&mut self, encoded: &Bytes, now: Time, mark: u64, problems: &mut Vec<String>) {
        let event = <HistoryEvent as prost::Message>::decode(encoded.clone()).unwrap();
        let mut problem = |what: String| problems.push(format!("{}: {what}", self.workflow_id));
        let id = i64::try_from(self.events.len()).unwrap() + 1;
        if event.event_id != id {
            problem(format!("event {id} has the id {}", event.event_id));
        }
        let time = event.event_time.map(Time::from).unwrap_or_default();
        if time > now {
            problem(format!("event {id} is of the future"));
        }
        if self.has_ended {
            problem(format!("event {id} comes after the close"));
        }
        if closes(event.event_type()) {
            self.closed.get_or_insert(mark);
            self.has_ended = true;
        }
        match event.attributes.as_ref().unwrap() {
            EventAttributes::TimerStartedEventAttributes(timer) => {
                let due =
                    time.after(timer.start_to_fire_timeout.map(duration_from_proto).unwrap_or_default());
                self.timers.insert(id, due);
            }
            EventAttributes::TimerFiredEventAttributes(timer) => {
                match self.timers.remove(&timer.started_event_id) {
                    Some(due) if time >= due => {}
                    Some(_) => problem(format!("event {id}: a timer fired early")),
                    None => problem(format!("event {id}: a timer fired that does not run")),
                }
            }
            EventAttributes::TimerCanceledEventAttributes(timer) => {
                self.timers.remove(&timer.started_event_id);
            }
            EventAttributes::WorkflowExecutionSignaledEventAttributes(signal) => {
                let mut name = signal.signal_name.clone();
                // A run that was reset sends again what it had sent and not yet had an answer to.
                if let Some(sender) = &signal.external_workflow_execution {
                    name.extend([" of ", &sender.run_id]);
                }
                *self.signals.entry(name).or_default() += 1;
            }
            EventAttributes::WorkflowTaskCompletedEventAttributes(task) => {
                self.completed_tasks.insert(task.started_event_id);
            }
            EventAttributes::WorkflowExecutionUpdateAcceptedEventAttributes(update) => {
                let is_first = self.updates.insert(update.protocol_instance_id.clone(), None).is_none();
                if !is_first {
                    problem(format!("event {id}: an update is accepted twice"));
                }
            }
            EventAttributes::WorkflowExecutionUpdateCompletedEventAttributes(update) => {
                let update_id = update.meta.clone().unwrap_or_default().update_id;
                let result = updates::result(update.outcome.as_ref());
                match self.updates.insert(update_id, result) {
                    Some(None) => {}
                    before => problem(format!("event {id}: an update is completed that was {before:?}")),
                }
            }
            EventAttributes::ActivityTaskScheduledEventAttributes(activity) => {
                let most = activity.retry_policy.as_ref().map_or(0, |policy| policy.maximum_attempts);
                self.most_attempts.insert(id, most);
            }
            EventAttributes::ActivityTaskStartedEventAttributes(activity) => {
                match self.most_attempts.get(&activity.scheduled_event_id) {
                    Some(_) if self.is_operated_on => {}
                    Some(most) if *most == 0 || activity.attempt <= *most => {}
                    _ => problem(format!("event {id}: attempt {} is too many", activity.attempt)),
                }
            }
            EventAttributes::ActivityTaskCompletedEventAttributes(activity) => {
                let is_first = self.completed_activities.insert(activity.scheduled_event_id);
                if !is_first {
                    problem(format!("event {id}: an activity completes twice"));
                }
            }
            _ => {}
        }
        self.events.push(encoded.clone());
    }
}

fn closes(event_type: EventType) -> bool {
    matches!(
        event_type,
        EventType::WorkflowExecutionCompleted
            | EventType::WorkflowExecutionFailed
            | EventType::WorkflowExecutionCanceled
            | EventType::WorkflowExecutionTerminated
            | EventType::WorkflowExecutionContinuedAsNew
            | EventType::WorkflowExecutionTimedOut
    )
}
