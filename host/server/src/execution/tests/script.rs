//! The language of the tests. Every line is one input; `W` is the workflow id `w` unless `@id` ends
//! the line.
//!
//! ```text
//! start [key=value …]         signal NAME [request]   cancel    terminate    +SECONDS
//! poll    complete[-sticky] COMMAND… [--force] [--return]    fail    in-process    restart
//! take ACTIVITY    done ACTIVITY    error ACTIVITY [type]    canceled ACTIVITY    beat ACTIVITY
//! evict
//! ```

use std::{
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard},
};

use host_wire::{
    EventAttributes, duration_to_proto,
    temporal::api::{
        command::v1::{command::Attributes, *},
        common::v1::{ActivityType, RetryPolicy, WorkflowExecution, WorkflowType},
        enums::v1::{WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
        failure::v1::{ApplicationFailureInfo, Failure, failure::FailureInfo},
        history::v1::HistoryEvent,
        taskqueue::v1::{StickyExecutionAttributes, TaskQueue},
        workflowservice::v1::*,
    },
};
use prost::Message;

use crate::{
    error::Error,
    execution::{
        activity::{
            AttemptEnd,
            respond::{self, Attempt},
        },
        archive::Archive,
        cancel::{CancelRequest, request_cancel},
        close::terminate::terminate,
        executions::Executions,
        record::{Record, RunIdentity, RunNumber},
        run::Run,
        signal::Signal,
        start::start,
        task::Task,
        token::TaskToken,
        transition::Transition,
        worker::Worker,
        workflow_task::{complete::complete_task, fail::fail_task},
    },
    time::Time,
};

const START: i64 = 1_700_000_000_000_000_000;

pub(crate) struct Script {
    pub(crate) executions: Executions,
    now: Time,
    ids: u64,
    kept: Kept,
    out: String,
    token: Option<TaskToken>,
    /// Whether workers end with the service.
    in_process: bool,
}

/// Everything that happened, as storage has it.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<Record>>>);

impl Kept {
    fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        self.0.lock().unwrap()
    }

    fn last_born(&self, is_it: impl Fn(&RunIdentity) -> bool) -> Option<RunNumber> {
        let records = self.records();
        let born = records.iter().rev().find(|record| record.identity.as_ref().is_some_and(&is_it));
        born.map(|record| record.run)
    }
}

impl Archive for Kept {
    fn latest(&self, namespace: &str, workflow_id: &str) -> Option<RunNumber> {
        self.last_born(|identity| identity.namespace == namespace && identity.workflow_id == workflow_id)
    }

    fn with_run_id(&self, run_id: &str) -> Option<RunNumber> {
        self.last_born(|identity| identity.run_id == run_id)
    }

    fn load(&self, number: RunNumber) -> Option<Run> {
        Run::from_records(self.records().iter().filter(|record| record.run == number).cloned())
    }
}

impl Default for Script {
    fn default() -> Self {
        let kept = Kept::default();
        Self {
            executions: Executions::new(["default".to_owned()], Box::new(kept.clone()), 0),
            now: Time(START),
            ids: 0,
            kept,
            out: String::new(),
            token: None,
            in_process: false,
        }
    }
}

impl Script {
    pub(crate) fn line(&mut self, line: &str) {
        let (line, id) = line.split_once(" @").unwrap_or((line, "w"));
        let line = line.trim();
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap();
        let arguments: Vec<&str> = words.collect();
        if let Some(seconds) = verb.strip_prefix('+') {
            self.pass(seconds.parse().unwrap());
            return;
        }
        let result = self.act(verb, &arguments, id);
        if let Err(error) = result {
            let kind = format!("{error:?}");
            let kind = kind.split(['(', ' ', '{']).next().unwrap().to_owned();
            writeln!(self.out, "{verb}: {kind}: {error}").unwrap();
        }
    }

    fn transition<R>(&mut self, change: impl FnOnce(&mut Transition<'_>) -> R) -> R {
        let ids = &mut self.ids;
        let mut next = || {
            *ids += 1;
            format!("00000000-0000-4000-8000-{ids:012}")
        };
        let mut transition = Transition::new(&mut self.executions, self.now, &mut next);
        let result = change(&mut transition);
        for task in &transition.changes.tasks {
            if let Task::Workflow { queue, .. } = task
                && !queue.normal_name.is_empty()
            {
                writeln!(self.out, "task on sticky queue {}", queue.name).unwrap();
            }
        }
        self.kept.records().extend(transition.changes.records);
        result
    }

    fn pass(&mut self, seconds: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a test")]
        let end = Time(self.now.0 + (seconds * 1e9) as i64);
        loop {
            let mut due: Vec<_> = self
                .executions
                .runs()
                .filter_map(|(number, run)| Some((run.next_deadline()?.0, number)))
                .filter(|(time, _)| *time <= end)
                .collect();
            due.sort_unstable();
            let Some((time, number)) = due.first().copied() else { break };
            self.now = self.now.max(time);
            self.transition(|transition| transition.change(number, |run| run.pass_time()));
        }
        self.now = end;
    }

    fn number(&self, id: &str) -> RunNumber {
        self.executions.current("default", id).unwrap()
    }

    pub(crate) fn is_open(&self, id: &str) -> bool {
        self.run(id).is_open()
    }

    fn run(&self, id: &str) -> &Run {
        self.executions.run(self.number(id)).unwrap()
    }

    fn act(&mut self, verb: &str, arguments: &[&str], id: &str) -> Result<(), Error> {
        let execution = Some(WorkflowExecution { workflow_id: id.to_owned(), run_id: String::new() });
        let first = arguments.first().copied().unwrap_or_default();
        match verb {
            "start" => {
                let request = start_request(arguments, id);
                let started = self.transition(|transition| start(transition, request))?;
                if !started.just_now {
                    writeln!(self.out, "start: run {} started={}", started.run, started.by_this_request)
                        .unwrap();
                }
                Ok(())
            }
            "signal" => {
                let request_id = arguments.get(1).copied().unwrap_or_default().to_owned();
                let signal = Signal { name: first.to_owned(), request_id, ..Signal::default() };
                self.transition(|transition| {
                    let number = transition.executions.find_open("default", execution.as_ref(), "")?;
                    transition.change(number, |run| run.signal(signal)).unwrap()
                })
            }
            "cancel" => self.transition(|transition| {
                request_cancel(transition, "default", execution.as_ref(), "", CancelRequest::default())
            }),
            "terminate" => self.transition(|transition| {
                let request = TerminateWorkflowExecutionRequest {
                    namespace: "default".to_owned(),
                    workflow_execution: execution,
                    reason: first.to_owned(),
                    ..Default::default()
                };
                terminate(transition, request)
            }),
            "in-process" => {
                self.in_process = true;
                Ok(())
            }
            "restart" => {
                let number = self.number(id);
                if self.run(id).has_lost_worker() {
                    self.transition(|transition| transition.change(number, |run| run.lose_workers()));
                }
                Ok(())
            }
            "evict" => {
                self.executions.evict(self.number(id));
                Ok(())
            }
            "poll" => self.poll(id),
            "complete" => self.complete(arguments, None),
            "complete-sticky" => self.complete(arguments, Some("sticky")),
            "fail" => {
                let token = self.token.clone().unwrap();
                self.transition(|transition| {
                    fail_task(transition, &token, RespondWorkflowTaskFailedRequest::default())
                })
            }
            _ => self.act_on_activity(verb, arguments, id),
        }
    }

    fn poll(&mut self, id: &str) -> Result<(), Error> {
        let number = self.number(id);
        let run = self.run(id);
        let task = run.task.clone().ok_or_else(Error::no_task)?;
        let worker = worker(self.in_process);
        self.transition(|transition| {
            transition
                .change(number, |run| run.start_task(task.scheduled_event_id, task.attempt, &worker, None))
        });
        let run = self.run(id);
        let (token, transient) = (TaskToken::of_task(number, run), run.transient_events());
        self.token = token.or(self.token.take());
        if !transient.is_empty() {
            let text: Vec<_> = transient.iter().map(describe).collect();
            writeln!(self.out, "poll: shown besides: {}", text.join(", ")).unwrap();
        }
        Ok(())
    }

    fn complete(&mut self, arguments: &[&str], sticky: Option<&str>) -> Result<(), Error> {
        let token = self.token.clone().unwrap();
        let commands =
            arguments.iter().filter(|argument| !argument.starts_with("--")).map(|argument| command(argument));
        let request = RespondWorkflowTaskCompletedRequest {
            commands: commands.collect(),
            identity: "worker".to_owned(),
            force_create_new_workflow_task: arguments.contains(&"--force"),
            return_new_workflow_task: arguments.contains(&"--return"),
            sticky_attributes: sticky.map(|name| StickyExecutionAttributes {
                worker_task_queue: Some(TaskQueue { name: name.to_owned(), ..TaskQueue::default() }),
                schedule_to_start_timeout: Some(duration_to_proto(std::time::Duration::from_secs(5))),
            }),
            ..Default::default()
        };
        let completed = self.transition(|transition| complete_task(transition, &token, request, false))?;
        if completed.next_task {
            let run = self.executions.run(token.run).unwrap();
            self.token = TaskToken::of_task(token.run, run);
            writeln!(self.out, "complete: next task in the answer").unwrap();
        }
        if !completed.eager_activities.is_empty() {
            writeln!(self.out, "complete: eager activities {:?}", completed.eager_activities).unwrap();
        }
        Ok(())
    }

    fn act_on_activity(&mut self, verb: &str, arguments: &[&str], id: &str) -> Result<(), Error> {
        let activity_id = arguments[0];
        let number = self.number(id);
        if verb == "take" {
            let Some(found) = self.run(id).activity_by_id(activity_id) else {
                return Err(Error::no_activity());
            };
            let (event_id, attempt) = (found.scheduled_event_id, found.attempt);
            let worker = worker(self.in_process);
            let taken = self.transition(|transition| {
                transition.change(number, |run| run.start_activity(event_id, attempt, &worker))
            });
            writeln!(self.out, "take: {activity_id} attempt {attempt}: {}", taken.unwrap()).unwrap();
            return Ok(());
        }
        let attempt = Attempt::Ids {
            workflow_id: id.to_owned(),
            run_id: String::new(),
            activity_id: activity_id.to_owned(),
        };
        let end = match verb {
            "done" => AttemptEnd::Completed(None),
            "canceled" => AttemptEnd::Canceled(None),
            "error" => AttemptEnd::Failed {
                failure: Box::new(failure(arguments.get(1).copied().unwrap_or("Oops"))),
                heartbeat_details: None,
            },
            "beat" => {
                let cancel =
                    self.transition(|transition| respond::heartbeat(transition, "default", &attempt, None))?;
                writeln!(self.out, "beat: cancel requested: {cancel}").unwrap();
                return Ok(());
            }
            other => panic!("no such line: {other}"),
        };
        self.transition(|transition| respond::end(transition, "default", &attempt, end, &worker(false)))
    }

    /// The facts give the same runs.
    pub(crate) fn check_recovery(&mut self) {
        for (number, run) in self.executions.runs() {
            assert_eq!(self.kept.load(number).as_ref(), Some(run));
        }
    }

    pub(crate) fn print(mut self) -> String {
        let mut runs: Vec<_> = self.executions.runs().collect();
        runs.sort_by_key(|(number, _)| *number);
        for (_, run) in runs {
            writeln!(self.out, "{} {:?}", run.identity.workflow_id, run.status).unwrap();
            for (index, event) in run.history.iter().enumerate() {
                let event = HistoryEvent::decode(event.clone()).unwrap();
                assert_eq!(event.event_id, i64::try_from(index).unwrap() + 1);
                writeln!(self.out, "  {}", describe(&event)).unwrap();
            }
            if let Some(task) = &run.task {
                let started = if task.started.is_some() { "started" } else { "scheduled" };
                writeln!(self.out, "  task {started}, attempt {}", task.attempt).unwrap();
            }
            for event in &run.buffered {
                writeln!(self.out, "  buffered: {}", describe(event)).unwrap();
            }
        }
        self.out
    }
}

fn start_request(arguments: &[&str], id: &str) -> StartWorkflowExecutionRequest {
    let mut request = StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: id.to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() }),
        ..Default::default()
    };
    for argument in arguments {
        let (key, value) = argument.split_once('=').unwrap();
        match key {
            "request" => request.request_id = value.to_owned(),
            "type" => request.workflow_type = Some(WorkflowType { name: value.to_owned() }),
            "run" => request.workflow_run_timeout = Some(seconds(value)),
            "delay" => request.workflow_start_delay = Some(seconds(value)),
            "attempts" => request.retry_policy = Some(retry(value)),
            "reuse" => {
                let name = format!("WORKFLOW_ID_REUSE_POLICY_{value}");
                request.set_workflow_id_reuse_policy(WorkflowIdReusePolicy::from_str_name(&name).unwrap());
            }
            "conflict" => {
                let name = format!("WORKFLOW_ID_CONFLICT_POLICY_{value}");
                request
                    .set_workflow_id_conflict_policy(WorkflowIdConflictPolicy::from_str_name(&name).unwrap());
            }
            other => panic!("no such key: {other}"),
        }
    }
    request
}

fn worker(in_process: bool) -> Worker {
    Worker { identity: "worker".to_owned(), version: None, in_process }
}

fn seconds(text: &str) -> prost_types::Duration {
    duration_to_proto(std::time::Duration::from_secs_f64(text.parse().unwrap()))
}

fn retry(attempts: &str) -> RetryPolicy {
    RetryPolicy { maximum_attempts: attempts.parse().unwrap(), ..RetryPolicy::default() }
}

fn failure(kind: &str) -> Failure {
    Failure {
        message: "it failed".to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
            r#type: kind.to_owned(),
            non_retryable: kind == "Never",
            ..Default::default()
        })),
        ..Failure::default()
    }
}

/// `activity:ID[:key=value…]`, `timer:ID:SECONDS`, `complete`, …
fn command(text: &str) -> Command {
    let mut parts = text.split(':');
    let kind = parts.next().unwrap();
    let id = parts.next().unwrap_or_default().to_owned();
    let rest: Vec<&str> = parts.collect();
    let attributes = match kind {
        "activity" => {
            Attributes::ScheduleActivityTaskCommandAttributes(Box::new(activity_command(id, &rest)))
        }
        "cancel-activity" => Attributes::RequestCancelActivityTaskCommandAttributes(Box::new(
            RequestCancelActivityTaskCommandAttributes { scheduled_event_id: id.parse().unwrap() },
        )),
        "timer" => Attributes::StartTimerCommandAttributes(Box::new(StartTimerCommandAttributes {
            timer_id: id,
            start_to_fire_timeout: rest.first().map(|text| seconds(text)),
        })),
        "cancel-timer" => {
            Attributes::CancelTimerCommandAttributes(Box::new(CancelTimerCommandAttributes { timer_id: id }))
        }
        "marker" => Attributes::RecordMarkerCommandAttributes(Box::new(RecordMarkerCommandAttributes {
            marker_name: id,
            ..Default::default()
        })),
        "complete" => Attributes::CompleteWorkflowExecutionCommandAttributes(Box::default()),
        "cancel" => Attributes::CancelWorkflowExecutionCommandAttributes(Box::default()),
        "continue" => Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(Box::default()),
        "fail" => Attributes::FailWorkflowExecutionCommandAttributes(Box::new(
            FailWorkflowExecutionCommandAttributes { failure: Some(failure("Oops")) },
        )),
        "child" => Attributes::StartChildWorkflowExecutionCommandAttributes(Box::new(
            StartChildWorkflowExecutionCommandAttributes {
                workflow_id: id,
                workflow_type: Some(WorkflowType { name: "Child".to_owned() }),
                parent_close_policy: rest.first().map_or(0, |policy| policy.parse().unwrap()),
                ..Default::default()
            },
        )),
        "signal" => Attributes::SignalExternalWorkflowExecutionCommandAttributes(Box::new(
            SignalExternalWorkflowExecutionCommandAttributes {
                execution: Some(WorkflowExecution { workflow_id: id, run_id: String::new() }),
                signal_name: "hello".to_owned(),
                ..Default::default()
            },
        )),
        "cancel-external" => Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(Box::new(
            RequestCancelExternalWorkflowExecutionCommandAttributes { workflow_id: id, ..Default::default() },
        )),
        other => panic!("no such command: {other}"),
    };
    Command { attributes: Some(attributes), ..Command::default() }
}

fn activity_command(id: String, keys: &[&str]) -> ScheduleActivityTaskCommandAttributes {
    let mut activity = ScheduleActivityTaskCommandAttributes {
        activity_id: id,
        activity_type: Some(ActivityType { name: "Activity".to_owned() }),
        start_to_close_timeout: Some(seconds("10")),
        ..Default::default()
    };
    for key in keys {
        let (key, value) = key.split_once('=').unwrap();
        match key {
            "close" => activity.schedule_to_close_timeout = Some(seconds(value)),
            "start" => activity.schedule_to_start_timeout = Some(seconds(value)),
            "run" => activity.start_to_close_timeout = Some(seconds(value)),
            "beat" => activity.heartbeat_timeout = Some(seconds(value)),
            "attempts" => activity.retry_policy = Some(retry(value)),
            "eager" => activity.request_eager_execution = true,
            other => panic!("no such key: {other}"),
        }
    }
    activity
}

/// Id, type, and what is worth seeing of the rest.
fn describe(event: &HistoryEvent) -> String {
    use EventAttributes as A;
    let detail = match event.attributes.as_ref().unwrap() {
        A::WorkflowExecutionStartedEventAttributes(a) => {
            let continued = if a.continued_execution_run_id.is_empty() { "" } else { " continued" };
            format!(" attempt {}{continued}", a.attempt)
        }
        A::WorkflowTaskStartedEventAttributes(a) => format!(" of {}", a.scheduled_event_id),
        A::WorkflowTaskCompletedEventAttributes(a) => {
            format!(" of {},{}", a.scheduled_event_id, a.started_event_id)
        }
        A::WorkflowTaskFailedEventAttributes(a) => format!(" {:?}", a.cause()),
        A::WorkflowTaskTimedOutEventAttributes(a) => format!(" {:?}", a.timeout_type()),
        A::WorkflowTaskScheduledEventAttributes(a) => {
            format!(" attempt {} on {}", a.attempt, a.task_queue.as_ref().unwrap().name)
        }
        A::ActivityTaskScheduledEventAttributes(a) => {
            let timeout = |timeout: Option<prost_types::Duration>| timeout.unwrap().seconds;
            format!(
                " {} close {} start {} run {} beat {}",
                a.activity_id,
                timeout(a.schedule_to_close_timeout),
                timeout(a.schedule_to_start_timeout),
                timeout(a.start_to_close_timeout),
                timeout(a.heartbeat_timeout)
            )
        }
        A::ActivityTaskStartedEventAttributes(a) => {
            format!(" of {} attempt {}", a.scheduled_event_id, a.attempt)
        }
        A::ActivityTaskCompletedEventAttributes(a) => {
            format!(" of {},{}", a.scheduled_event_id, a.started_event_id)
        }
        A::ActivityTaskCanceledEventAttributes(a) => {
            format!(" of {},{}", a.scheduled_event_id, a.started_event_id)
        }
        A::ActivityTaskFailedEventAttributes(a) => {
            format!(" of {},{} {:?}", a.scheduled_event_id, a.started_event_id, a.retry_state())
        }
        A::ActivityTaskTimedOutEventAttributes(a) => format!(
            " of {},{} {:?}: {}",
            a.scheduled_event_id,
            a.started_event_id,
            a.retry_state(),
            a.failure.as_ref().unwrap().message
        ),
        A::TimerStartedEventAttributes(a) => format!(" {}", a.timer_id),
        A::TimerFiredEventAttributes(a) => format!(" {} of {}", a.timer_id, a.started_event_id),
        A::TimerCanceledEventAttributes(a) => format!(" {} of {}", a.timer_id, a.started_event_id),
        A::WorkflowExecutionSignaledEventAttributes(a) => format!(" {}", a.signal_name),
        A::WorkflowExecutionFailedEventAttributes(a) => format!(" {:?}", a.retry_state()),
        A::WorkflowExecutionTimedOutEventAttributes(a) => format!(" {:?}", a.retry_state()),
        A::StartChildWorkflowExecutionInitiatedEventAttributes(a) => {
            format!(" {} {:?}", a.workflow_id, a.parent_close_policy())
        }
        A::StartChildWorkflowExecutionFailedEventAttributes(a) => format!(" {:?}", a.cause()),
        A::SignalExternalWorkflowExecutionFailedEventAttributes(a) => format!(" {:?}", a.cause()),
        A::ChildWorkflowExecutionCompletedEventAttributes(a) => {
            format!(" of {},{}", a.initiated_event_id, a.started_event_id)
        }
        A::ChildWorkflowExecutionTerminatedEventAttributes(a) => {
            format!(" of {},{}", a.initiated_event_id, a.started_event_id)
        }
        _ => String::new(),
    };
    format!("{} {:?}{detail}", event.event_id, event.event_type())
}
