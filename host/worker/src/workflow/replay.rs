//! Replays a history on a module, and says whether they agree.

mod difference;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

pub use difference::{Difference, RecordedCommand, SourceLine};
use host_core::{RunConfig, Task};
use host_wire::{
    EventAttributes, History, RawEvent,
    temporal::api::{
        history::v1::WorkflowExecutionStartedEventAttributes,
        query::v1::{WorkflowQuery, WorkflowQueryResult},
    },
};

use super::run::{Advance, FailureKind, RunDriver, RunFailure, RunIdentity, StateHash, stack};
use crate::modules::LoadedModule;

/// The result of a replay.
#[derive(Debug)]
pub struct Report {
    /// Whether history and workflow agree.
    pub verdict: Verdict,
    /// The type that the history names; empty when it names none.
    pub workflow_type: String,
    /// Its size and duration.
    pub statistics: Statistics,
}

/// Size and duration of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Events of the history.
    pub events: usize,
    /// Calls into the guest.
    pub activations: u64,
    /// About how many bytes it takes to keep the guest at the end.
    pub memory_bytes: usize,
    /// Wall-clock time of the replay.
    pub elapsed: Duration,
}

/// Whether a history and a workflow agree.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// They do, to the end of the history.
    Ok,
    /// The workflow does something else.
    Nondeterminism(Box<Difference>),
    /// The guest did something wrong, or took more than it may.
    GuestFault {
        /// What the guest did wrong.
        message: String,
        /// Where in the guest: one frame a line; empty without debug information.
        backtrace: String,
    },
    /// The history is not one that a service can have written, or is newer than this host.
    BrokenHistory {
        /// What is wrong, and at which event.
        message: String,
    },
    /// Two replays of the history left the guest in different states: it sees something that no
    /// activation brought.
    StateDiffers {
        /// The activation after which it shows, from 1.
        activation: usize,
    },
    /// The module does not define the type.
    UnknownType {
        /// What the module defines.
        known: Vec<String>,
    },
    /// The host could not do its part: neither the history nor the workflow is to blame.
    HostFault {
        /// What went wrong.
        message: String,
    },
}

impl Verdict {
    /// Whether they agree.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Ok)
    }
}

impl std::fmt::Display for Verdict {
    /// What there is to say, in several lines where a difference is shown or a backtrace is known.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ok => formatter.write_str("history and workflow agree"),
            Self::Nondeterminism(difference) => difference.fmt(formatter),
            Self::GuestFault { message, backtrace } if backtrace.is_empty() => formatter.write_str(message),
            Self::GuestFault { message, backtrace } => write!(formatter, "{message}\n{backtrace}"),
            Self::BrokenHistory { message } | Self::HostFault { message } => formatter.write_str(message),
            Self::StateDiffers { activation } => write!(
                formatter,
                "two replays left the guest in different states after activation {activation}"
            ),
            Self::UnknownType { known } => {
                write!(formatter, "unknown workflow type; there are: {}", known.join(", "))
            }
        }
    }
}

impl From<RunFailure> for Verdict {
    fn from(failure: RunFailure) -> Self {
        let message = failure.to_string();
        let backtrace = failure.backtrace().to_owned();
        if let Some(difference) = failure.nondeterminism() {
            return Self::Nondeterminism(Box::new(difference.clone().into()));
        }
        match failure.kind() {
            FailureKind::Guest | FailureKind::Limit => Self::GuestFault { message, backtrace },
            FailureKind::Nondeterminism | FailureKind::History => Self::BrokenHistory { message },
            FailureKind::Host => Self::HostFault { message },
            FailureKind::UnknownType => match failure {
                RunFailure::UnknownType { known, .. } => Self::UnknownType { known },
                _ => Self::HostFault { message },
            },
        }
    }
}

/// Replays a whole history. Takes as long as the guest does: not for async threads.
#[must_use]
pub fn replay(module: &Arc<LoadedModule>, history: &History) -> Report {
    replay_with(module, history, |run| run).0
}

/// Replays a whole history twice, and compares the guest's state after every activation.
#[must_use]
pub fn replay_verifying_state(module: &Arc<LoadedModule>, history: &History) -> Report {
    let (report, first) = replay_with(module, history, RunDriver::recording_states);
    if !report.verdict.is_ok() {
        return report;
    }
    let (mut report, second) = replay_with(module, history, RunDriver::recording_states);
    if report.verdict.is_ok() && first != second {
        let same = first.iter().zip(&second).take_while(|(one, other)| one == other).count();
        report.verdict = Verdict::StateDiffers { activation: same + 1 };
    }
    report
}

fn replay_with(
    module: &Arc<LoadedModule>,
    history: &History,
    prepare: impl FnOnce(RunDriver) -> RunDriver,
) -> (Report, Vec<StateHash>) {
    let begin = Instant::now();
    let events = history.len();
    let Replayed { run, started } = match Replayed::begin(module, history, Task::replay()) {
        Ok(replayed) => replayed,
        Err(verdict) => {
            let report = Report {
                verdict,
                workflow_type: String::new(),
                statistics: Statistics { events, ..Statistics::default() },
            };
            return (report, Vec::new());
        }
    };
    let mut run = prepare(run);
    let mut verdict = drive(&mut run, events).map_or_else(Verdict::from, |()| Verdict::Ok);
    let statistics = Statistics {
        events,
        activations: run.activations(),
        memory_bytes: run.memory_bytes(),
        elapsed: begin.elapsed(),
    };
    let states = run.state_hashes().to_vec();
    // Its guest gives room to those that explain.
    drop(run);
    if let Verdict::Nondeterminism(difference) = &mut verdict {
        difference.explain(module, history);
    }
    let workflow_type = started.workflow_type.map(|r#type| r#type.name).unwrap_or_default();
    (Report { verdict, workflow_type, statistics }, states)
}

/// Replays a whole history, and asks the guest a query then.
///
/// # Errors
///
/// What keeps the history from being replayed to its end.
pub fn query_at_end(
    module: &Arc<LoadedModule>,
    history: &History,
    query: WorkflowQuery,
) -> Result<WorkflowQueryResult, Verdict> {
    let events = i64::try_from(history.len()).unwrap_or(i64::MAX);
    let asks_for_stack = stack::Form::of(query.query_type.as_str()).is_some();
    let task = Task { previous_started_event_id: Some(events), query: Some(query), ..Task::replay() };
    let Replayed { run, .. } = Replayed::begin(module, history, task)?;
    let mut run = if asks_for_stack { run.tracing() } else { run };
    match advance(&mut run)? {
        Stop::Query(answer) => Ok(*answer),
        Stop::End | Stop::NeedEvents => {
            Err(Verdict::HostFault { message: "the query was not asked".to_owned() })
        }
    }
}

/// A run to which a whole history was fed.
struct Replayed {
    run: RunDriver,
    started: WorkflowExecutionStartedEventAttributes,
}

impl Replayed {
    fn begin(module: &Arc<LoadedModule>, history: &History, task: Task) -> Result<Self, Verdict> {
        let started = started(history).map_err(|message| Verdict::BrokenHistory { message })?;
        let mut run = RunDriver::new(Arc::clone(module), identity(&started), config(&started));
        run.start_task(task)?;
        run.feed(history.clone().into_encoded(), true);
        Ok(Self { run, started })
    }
}

/// Where a replay stops.
pub(crate) enum Stop {
    /// At the end of the history that was fed.
    End,
    /// More of it is needed.
    NeedEvents,
    /// At a query, whose answer this is.
    Query(Box<WorkflowQueryResult>),
}

/// Goes on with a replay.
pub(crate) fn advance(run: &mut RunDriver) -> Result<Stop, RunFailure> {
    loop {
        match run.advance()? {
            Advance::Idle => return Ok(Stop::End),
            Advance::NeedEvents => return Ok(Stop::NeedEvents),
            Advance::RespondQuery(answer) => return Ok(Stop::Query(answer)),
            // A replay responds to nothing, and its history resolves what it starts.
            Advance::LocalActivities(_) | Advance::Respond(_) | Advance::Validated(_) => {}
        }
    }
}

/// The failure of a replay whose history of so many events is over too early.
pub(crate) fn ends_too_early(events: usize) -> RunFailure {
    let what = "more events are needed than there are".to_owned();
    host_core::Error::BrokenHistory { event_id: i64::try_from(events).unwrap_or(i64::MAX), what }.into()
}

fn drive(run: &mut RunDriver, events: usize) -> Result<(), RunFailure> {
    match advance(run)? {
        Stop::End | Stop::Query(_) => Ok(()),
        Stop::NeedEvents => Err(ends_too_early(events)),
    }
}

/// The first event of a history, which says what the rest belongs to.
fn started(history: &History) -> Result<WorkflowExecutionStartedEventAttributes, String> {
    let first = history.encoded().first().ok_or("the history has no events")?;
    let event = RawEvent::new(first.clone()).map_err(|error| format!("event 1 is malformed: {error}"))?;
    match event.attributes() {
        Ok(Some(EventAttributes::WorkflowExecutionStartedEventAttributes(started))) => Ok(*started),
        Ok(_) => Err("the history does not begin with WorkflowExecutionStarted".to_owned()),
        Err(error) => Err(format!("event 1 is malformed: {error}")),
    }
}

/// A history does not say which namespace it is from; nothing that a workflow does depends on it.
fn identity(started: &WorkflowExecutionStartedEventAttributes) -> RunIdentity {
    RunIdentity {
        namespace: "default".to_owned(),
        workflow_id: started.workflow_id.clone(),
        run_id: started.original_execution_run_id.clone(),
    }
}

fn config(started: &WorkflowExecutionStartedEventAttributes) -> RunConfig {
    RunConfig {
        run_id: started.original_execution_run_id.clone(),
        writes_sdk_metadata: true,
        ..RunConfig::default()
    }
}
