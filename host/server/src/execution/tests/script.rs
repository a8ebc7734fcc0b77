//! The language of the tests. Every line is one input; `W` is the workflow id `w` unless `@id` ends
//! the line.
//!
//! ```text
//! start [key=value …]         signal NAME [request]   cancel    terminate    +SECONDS
//! poll    complete[-sticky] COMMAND… [--force] [--return]    fail    in-process    restart
//! update ID    update-start ID [key=value …]    reached ID (polls the update)    forget (what is in memory only)
//! take ACTIVITY    done ACTIVITY    error ACTIVITY [type]    canceled ACTIVITY    beat ACTIVITY [details]
//! evict
//! pause ACTIVITY    unpause ACTIVITY [attempts] [beat]    anew ACTIVITY [beat] [paused] [options]
//! options ACTIVITY KEY=VALUE …    override auto|none
//! nexus EVENT sync|async|failed|canceled|empty|TYPE (the answer of a handler; TYPE is that of an error)
//! start-for EVENT (the callee of an operation of `w`)    endpoint gone
//! reset EVENT [run=N] [exclude=signal,update,nexus] [request=ID]
//! ```

use std::{collections::BTreeSet, fmt::Write};

use host_wire::{
    duration_to_proto,
    temporal::api::{
        common::v1::WorkflowExecution,
        enums::v1::IndexedValueType,
        history::v1::HistoryEvent,
        protocol::v1::message::SequencingId,
        taskqueue::v1::{StickyExecutionAttributes, TaskQueue},
        update::v1::outcome,
        workflowservice::v1::{
            RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskFailedRequest,
            StartWorkflowExecutionRequest,
        },
    },
};
use prost::Message;

use crate::{
    error::Error,
    execution::{
        activity::{
            attempt::{self, AttemptEnd},
            operate, options,
            respond::{self, Attempt},
        },
        cancel::{self, request::CancelRequest},
        child,
        close::terminate,
        effects::settle,
        executions::Executions,
        fact::Fact,
        loading::{Needed, NotReady, load},
        pass_time,
        record::RunNumber,
        reset, restart,
        run::Run,
        run_transition::RunTransition,
        signal::receive::{self, Signal},
        start,
        task::Task,
        tests::{
            describe::describe,
            kept::Kept,
            nexus,
            requests::{
                activity_options, command, details, failure, is_of_update, message, reset_request,
                start_request, update_request, versioning_override,
            },
        },
        token::TaskToken,
        transition::Transition,
        update,
        worker::Worker,
        workflow_task::{
            complete,
            events::unstored_events,
            fail::fail,
            start::{Start, start_task},
        },
    },
    time::Time,
};

const START: i64 = 1_700_000_000_000_000_000;

pub(crate) struct Script {
    pub(crate) executions: Executions,
    pub(super) now: Time,
    ids: u64,
    kept: Kept,
    out: String,
    token: Option<TaskToken>,
    /// Whether workers end with the service.
    in_process: bool,
    /// Whether runs leave memory whenever they may be read back.
    forgetful: bool,
    /// Names of updates, by their numbers.
    updates: Vec<String>,
}

impl Default for Script {
    fn default() -> Self {
        let mut executions = Executions::new(["default".to_owned()], 0);
        executions.search_attributes.set_custom("default", [("a".to_owned(), IndexedValueType::Int)].into());
        executions.endpoints.set(0, nexus::endpoint());
        Self {
            executions,
            now: Time(START),
            ids: 0,
            kept: Kept::default(),
            out: String::new(),
            token: None,
            in_process: false,
            forgetful: false,
            updates: Vec::new(),
        }
    }
}

impl Script {
    /// A script whose runs leave memory before every lookup.
    pub(crate) fn forgetful() -> Self {
        Self { forgetful: true, ..Self::default() }
    }

    /// Everything that happened.
    pub(crate) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Types of the events that were written.
    pub(crate) fn event_types(&self) -> BTreeSet<i32> {
        let records = self.kept.records();
        let facts = records.iter().flat_map(|record| &record.facts);
        facts
            .filter_map(|fact| match fact {
                Fact::Event(recorded) | Fact::Flushed(recorded) => Some(recorded.event.event_type),
                Fact::Buffered(_) | Fact::Unrecorded(_) => None,
            })
            .collect()
    }

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

    /// Looks something up; what is not in memory is loaded.
    fn look_up<R>(&mut self, look_up: impl Fn(&Executions) -> Result<R, NotReady>) -> Result<R, Error> {
        let (result, loaded) = self.look_up_pinned(look_up);
        self.unpin(&loaded);
        result
    }

    fn unpin(&mut self, loaded: &[Needed]) {
        loaded.iter().for_each(|needed| self.executions.unpin(needed));
    }

    /// The same; what was loaded stays pinned.
    fn look_up_pinned<R>(
        &mut self,
        look_up: impl Fn(&Executions) -> Result<R, NotReady>,
    ) -> (Result<R, Error>, Vec<Needed>) {
        if self.forgetful {
            self.forget_all();
        }
        let mut loaded = Vec::new();
        let result = loop {
            match look_up(&self.executions) {
                Ok(result) => break Ok(result),
                Err(NotReady::Refused(error)) => break Err(error),
                Err(NotReady::Needs(needed)) => {
                    assert!(!loaded.contains(&needed), "{needed:?} is needed though it was loaded");
                    let drops = self.executions.pin(&needed);
                    let found = load(&self.kept, &needed).unwrap();
                    if self.forgetful {
                        self.forget_all();
                    }
                    self.executions.loaded(&needed, found, drops);
                    loaded.push(needed);
                }
            }
        };
        (result, loaded)
    }

    fn forget_all(&mut self) {
        let mut all: Vec<_> = self.executions.iter().map(|(number, _)| number).collect();
        all.sort_unstable();
        for number in all {
            self.executions.evict(number);
        }
    }

    pub(super) fn transition<P, R>(
        &mut self,
        prepare: impl Fn(&Executions) -> Result<P, NotReady>,
        apply: impl FnOnce(&mut Transition<'_>, P) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let (prepared, loaded) = self.look_up_pinned(prepare);
        let result = prepared.and_then(|prepared| self.apply(prepared, apply));
        self.unpin(&loaded);
        result
    }

    fn apply<P, R>(
        &mut self,
        prepared: P,
        apply: impl FnOnce(&mut Transition<'_>, P) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let ids = &mut self.ids;
        let mut next = || {
            *ids += 1;
            format!("00000000-0000-4000-8000-{ids:012}")
        };
        let mut transition = Transition::new(&mut self.executions, self.now, &mut next);
        let result = apply(&mut transition, prepared);
        settle(&mut transition);
        let (changes, _) = transition.end();
        for task in &changes.tasks {
            if let Task::Workflow { queue, .. } = task
                && !queue.normal_name.is_empty()
            {
                writeln!(self.out, "task on sticky queue {}", queue.name).unwrap();
            }
        }
        for (number, end) in &changes.decided_updates {
            let name = &self.updates[usize::try_from(*number).unwrap()];
            match end {
                Some(update::state::UpdateEnd::Rejected(failure)) => {
                    writeln!(self.out, "update {name} is rejected: {}", failure.message).unwrap();
                }
                Some(update::state::UpdateEnd::Aborted(error)) => {
                    writeln!(self.out, "update {name} is aborted: {error}").unwrap();
                }
                None => {}
            }
        }
        self.kept.records().extend(changes.records);
        result
    }

    /// Changes an open run.
    fn change<R>(
        &mut self,
        id: &str,
        change: impl FnOnce(&mut RunTransition<'_>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let execution = WorkflowExecution { workflow_id: id.to_owned(), run_id: String::new() };
        self.transition(
            |executions| executions.find_open("default", Some(&execution), ""),
            |transition, number| transition.change(number, change),
        )
    }

    fn pass(&mut self, seconds: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a test")]
        let end = Time(self.now.0 + (seconds * 1e9) as i64);
        loop {
            let mut due: Vec<_> = self.all_runs();
            due.retain(|(_, run)| run.next_deadline().is_some_and(|(time, _)| time <= end));
            let first = due.iter().min_by_key(|(number, run)| (run.next_deadline().unwrap().0, *number));
            let Some((number, run)) = first else { break };
            let number = *number;
            self.now = self.now.max(run.next_deadline().unwrap().0);
            let now = self.now;
            let passed = self.transition(
                |executions| pass_time::prepare(executions, number, now),
                |transition, is_due| {
                    assert!(is_due);
                    transition.change(number, pass_time::pass_time);
                    Ok(())
                },
            );
            passed.unwrap();
        }
        self.now = end;
    }

    /// In memory and not, by number.
    fn all_runs(&self) -> Vec<(RunNumber, Run)> {
        let numbers: BTreeSet<_> = self.kept.records().iter().map(|record| record.run).collect();
        let run = |number| match self.executions.get(number) {
            Some(run) => run.clone(),
            None => self.kept.run(number).unwrap(),
        };
        numbers.into_iter().map(|number| (number, run(number))).collect()
    }

    pub(super) fn number(&mut self, id: &str) -> RunNumber {
        self.look_up(|executions| executions.latest("default", id)).unwrap().unwrap()
    }

    pub(crate) fn is_open(&mut self, id: &str) -> bool {
        self.run(id).is_open()
    }

    pub(super) fn run(&mut self, id: &str) -> &Run {
        let number = self.number(id);
        self.executions.get(number).unwrap()
    }

    fn act(&mut self, verb: &str, arguments: &[&str], id: &str) -> Result<(), Error> {
        let first = arguments.first().copied().unwrap_or_default();
        match verb {
            "start" => self.start(&start_request(arguments, id)),
            "signal-start" => self.signal_with_start(first, &start_request(&arguments[1..], id)),
            "signal" => {
                let request_id = arguments.get(1).copied().unwrap_or_default().to_owned();
                let signal = Signal { name: first.to_owned(), request_id, ..Signal::default() };
                self.change(id, |run| receive::receive(run, signal))
            }
            "cancel" => {
                match self.change(id, |run| {
                    cancel::request::request(run, CancelRequest::default());
                    Ok(())
                }) {
                    Err(Error::Completed) => Ok(()),
                    asked => asked,
                }
            }
            "terminate" => self.terminate(first, id),
            "in-process" => {
                self.in_process = true;
                Ok(())
            }
            "restart" => {
                if restart::has_lost_worker(self.run(id)) {
                    self.change(id, |run| {
                        restart::lose_workers(run);
                        Ok(())
                    })?;
                }
                Ok(())
            }
            "reset" => self.reset(arguments, id),
            "override" => {
                let (given, mask) = versioning_override(first);
                self.change(id, |run| crate::execution::options::update::update(run, given, &mask, "client"))
                    .map(drop)
            }
            "evict" => {
                let number = self.number(id);
                self.executions.evict(number);
                Ok(())
            }
            "update" => self.update(first, id),
            "reached" => self.reached(first, id),
            "update-start" => self.update_with_start(first, &start_request(&arguments[1..], id)),
            "forget" => {
                let number = self.number(id);
                self.executions.read_again(number);
                Ok(())
            }
            "poll" => self.poll(id),
            "complete" => self.complete(arguments, None),
            "complete-sticky" => self.complete(arguments, Some("sticky")),
            "fail" => {
                let token = self.token.clone().unwrap();
                self.transition(
                    |executions| token.check_task(executions, "default").map(|_| ()),
                    |transition, ()| {
                        let request = RespondWorkflowTaskFailedRequest::default();
                        transition.change(token.run, |run| fail(run, request));
                        Ok(())
                    },
                )
            }
            "nexus" => self.answer_call(first, arguments[1], id),
            "start-for" => self.start_callee(first, start_request(&arguments[1..], id)),
            "endpoint" => {
                self.executions.endpoints.remove(0);
                Ok(())
            }
            _ => self.act_on_activity(verb, arguments, id),
        }
    }

    pub(super) fn start(&mut self, request: &StartWorkflowExecutionRequest) -> Result<(), Error> {
        let started = self.transition(
            |executions| start::request::prepare(executions, request),
            |transition, existing| Ok(start::request::start(transition, request.clone(), existing)),
        )?;
        if !started.just_now {
            writeln!(self.out, "start: run {} started={}", started.run, started.by_this_request).unwrap();
        }
        Ok(())
    }

    fn signal_with_start(
        &mut self,
        name: &str,
        request: &StartWorkflowExecutionRequest,
    ) -> Result<(), Error> {
        let signal = Signal { name: name.to_owned(), ..Signal::default() };
        let started = self.transition(
            |executions| start::request::prepare_signal(executions, request, &signal),
            |transition, prepared| {
                start::request::signal_with_start(transition, request.clone(), signal.clone(), prepared)
            },
        )?;
        if !started.just_now {
            writeln!(self.out, "signal-start: run {}", started.run).unwrap();
        }
        Ok(())
    }

    fn terminate(&mut self, reason: &str, id: &str) -> Result<(), Error> {
        let execution = WorkflowExecution { workflow_id: id.to_owned(), run_id: String::new() };
        self.transition(
            |executions| {
                let number = executions.find_open("default", Some(&execution), "")?;
                child::close::look_up(executions, executions.get(number).unwrap(), true)?;
                Ok(number)
            },
            |transition, number| {
                transition.change(number, |run| terminate::terminate(run, reason, None, ""));
                Ok(())
            },
        )
    }

    fn reset(&mut self, arguments: &[&str], id: &str) -> Result<(), Error> {
        let runs: Vec<_> =
            self.all_runs().into_iter().filter(|(_, run)| run.identity().workflow_id == id).collect();
        let request = reset_request(arguments, &runs);
        let before = self.kept.records().len();
        let number = self.transition(
            |executions| reset::request::prepare(executions, &request),
            |transition, plan| reset::request::reset(transition, request.clone(), plan),
        )?;
        if self.kept.records().len() == before {
            writeln!(self.out, "reset: run {number} was made before").unwrap();
        }
        Ok(())
    }

    fn update(&mut self, name: &str, id: &str) -> Result<(), Error> {
        let execution = WorkflowExecution { workflow_id: id.to_owned(), run_id: String::new() };
        let update = update_request(name);
        let number = u64::try_from(self.updates.len()).unwrap();
        self.updates.push(name.to_owned());
        self.transition(
            |executions| executions.find("default", Some(&execution)),
            |transition, run| transition.change(run, |run| update::admit::admit(run, &update, number)),
        )?;
        Ok(())
    }

    fn update_with_start(
        &mut self,
        name: &str,
        request: &StartWorkflowExecutionRequest,
    ) -> Result<(), Error> {
        let update = update_request(name);
        let number = u64::try_from(self.updates.len()).unwrap();
        self.updates.push(name.to_owned());
        let updated = self.transition(
            |executions| update::with_start::prepare(executions, request, name),
            |transition, plan| {
                Ok(update::with_start::apply(transition, request.clone(), &update, number, plan))
            },
        )?;
        match updated {
            Ok(updated) if updated.was_started => writeln!(self.out, "update-start: started"),
            Ok(_) => writeln!(self.out, "update-start: not started"),
            Err(refused) => writeln!(self.out, "update-start: {refused:?}"),
        }
        .unwrap();
        Ok(())
    }

    fn reached(&mut self, name: &str, id: &str) -> Result<(), Error> {
        let reached = update::reached::of(self.run(id), name);
        let said = reached.map_or_else(
            || "unknown".to_owned(),
            |reached| match reached.outcome.and_then(|outcome| outcome.value) {
                Some(outcome::Value::Failure(failure)) => format!("failed: {}", failure.message),
                Some(outcome::Value::Success(_)) => "succeeded".to_owned(),
                None => reached.stage.as_str_name().rsplit('_').next().unwrap().to_owned(),
            },
        );
        writeln!(self.out, "update {name}: {said}").unwrap();
        Ok(())
    }

    fn poll(&mut self, id: &str) -> Result<(), Error> {
        let number = self.number(id);
        let task = self.run(id).workflow_tasks().task().cloned().ok_or_else(Error::no_task)?;
        let worker = worker(self.in_process);
        self.transition(
            |executions| Ok(executions.run(number)?.is_some()),
            |transition, _| {
                transition.change(number, |run| {
                    start_task(run, task.scheduled_event_id, task.attempt, &worker, Start::Polled);
                });
                Ok(())
            },
        )?;
        let run = self.run(id);
        let (token, transient) = (TaskToken::of_task(number, run), unstored_events(run));
        let messages = update::send::messages(run);
        self.token = token.or(self.token.take());
        for message in messages {
            let Some(SequencingId::EventId(after)) = message.sequencing_id else { panic!("{message:?}") };
            writeln!(self.out, "poll: {} after {after}", message.id).unwrap();
        }
        if !transient.is_empty() {
            let text: Vec<_> = transient.iter().map(describe).collect();
            writeln!(self.out, "poll: shown besides: {}", text.join(", ")).unwrap();
        }
        Ok(())
    }

    fn complete(&mut self, arguments: &[&str], sticky: Option<&str>) -> Result<(), Error> {
        let token = self.token.clone().unwrap();
        let words = arguments.iter().filter(|argument| !argument.starts_with("--"));
        let (updates, commands): (Vec<&str>, Vec<&str>) = words.copied().partition(|word| is_of_update(word));
        let (of_updates, messages): (Vec<_>, Vec<_>) = updates.into_iter().map(message).unzip();
        let commands = of_updates.into_iter().flatten().chain(commands.into_iter().map(command));
        let request = RespondWorkflowTaskCompletedRequest {
            namespace: "default".to_owned(),
            commands: commands.collect(),
            messages,
            identity: "worker".to_owned(),
            force_create_new_workflow_task: arguments.contains(&"--force"),
            return_new_workflow_task: arguments.contains(&"--return"),
            sticky_attributes: sticky.map(|name| StickyExecutionAttributes {
                worker_task_queue: Some(TaskQueue { name: name.to_owned(), ..TaskQueue::default() }),
                schedule_to_start_timeout: Some(duration_to_proto(std::time::Duration::from_secs(5))),
            }),
            ..Default::default()
        };
        let (completed, next) = self.transition(
            |executions| complete::prepare(executions, &token, &request),
            |transition, ()| {
                let completed = complete::complete(transition, &token, request.clone(), false)?;
                let next = TaskToken::of_task(token.run, transition.run(token.run));
                Ok((completed, next))
            },
        )?;
        if let Some(event_id) = completed.reset_history_event_id {
            writeln!(self.out, "complete: nothing remains after event {event_id}").unwrap();
        }
        if completed.next_task {
            self.token = next;
            writeln!(self.out, "complete: next task in the answer").unwrap();
        }
        if !completed.eager_activities.is_empty() {
            writeln!(self.out, "complete: eager activities {:?}", completed.eager_activities).unwrap();
        }
        Ok(())
    }

    fn act_on_activity(&mut self, verb: &str, arguments: &[&str], id: &str) -> Result<(), Error> {
        let activity_id = arguments[0];
        if verb == "take" {
            return self.take(activity_id, id);
        }
        let attempt = Attempt::Ids {
            workflow_id: id.to_owned(),
            run_id: String::new(),
            activity_id: activity_id.to_owned(),
        };
        let find = |executions: &Executions| attempt.find(executions, "default");
        let end = match verb {
            "done" => AttemptEnd::Completed(None),
            "canceled" => AttemptEnd::Canceled(None),
            "error" => AttemptEnd::Failed {
                failure: Box::new(failure(arguments.get(1).copied().unwrap_or("Oops"))),
                heartbeat_details: None,
            },
            "pause" | "unpause" | "anew" | "options" => return self.operate(verb, arguments, id),
            "beat" => {
                let details = arguments.get(1).copied().map(details);
                let told = self.transition(find, |transition, (number, id)| {
                    transition.change(number, |run| respond::heartbeat(run, id, details))
                })?;
                let (paused, reset) = (told.is_paused, told.was_reset);
                let more = if paused || reset {
                    format!(", paused: {paused}, reset: {reset}")
                } else {
                    String::new()
                };
                writeln!(self.out, "beat: cancel requested: {}{more}", told.cancel_requested).unwrap();
                return Ok(());
            }
            other => panic!("no such line: {other}"),
        };
        self.transition(find, |transition, (number, id)| {
            transition.change(number, |run| respond::end(run, id, end, &worker(false)))
        })
    }

    /// What clients do to activities.
    fn operate(&mut self, verb: &str, arguments: &[&str], id: &str) -> Result<(), Error> {
        let selection = operate::Selection::Id(arguments[0].to_owned());
        let has = |word: &str| arguments[1..].contains(&word);
        let (attempts, beat, paused, restores) =
            (has("attempts"), has("beat"), has("paused"), has("options"));
        self.change(id, |run| {
            let id = selection.find(run)?[0];
            match verb {
                "pause" => operate::pause(run, id, "client", "a test"),
                "unpause" => {
                    let jitter = std::time::Duration::ZERO;
                    let asked =
                        operate::Unpause { resets_attempts: attempts, resets_heartbeat: beat, jitter };
                    operate::unpause(run, id, asked);
                }
                "anew" => {
                    let asked = operate::Reset {
                        resets_heartbeat: beat,
                        keeps_paused: paused,
                        restores_options: restores,
                        jitter: std::time::Duration::ZERO,
                    };
                    operate::reset(run, id, asked);
                }
                _ => {
                    let (options, mask) = activity_options(&arguments[1..]);
                    let activity = run.activities().get(id).ok_or_else(Error::no_such_activity)?;
                    let merged = options::merged(activity, &options, &mask)?;
                    options::change(run, id, merged);
                }
            }
            Ok(())
        })
    }

    fn take(&mut self, activity_id: &str, id: &str) -> Result<(), Error> {
        let number = self.number(id);
        let Some(found) = self.run(id).activities().by_id(activity_id) else {
            return Err(Error::no_activity());
        };
        let (event_id, attempt, stamp) = (found.scheduled_event_id, found.attempt, found.stamp);
        let worker = worker(self.in_process);
        let taken = self.transition(
            |executions| Ok(executions.run(number)?.is_some()),
            |transition, _| {
                Ok(transition.change(number, |run| attempt::start(run, event_id, (attempt, stamp), &worker)))
            },
        )?;
        writeln!(self.out, "take: {activity_id} attempt {attempt}: {taken}").unwrap();
        Ok(())
    }

    /// What the last heartbeat of an activity said.
    pub(crate) fn heartbeat(&mut self, id: &str, activity_id: &str) -> String {
        let activity = self.run(id).activities().by_id(activity_id).unwrap();
        let details = activity.heartbeat_details.clone().unwrap_or_default();
        details.payloads.iter().map(|payload| String::from_utf8_lossy(&payload.data)).collect()
    }

    /// The facts give the same runs.
    pub(crate) fn check_recovery(&self) {
        for (number, run) in self.executions.iter() {
            assert_eq!(self.kept.run(number).as_ref(), Some(run));
        }
    }

    pub(crate) fn print(mut self) -> String {
        for (_, run) in self.all_runs() {
            writeln!(self.out, "{} {:?}", run.identity().workflow_id, run.status()).unwrap();
            for (index, event) in run.history().events().iter().enumerate() {
                let event = HistoryEvent::decode(event.clone()).unwrap();
                assert_eq!(event.event_id, i64::try_from(index).unwrap() + 1);
                writeln!(self.out, "  {}", describe(&event)).unwrap();
            }
            if let Some(task) = run.workflow_tasks().task() {
                let started = if task.started.is_some() { "started" } else { "scheduled" };
                writeln!(self.out, "  task {started}, attempt {}", task.attempt).unwrap();
            }
            for event in run.buffer().events() {
                writeln!(self.out, "  buffered: {}", describe(event)).unwrap();
            }
        }
        self.out
    }
}

fn worker(in_process: bool) -> Worker {
    Worker { identity: "worker".to_owned(), in_process, ..Worker::default() }
}
