//! A run in words: histories as short lines, guests as rules, steps as lines again.

mod guest;
mod history;
mod other_events;

use std::fmt::Write as _;

use crate::{
    Activation, ActivityResolution, ChildWorkflowStartResolution, Completion, Job, LocalActivityResult,
    NexusStartResolution, Outcome, Run, RunConfig, Step, Task,
};
use bytes::Bytes;
use expect_test::Expect;
use host_wire::temporal::api::{
    command::v1::command::Attributes,
    common::v1::{Payload, Payloads},
    failure::v1::{Failure, failure::FailureInfo},
    query::v1::WorkflowQueryResult,
};

use guest::Guest;
pub(crate) use history::{history, payload, update_message};

/// How a run is driven.
#[derive(Clone, Debug)]
pub(crate) struct Drive {
    pub(crate) task: Task,
    pub(crate) config: RunConfig,
    /// Indexes at which the history is cut into pages.
    pub(crate) cuts: Vec<usize>,
    /// Whether an empty page comes last.
    pub(crate) empty_last_page: bool,
}

impl Default for Drive {
    fn default() -> Self {
        Self::replay()
    }
}

impl Drive {
    /// A replay to the end of a history.
    pub(crate) fn replay() -> Self {
        Self { task: Task::replay(), config: config(), cuts: Vec::new(), empty_last_page: false }
    }

    /// A polled task: what comes after this event is new.
    pub(crate) fn live(previous_started_event_id: i64) -> Self {
        Self {
            task: Task {
                previous_started_event_id: Some(previous_started_event_id),
                attempt: 1,
                ..Task::default()
            },
            ..Self::replay()
        }
    }
}

pub(crate) fn config() -> RunConfig {
    RunConfig {
        run_id: "run".to_owned(),
        sdk_name: "host".to_owned(),
        sdk_version: "1".to_owned(),
        writes_sdk_metadata: true,
        version: None,
    }
}

/// Replays a history against a guest, and compares the steps.
pub(crate) fn check(events: &str, guest: &str, expected: &Expect) {
    expected.assert_eq(&steps(&history(events), guest, Drive::replay()));
}

/// Serves a polled task, whose new events come after the given one.
pub(crate) fn check_live(previous_started: i64, events: &str, guest: &str, expected: &Expect) {
    let drive = Drive::live(previous_started);
    expected.assert_eq(&steps(&history(events), guest, drive));
}

/// All steps of a run that is fed a history, as lines.
pub(crate) fn steps(events: &[Bytes], guest: &str, drive: Drive) -> String {
    let mut driver = Driver::new(drive.config.clone(), guest);
    driver.task(events, drive);
    driver.lines
}

/// A run with its guest.
pub(crate) struct Driver {
    pub(crate) run: Run,
    guest: Guest,
    pub(crate) lines: String,
}

impl Driver {
    pub(crate) fn new(config: RunConfig, guest: &str) -> Self {
        Self { run: Run::new(config), guest: Guest::new(guest), lines: String::new() }
    }

    /// Gives it a task, and goes on until that is answered.
    pub(crate) fn task(&mut self, events: &[Bytes], drive: Drive) {
        self.run.start_task(drive.task).unwrap();
        let mut pages: Vec<Vec<Bytes>> = Vec::new();
        let mut start = 0;
        for cut in drive.cuts {
            let cut = cut.clamp(start, events.len());
            pages.push(events[start..cut].to_vec());
            start = cut;
        }
        pages.push(events[start..].to_vec());
        if drive.empty_last_page {
            pages.push(Vec::new());
        }
        pages.reverse();
        self.go_on(pages);
    }

    fn go_on(&mut self, mut pages: Vec<Vec<Bytes>>) {
        loop {
            match self.run.next_step() {
                Ok(Step::NeedEvents) => {
                    let Some(page) = pages.pop() else {
                        self.line("needs more events than there are");
                        return;
                    };
                    self.run.feed(page, pages.is_empty());
                }
                Ok(step) => {
                    if !self.step(step) {
                        return;
                    }
                }
                Err(error) => {
                    self.line(format_args!("error: {error}"));
                    return;
                }
            }
        }
    }

    /// Whether it goes on.
    fn step(&mut self, step: Step) -> bool {
        let answer = match step {
            Step::Activate(activation) => {
                let commands = self.activate(&activation);
                self.run.activated(commands)
            }
            Step::ValidateUpdate(validation) => {
                let id = &validation.update.protocol_instance_id;
                let is_valid = !id.contains("bad");
                let preceding =
                    validation.preceding.map(|it| format!(" after {}", jobs(&it.jobs))).unwrap_or_default();
                self.line(format_args!("validate {id}{preceding}: {is_valid}"));
                self.run.validated(if is_valid { Ok(()) } else { Err(Box::new(failure("no"))) })
            }
            Step::Query(query) => {
                self.line(format_args!("query {} {}", query.id, query.query.query_type));
                self.run.answered(WorkflowQueryResult::default())
            }
            Step::LocalActivities(requests) => {
                for seq in &requests.cancel {
                    self.line(format_args!("cancel local activity {seq}"));
                }
                for (seq, activity) in &requests.start {
                    self.line(format_args!("run local activity {seq} {}", activity.activity_type));
                }
                if requests.cancel_all {
                    self.line("cancel all local activities");
                }
                Ok(())
            }
            Step::Respond(completion) => {
                self.respond(&completion);
                Ok(())
            }
            Step::RespondQuery(_) => {
                self.line("respond to query");
                Ok(())
            }
            Step::Idle => {
                self.line("idle");
                return false;
            }
            Step::NeedEvents => unreachable!("the caller feeds"),
        };
        if let Err(error) = answer {
            self.line(format_args!("error: {error}"));
            return false;
        }
        true
    }

    /// The worker ran a local activity.
    pub(crate) fn local_activity(&mut self, seq: u32, outcome: Outcome) {
        let result = LocalActivityResult {
            seq,
            outcome,
            attempt: 1,
            runtime: std::time::Duration::from_millis(500),
            backoff: None,
            original_schedule_time: None,
        };
        self.line(format_args!("local activity {seq} is over"));
        if let Err(error) = self.run.local_activity_resolved(result) {
            self.line(format_args!("error: {error}"));
        }
        self.go_on(Vec::new());
    }

    pub(crate) fn heartbeat(&mut self) {
        self.line("heartbeat");
        self.run.heartbeat();
        self.go_on(Vec::new());
    }

    fn activate(&mut self, activation: &Activation) -> Vec<crate::Command> {
        let replay = if activation.is_replaying { "replay" } else { "new" };
        let commands = self.guest.activate(activation);
        let time = &activation.time;
        let mut line =
            format!("{replay} {}.{}s: {}", time.seconds, time.nanos / 100_000_000, jobs(&activation.jobs));
        if !commands.is_empty() {
            let texts: Vec<&str> = commands.iter().map(|(text, _)| text.as_str()).collect();
            write!(line, " => {}", texts.join("; ")).unwrap();
        }
        self.line(line);
        commands.into_iter().map(|(_, command)| command).collect()
    }

    fn respond(&mut self, completion: &Completion) {
        let mut line = "respond:".to_owned();
        for command in &completion.commands {
            write!(line, " {};", command_text(command.attributes.as_ref())).unwrap();
        }
        for message in &completion.messages {
            write!(line, " message {};", message.id).unwrap();
        }
        for id in completion.query_results.keys() {
            write!(line, " answer {id};").unwrap();
        }
        let metadata = &completion.sdk_metadata;
        if !metadata.core_used_flags.is_empty() || !metadata.sdk_name.is_empty() {
            write!(line, " flags {:?} {}", metadata.core_used_flags, metadata.sdk_name).unwrap();
        }
        if completion.force_create_new_workflow_task {
            line.push_str(" and another task");
        }
        self.line(line);
    }

    fn line(&mut self, line: impl std::fmt::Display) {
        writeln!(self.lines, "{line}").unwrap();
    }
}

pub(crate) fn failure(message: &str) -> Failure {
    Failure { message: message.to_owned(), ..Failure::default() }
}

fn jobs(jobs: &[Job]) -> String {
    jobs.iter().map(job).collect::<Vec<_>>().join(", ")
}

/// A job in words; what rules of guests match.
pub(crate) fn job(job: &Job) -> String {
    match job {
        Job::Start(_) => "start".to_owned(),
        Job::UpdateRandomSeed { run_id, .. } => format!("seed {run_id}"),
        Job::Signal { attributes, .. } => format!("signal {}", attributes.signal_name),
        Job::Update(update) => format!("update {}", update.protocol_instance_id),
        Job::Cancel(_) => "cancel".to_owned(),
        Job::TimerFired { seq } => format!("timer {seq} fired"),
        Job::ActivityResolved { seq, resolution, is_local } => {
            let kind = if *is_local { "local" } else { "activity" };
            match resolution {
                ActivityResolution::Outcome(it) => format!("{kind} {seq} {}", outcome(it)),
                ActivityResolution::Backoff(backoff) => {
                    format!("{kind} {seq} backoff {}s", backoff.backoff.seconds)
                }
            }
        }
        Job::ChildWorkflowStartResolved { seq, resolution } => match resolution {
            ChildWorkflowStartResolution::Started(run_id) => format!("child {seq} started {run_id}"),
            ChildWorkflowStartResolution::Failed(cause) => format!("child {seq} start failed {cause:?}"),
            ChildWorkflowStartResolution::Canceled(failure) => {
                format!("child {seq} start canceled ({})", chain(failure))
            }
        },
        Job::ChildWorkflowResolved { seq, outcome: it } => format!("child {seq} {}", outcome(it)),
        Job::ExternalSignalResolved { seq, failure } => resolved("external signal", *seq, failure),
        Job::ExternalCancelResolved { seq, failure } => resolved("external cancel", *seq, failure),
        Job::NexusStartResolved { seq, resolution } => match resolution {
            NexusStartResolution::StartedAsync(token) => format!("nexus {seq} started {token}"),
            NexusStartResolution::StartedSync => format!("nexus {seq} started"),
            NexusStartResolution::Failed(failure) => {
                format!("nexus {seq} start failed ({})", chain(failure))
            }
        },
        Job::NexusResolved { seq, outcome: it } => format!("nexus {seq} {}", outcome(it)),
    }
}

fn resolved(kind: &str, seq: u32, failure: &Option<Box<Failure>>) -> String {
    match failure {
        None => format!("{kind} {seq} done"),
        Some(failure) => format!("{kind} {seq} failed ({})", chain(failure)),
    }
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Completed(payload) => format!("completed {}", text(payload.as_ref())),
        Outcome::Failed(failure) => format!("failed ({})", chain(failure)),
        Outcome::Canceled(failure) => format!("canceled ({})", chain(failure)),
    }
}

fn chain(failure: &Failure) -> String {
    let kind = match &failure.failure_info {
        Some(FailureInfo::ActivityFailureInfo(info)) => format!("[activity {}] ", info.activity_id),
        Some(FailureInfo::ChildWorkflowExecutionFailureInfo(_)) => "[child] ".to_owned(),
        Some(FailureInfo::CanceledFailureInfo(_)) => "[canceled] ".to_owned(),
        Some(FailureInfo::TimeoutFailureInfo(_)) => "[timeout] ".to_owned(),
        Some(FailureInfo::NexusOperationExecutionFailureInfo(_)) => "[nexus] ".to_owned(),
        _ => String::new(),
    };
    let cause = (failure.cause.as_ref()).map_or_else(String::new, |cause| format!(": {}", chain(cause)));
    format!("{kind}{}{cause}", failure.message)
}

fn text(payload: Option<&Payload>) -> String {
    payload.map_or_else(|| "-".to_owned(), |payload| String::from_utf8_lossy(&payload.data).into_owned())
}

fn command_text(attributes: Option<&Attributes>) -> String {
    use Attributes as A;
    let first = |payloads: &Option<Payloads>| text(payloads.as_ref().and_then(|it| it.payloads.first()));
    match attributes.unwrap() {
        A::ScheduleActivityTaskCommandAttributes(it) => {
            format!("schedule activity {} {}", it.activity_id, it.activity_type.as_ref().unwrap().name)
        }
        A::RequestCancelActivityTaskCommandAttributes(it) => {
            format!("cancel activity of event {}", it.scheduled_event_id)
        }
        A::StartTimerCommandAttributes(it) => format!("start timer {}", it.timer_id),
        A::CancelTimerCommandAttributes(it) => format!("cancel timer {}", it.timer_id),
        A::CompleteWorkflowExecutionCommandAttributes(it) => {
            format!("complete {}", first(&it.result))
        }
        A::FailWorkflowExecutionCommandAttributes(_) => "fail".to_owned(),
        A::CancelWorkflowExecutionCommandAttributes(_) => "cancel".to_owned(),
        A::ContinueAsNewWorkflowExecutionCommandAttributes(it) => format!(
            "continue as new memo={} search attributes={}",
            it.memo.is_some(),
            it.search_attributes.is_some()
        ),
        A::StartChildWorkflowExecutionCommandAttributes(it) => {
            format!("start child {} {}", it.workflow_id, it.workflow_type.as_ref().unwrap().name)
        }
        A::RequestCancelExternalWorkflowExecutionCommandAttributes(it) => {
            format!("cancel workflow {} ({})", it.workflow_id, it.reason)
        }
        A::SignalExternalWorkflowExecutionCommandAttributes(it) => {
            format!("signal {}", it.signal_name)
        }
        A::RecordMarkerCommandAttributes(it) => {
            let details: Vec<String> = it
                .details
                .iter()
                .map(|(key, payloads)| format!("{key}={}", text(payloads.payloads.first())))
                .collect();
            format!("marker {} {}", it.marker_name, details.join(" "))
        }
        A::UpsertWorkflowSearchAttributesCommandAttributes(it) => {
            let fields: Vec<String> = it
                .search_attributes
                .iter()
                .flat_map(|it| &it.indexed_fields)
                .map(|(key, payload)| format!("{key}={}", text(Some(payload))))
                .collect();
            format!("upsert {}", fields.join(" "))
        }
        A::ModifyWorkflowPropertiesCommandAttributes(_) => "upsert memo".to_owned(),
        A::ProtocolMessageCommandAttributes(it) => format!("message {}", it.message_id),
        A::ScheduleNexusOperationCommandAttributes(it) => format!("schedule nexus {}", it.operation),
        A::RequestCancelNexusOperationCommandAttributes(it) => {
            format!("cancel nexus of event {}", it.scheduled_event_id)
        }
    }
}
