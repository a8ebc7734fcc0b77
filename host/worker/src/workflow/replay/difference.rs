//! The first difference between a history and a workflow: what each has, and where the workflow asked for it.

use std::{fmt, sync::Arc};

use host_core::{CommandOrigin, Nondeterminism, Task, command_in_words};
use host_sandbox::Frame;
use host_wire::{History, RawEvent};

use super::Replayed;
use crate::modules::LoadedModule;

/// How many commands before the difference are shown.
const COMMANDS_BEFORE: usize = 3;

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Id of the event that the workflow does not agree with.
    pub event_id: i64,
    /// What history has there, in words.
    pub expected: String,
    /// What the workflow asked for instead, in words.
    pub actual: String,
    /// Where the workflow asked for that. `None` if it asked for nothing, or the module has no line tables.
    pub asked_at: Option<SourceLine>,
    /// The last commands on which both agree, the earliest first.
    pub before: Vec<RecordedCommand>,
    /// Where the workflow asked for the last of them.
    pub before_at: Option<SourceLine>,
    /// What usually leads to such a difference, and what to do.
    pub cause: &'static str,
    origin: Option<CommandOrigin>,
    origin_before: Option<CommandOrigin>,
}

/// A line of a workflow's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLine {
    /// The function, as its language names it.
    pub function: String,
    /// The file, as it was passed to the compiler.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// A command of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedCommand {
    /// Id of the event that was recorded for it.
    pub event_id: i64,
    /// What the workflow asked for, in words.
    pub command: String,
}

const STEP_MISSING: &str = "the workflow no longer takes this step, or takes it in a later workflow task. Keep the old \
     step for open runs, behind `patched`, or leave them on the module that wrote the history";
const STEP_OTHER: &str = "a step was added, removed, renamed or moved. Make the change behind `patched`, or leave open \
     runs on the module that wrote the history";

impl Difference {
    /// Finds out where the workflow asked for the commands that the difference is about: replays the history again, up
    /// to each. Takes as long as two replays.
    pub fn explain(&mut self, module: &Arc<LoadedModule>, history: &History) {
        let line = |origin: Option<CommandOrigin>| source_line(module, history, origin?);
        self.asked_at = line(self.origin);
        self.before_at = line(self.origin_before);
        self.before = commands_before(history, self.event_id);
    }
}

impl From<Nondeterminism> for Difference {
    fn from(difference: Nondeterminism) -> Self {
        let Nondeterminism { event_id, expected, actual, origin, origin_before } = difference;
        let cause = if origin.is_some() { STEP_OTHER } else { STEP_MISSING };
        let (asked_at, before, before_at) = (None, Vec::new(), None);
        Self { event_id, expected, actual, asked_at, before, before_at, cause, origin, origin_before }
    }
}

/// Where the workflow asked for a command.
fn source_line(module: &Arc<LoadedModule>, history: &History, origin: CommandOrigin) -> Option<SourceLine> {
    let Replayed { run, .. } = Replayed::begin(module, history, Task::replay()).ok()?;
    // This replay has the same end as the one before it, which said why.
    let calls = run.calls_to_command(origin).ok()?;
    let Frame { function, place } = Frame::of_author(&calls)?.clone();
    let (file, line) = place?;
    Some(SourceLine { function: function.unwrap_or_default(), file, line })
}

fn commands_before(history: &History, event_id: i64) -> Vec<RecordedCommand> {
    let mut commands = Vec::new();
    for event in history.encoded().iter().rev().filter_map(|event| RawEvent::new(event.clone()).ok()) {
        if event.event_id() < event_id
            && let Some(command) = command_in_words(&event)
        {
            commands.push(RecordedCommand { event_id: event.event_id(), command });
        }
        if commands.len() == COMMANDS_BEFORE {
            break;
        }
    }
    commands.reverse();
    commands
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event_id, expected, actual, asked_at, before, before_at, cause, .. } = self;
        write!(
            f,
            "history and workflow differ at event {event_id}\nhistory:  {expected}\nworkflow: {actual}"
        )?;
        if let Some(line) = asked_at {
            write!(f, "\n          {line}")?;
        }
        for (number, RecordedCommand { event_id, command }) in before.iter().enumerate() {
            let label = if number == 0 { "before:  " } else { "         " };
            write!(f, "\n{label} event {event_id}, {command}")?;
        }
        if let Some(line) = before_at {
            write!(f, "\n          {line}")?;
        }
        write!(f, "\ncause:    {cause}")
    }
}

impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in {}, at {}:{}", self.function, self.file, self.line)
    }
}
