//! A workflow that runs a script, line by line: commands and attacks.
//!
//! The argument of `start` is the script. A line is a word and its argument. `wait` ends the activation; the
//! next activation records its jobs and continues behind it. A query runs its name as a line, and so does the
//! validator of an update.

mod ask;
mod attack;
mod step;

use std::cell::RefCell;

use bindings::workflow::host::activation::{Job, Query, Task, Update};
use bindings::workflow::host::definition::{VersioningBehavior, WorkflowDefinition};
use bindings::workflow::host::log;
use bindings::workflow::host::types::{
    ApplicationErrorCategory, ApplicationFailure, Encoding, Failure, FailureInfo, FailureLink, Payload,
};

/// What the definition of `Script` says of its runs. Tests replace these bytes.
const VERSIONING: &str = "versioning-unspecified";

struct Module;

/// The state of the workflow between activations.
#[derive(Default)]
struct Script {
    lines: Vec<String>,
    next: usize,
    notes: Vec<String>,
    ballast: Vec<u8>,
}

impl Script {
    /// `wait-notes N` ends the activation, and every later one, until there are N notes.
    fn waits_for_notes(&mut self, line: &str) -> bool {
        let notes = line.strip_prefix("wait-notes ").map(step::number);
        let waits = notes.is_some_and(|notes| self.notes.len() < notes as usize);
        self.next -= usize::from(waits);
        waits
    }
}

thread_local! {
    static SCRIPT: RefCell<Script> = RefCell::default();
}

impl bindings::Guest for Module {
    fn definitions() -> Vec<WorkflowDefinition> {
        let script =
            WorkflowDefinition { versioning_behavior: versioning(), ..bindings::definition("Script") };
        vec![bindings::definition("Another"), script]
    }

    fn activate(task: Task) -> Result<(), Failure> {
        std::panic::set_hook(Box::new(report));
        for job in task.jobs {
            SCRIPT.with_borrow_mut(|script| take(script, job));
        }
        while let Some(line) = SCRIPT.with_borrow_mut(next_line) {
            if line == "wait" || SCRIPT.with_borrow_mut(|script| script.waits_for_notes(&line)) {
                break;
            }
            step::run(&line)?;
        }
        Ok(())
    }

    fn query(query: Query) -> Result<Option<Payload>, Failure> {
        step::run(&query.name)?;
        Ok(Some(text(&SCRIPT.with_borrow(|script| script.notes.join("\n")))))
    }

    fn validate_update(update: Update) -> Result<(), Failure> {
        step::run(&update.name)
    }
}

fn versioning() -> VersioningBehavior {
    // Else the compiler would know it.
    match std::hint::black_box(VERSIONING) {
        "versioning-pinned-----" => VersioningBehavior::Pinned,
        "versioning-autoupgrade" => VersioningBehavior::AutoUpgrade,
        _ => VersioningBehavior::Unspecified,
    }
}

fn take(script: &mut Script, job: Job) {
    match job {
        Job::Start(start) => {
            let argument = start.arguments.first().map(|argument| argument.data.clone());
            let source = String::from_utf8(argument.unwrap_or_default()).expect("a script is text");
            script.lines = source.lines().map(str::to_owned).collect();
        }
        Job::TimerFired(seq) => script.notes.push(format!("timer {seq}")),
        Job::ActivityResolved(resolved) => script.notes.push(format!("activity {}", resolved.seq)),
        other => script.notes.push(format!("{other:?}")),
    }
}

fn next_line(script: &mut Script) -> Option<String> {
    let line = script.lines.get(script.next).cloned();
    script.next += usize::from(line.is_some());
    line
}

/// A payload of text.
fn text(data: &str) -> Payload {
    bytes(data.as_bytes().to_vec())
}

/// A text without quotes and backslashes, as JSON.
fn json(text: &str) -> Payload {
    Payload { encoding: Encoding::JsonPlain, ..self::text(&format!("\"{text}\"")) }
}

/// A payload of bytes.
fn bytes(data: Vec<u8>) -> Payload {
    Payload { encoding: Encoding::BinaryPlain, metadata: Vec::new(), data }
}

/// A failure without causes.
fn failure(message: &str) -> Failure {
    let info = FailureInfo::Application(ApplicationFailure {
        error_type: "Script".to_owned(),
        non_retryable: false,
        details: Vec::new(),
        next_retry_delay: None,
        category: ApplicationErrorCategory::Unspecified,
    });
    vec![FailureLink {
        message: message.to_owned(),
        source: "script".to_owned(),
        stack_trace: String::new(),
        encoded_attributes: None,
        info,
    }]
}

/// Reports panics, as the panic hook of the SDK does.
fn report(panic: &std::panic::PanicHookInfo<'_>) {
    let location = panic.location().map(|location| log::Location {
        file: location.file().to_owned(),
        line: location.line(),
        column: location.column(),
    });
    log::panicked(panic.payload_as_str().unwrap_or("?"), location.as_ref());
    core::arch::wasm32::unreachable()
}

bindings::contract::export!(Module with_types_in bindings::contract);
