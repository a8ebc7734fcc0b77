//! Where a run asked for what it waits for: the queries `__stack_trace` and `__enhanced_stack_trace` of Temporal's SDKs.
//!
//! A run that is asked is replayed with a record of what its guest is given. The guest is then made again and given the
//! same, and stopped where it asks for each operation that is pending. A run that is not asked records nothing.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use host_sandbox::{
    Activation as Circumstances, Command, Discard, Fault, Frame, HostFault, Instance, Module, RunInit,
    wit::Query,
    wit::workflow::host::activation::{
        ActivityResolution, ChildStartResolution, Job, NexusStartResolution, Task,
    },
};
use host_service::CLIENT_NAME;
use host_wire::temporal::api::common::v1::Payload;
use serde_json::{Value, json};

/// Most operations whose calls are looked up: each takes a guest and a call into it.
const MAX_STACKS: usize = 100;
/// How long calls are looked up; clients wait some 10 s for an answer. One lookup may take the time of one call beyond
/// that.
const LOOKUP_TIME: Duration = Duration::from_secs(2);

/// The query whose answer is text.
pub(crate) const PLAIN: &str = "__stack_trace";

/// How the answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Text, for people.
    Plain,
    /// `temporal.api.sdk.v1.EnhancedStackTrace` as JSON.
    Enhanced,
}

impl Form {
    /// The form that a query asks for, if it asks for one.
    pub(crate) fn of(query_type: &str) -> Option<Self> {
        match query_type {
            PLAIN => Some(Self::Plain),
            "__enhanced_stack_trace" => Some(Self::Enhanced),
            _ => None,
        }
    }
}

/// What a guest was given since its start, and which of its operations are pending.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    seed: u64,
    given: Vec<(Task, Circumstances)>,
    pending: BTreeMap<Operation, Pending>,
}

/// An operation, with the sequence number that its import returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Operation {
    Timer(u32),
    Activity(u32),
    ChildWorkflow(u32),
    ExternalSignal(u32),
    ExternalCancel(u32),
    Nexus(u32),
}

#[derive(Debug)]
struct Pending {
    /// In words.
    operation: String,
    /// The place of the activation that asked for it, from 0.
    activation: usize,
    /// The place of its command among those of that activation that are not internal, from 0.
    command: usize,
}

/// One pending operation, and the calls that led to it, innermost first. `None`: not looked up.
pub(crate) struct Stack {
    operation: String,
    frames: Option<Vec<Frame>>,
}

impl Trace {
    /// A guest is about to be given a task. `seed` is that of the first one.
    pub(crate) fn give(&mut self, task: &Task, circumstances: &Circumstances, seed: Option<u64>) {
        self.seed = seed.unwrap_or(self.seed);
        task.jobs.iter().filter_map(ended).for_each(|operation| drop(self.pending.remove(&operation)));
        self.given.push((task.clone(), circumstances.clone()));
    }

    /// The guest answered the last task with these commands.
    pub(crate) fn answered(&mut self, commands: &[Command]) {
        let activation = self.given.len().saturating_sub(1);
        for (place, command) in commands.iter().filter(|command| !command.is_internal()).enumerate() {
            if let Command::CancelTimer { seq } = command {
                self.pending.remove(&Operation::Timer(*seq));
            }
            if let Some((operation, words)) = begun(command) {
                let pending = Pending { operation: words, activation, command: place };
                self.pending.insert(operation, pending);
            }
        }
    }

    /// Looks up the calls that led to each pending operation, in the order in which the guest asked for them.
    ///
    /// # Errors
    ///
    /// When there is no room for another guest, or this one does not do the same again.
    pub(crate) fn stacks(&self, module: &Module) -> Result<Vec<Stack>, Fault> {
        let give_up = Instant::now() + LOOKUP_TIME;
        let mut pending: Vec<&Pending> = self.pending.values().collect();
        pending.sort_by_key(|pending| (pending.activation, pending.command));
        let mut base = self.guest(module)?;
        let mut given = 0;
        let mut stacks = Vec::with_capacity(pending.len());
        for (place, pending) in pending.into_iter().enumerate() {
            let operation = pending.operation.clone();
            if place >= MAX_STACKS || Instant::now() > give_up {
                stacks.push(Stack { operation, frames: None });
                continue;
            }
            self.advance(&mut base, given..pending.activation)?;
            given = pending.activation;
            let mut copy = self.guest(module)?;
            match base.save() {
                Ok(snapshot) => copy.restore(&snapshot)?,
                // It has no snapshot: from its start, then.
                Err(Fault::Host(HostFault::State(_))) => self.advance(&mut copy, 0..given)?,
                Err(fault) => return Err(fault),
            }
            let Some((task, circumstances)) = self.given.get(given) else { continue };
            let frames = copy.calls_to_command(task, circumstances.clone(), pending.command)?;
            stacks.push(Stack { operation, frames: Some(frames) });
        }
        if Instant::now() < give_up {
            self.advance(&mut base, given..self.given.len())?;
            stacks.extend(conditions(&mut base).into_iter().take(MAX_STACKS));
        }
        Ok(stacks)
    }

    fn guest(&self, module: &Module) -> Result<Instance, Fault> {
        module.instantiate(RunInit { random_seed: self.seed, sink: Box::new(Discard) })
    }

    fn advance(&self, guest: &mut Instance, tasks: std::ops::Range<usize>) -> Result<(), Fault> {
        for (task, circumstances) in self.given.get(tasks).unwrap_or_default() {
            guest.activate(task, circumstances.clone())?;
        }
        Ok(())
    }
}

/// The conditions of its state that a guest waits for. They have no commands: the SDK for Rust answers the query for the
/// stack with their files and lines, as pairs. Other guests may refuse it.
fn conditions(guest: &mut Instance) -> Vec<Stack> {
    let name = PLAIN.to_owned();
    let query = Query { name, arguments: Vec::new(), headers: Vec::new() };
    let answer = guest.query(&query).ok().flatten().map(|answer| answer.data).unwrap_or_default();
    let places: Vec<(String, u32)> = serde_json::from_slice(&answer).unwrap_or_default();
    let stack = |place| {
        let frames = Some(vec![Frame { function: None, place: Some(place) }]);
        Stack { operation: "a condition of the state".to_owned(), frames }
    };
    places.into_iter().map(stack).collect()
}

/// The operation that a job ends.
fn ended(job: &Job) -> Option<Operation> {
    match job {
        Job::TimerFired(seq) => Some(Operation::Timer(*seq)),
        Job::ActivityResolved(job) => match job.resolution {
            ActivityResolution::Outcome(_) | ActivityResolution::Backoff(_) => {
                Some(Operation::Activity(job.seq))
            }
        },
        Job::ChildWorkflowStartResolved(job) => match job.resolution {
            ChildStartResolution::Started(_) => None,
            ChildStartResolution::Failed(_) | ChildStartResolution::Canceled(_) => {
                Some(Operation::ChildWorkflow(job.seq))
            }
        },
        Job::ChildWorkflowResolved(job) => Some(Operation::ChildWorkflow(job.seq)),
        Job::ExternalSignalResolved(job) => Some(Operation::ExternalSignal(job.seq)),
        Job::ExternalCancelResolved(job) => Some(Operation::ExternalCancel(job.seq)),
        Job::NexusStartResolved(job) => match job.resolution {
            NexusStartResolution::StartedAsync(_) | NexusStartResolution::StartedSync => None,
            NexusStartResolution::Failed(_) => Some(Operation::Nexus(job.seq)),
        },
        Job::NexusResolved(job) => Some(Operation::Nexus(job.seq)),
        Job::Start(_) | Job::UpdateRandomSeed | Job::Signal(_) | Job::Update(_) | Job::Cancel(_) => None,
    }
}

/// The operation that a command begins, and its name in words.
fn begun(command: &Command) -> Option<(Operation, String)> {
    Some(match command {
        Command::StartTimer { seq, options } => {
            let timeout = Duration::from_nanos(options.start_to_fire_timeout);
            (Operation::Timer(*seq), format!("timer {seq} of {timeout:?}"))
        }
        Command::ScheduleActivity { seq, options } => {
            (Operation::Activity(*seq), format!("activity {seq} of type {}", options.activity_type))
        }
        Command::ScheduleLocalActivity { seq, options } => {
            (Operation::Activity(*seq), format!("local activity {seq} of type {}", options.activity_type))
        }
        Command::StartChildWorkflow { seq, options } => {
            let words = format!("child workflow {} of type {}", options.workflow_id, options.workflow_type);
            (Operation::ChildWorkflow(*seq), words)
        }
        Command::SignalExternal { seq, options } => {
            (Operation::ExternalSignal(*seq), format!("signal {} to another workflow", options.name))
        }
        Command::RequestCancelExternal { seq, execution, .. } => {
            (Operation::ExternalCancel(*seq), format!("request to cancel workflow {}", execution.workflow_id))
        }
        Command::ScheduleNexusOperation { seq, options } => (
            Operation::Nexus(*seq),
            format!("Nexus operation {} of service {}", options.operation, options.service),
        ),
        Command::CancelTimer { .. }
        | Command::CancelActivity { .. }
        | Command::CancelChildWorkflow { .. }
        | Command::CancelExternalSignal { .. }
        | Command::CancelNexusOperation { .. }
        | Command::Complete { .. }
        | Command::Fail { .. }
        | Command::Cancel { .. }
        | Command::ContinueAsNew { .. }
        | Command::Patched { .. }
        | Command::UpsertSearchAttributes { .. }
        | Command::UpsertMemo { .. }
        | Command::SetCurrentDetails { .. }
        | Command::CompleteUpdate { .. } => return None,
    })
}

/// The answer to the query.
pub(crate) fn answer(stacks: &[Stack], form: Form) -> Payload {
    match form {
        Form::Plain => payload("json/plain", None, &Value::String(plain(stacks))),
        Form::Enhanced => {
            payload("json/protobuf", Some("temporal.api.sdk.v1.EnhancedStackTrace"), &enhanced(stacks))
        }
    }
}

fn payload(encoding: &'static str, message_type: Option<&'static str>, value: &Value) -> Payload {
    let entries = [("encoding", Some(encoding)), ("messageType", message_type)];
    let metadata = entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into())));
    Payload { metadata: metadata.collect(), data: value.to_string().into(), ..Payload::default() }
}

fn plain(stacks: &[Stack]) -> String {
    if stacks.is_empty() {
        return "no operation is pending: the workflow has ended, or waits for what its SDK does not tell"
            .to_owned();
    }
    let mut text = String::new();
    for Stack { operation, frames } in stacks {
        text += operation;
        text += "\n";
        match frames {
            None => text += "    not looked up: there are too many\n",
            Some(frames) => Frame::of_authors(frames).for_each(|frame| text += &line(frame)),
        }
        text += "\n";
    }
    text.truncate(text.trim_end().len());
    text
}

fn line(frame: &Frame) -> String {
    match (&frame.function, &frame.place) {
        (Some(function), Some((file, line))) => format!("    {function}\n        at {file}:{line}\n"),
        (Some(function), None) => format!("    {function}\n"),
        (None, Some((file, line))) => format!("    at {file}:{line}\n"),
        (None, None) => "    ?\n".to_owned(),
    }
}

/// The source files are not here, so `sources` has none.
fn enhanced(stacks: &[Stack]) -> Value {
    let locations = |frames: &[Frame]| -> Vec<Value> { frames.iter().map(location).collect() };
    let stacks = stacks
        .iter()
        .map(|stack| json!({ "locations": locations(stack.frames.as_deref().unwrap_or_default()) }));
    json!({
        "sdk": { "name": CLIENT_NAME, "version": env!("CARGO_PKG_VERSION") },
        "sources": {},
        "stacks": stacks.collect::<Vec<_>>(),
    })
}

fn location(frame: &Frame) -> Value {
    let (file, line) = frame.place.as_ref().map_or(("", 0), |(file, line)| (file.as_str(), *line));
    json!({
        "filePath": file,
        "line": line,
        "functionName": frame.function.as_deref().unwrap_or_default(),
        "internalCode": !frame.is_of_author(),
    })
}
