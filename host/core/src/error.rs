//! Errors: of a history, of the workflow that is replayed against it, of a guest's commands.

use host_wire::temporal::api::enums::v1::WorkflowTaskFailedCause;

/// Why a run cannot go on. Each error fails the workflow task and evicts the run; none fails the workflow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The workflow did something else than its history says.
    #[error(transparent)]
    Nondeterminism(Box<Nondeterminism>),
    /// The history is not one that the service can have written.
    #[error("history is broken at event {event_id}: {what}")]
    BrokenHistory {
        /// Id of the first event that contradicts those before it.
        event_id: i64,
        /// The contradiction.
        what: String,
    },
    /// An event of a type that is not known, which must not be ignored.
    #[error(
        "event {event_id} has type {event_type}, which this host does not know and which it may \
         not ignore: a newer host is needed"
    )]
    UnknownEventType {
        /// Id of the event.
        event_id: i64,
        /// Number of the type in `temporal.api.enums.v1.EventType`.
        event_type: i32,
    },
    /// The history was written under a rule that is not known.
    #[error(
        "event {event_id} says that core flag {flag} was used, which this host does not know: a \
         newer host is needed"
    )]
    UnknownFlag {
        /// Id of the `WorkflowTaskCompleted` event.
        event_id: i64,
        /// Number of the flag in `core_used_flags`.
        flag: u32,
    },
    /// The guest asked for something that cannot be, such as the cancellation of a timer that was never
    /// started.
    #[error("workflow asked for the impossible: {what}")]
    GuestFault {
        /// The command, and why it cannot be.
        what: String,
    },
    /// The caller answered a step that was not asked, or left one unanswered: a bug of the worker.
    #[error("run was driven out of order: {what}")]
    OutOfOrder {
        /// The call that came at the wrong time.
        what: &'static str,
    },
}

/// The first difference between a history and the workflow that is replayed against it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nondeterminism at event {event_id}: history has {expected}, the workflow has {actual}")]
pub struct Nondeterminism {
    /// Id of the event that the workflow does not agree with.
    pub event_id: i64,
    /// The event of history, in words.
    pub expected: String,
    /// The command of the workflow, in words.
    pub actual: String,
    /// Where the guest asked for that command; `None` if it asked for none.
    pub origin: Option<CommandOrigin>,
    /// Where the guest asked for the last command before, which history agrees with; `None` if this is the first.
    pub origin_before: Option<CommandOrigin>,
}

/// The place of a command among all that the guest asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandOrigin {
    /// The number of the activation, from 1.
    pub activation: u64,
    /// The place among the commands of that activation, from 0.
    pub index: usize,
}

impl Error {
    /// The cause with which the service is told that the workflow task failed.
    #[must_use]
    pub fn cause(&self) -> WorkflowTaskFailedCause {
        match self {
            Self::Nondeterminism(_) => WorkflowTaskFailedCause::NonDeterministicError,
            Self::BrokenHistory { .. }
            | Self::UnknownEventType { .. }
            | Self::UnknownFlag { .. }
            | Self::GuestFault { .. }
            | Self::OutOfOrder { .. } => WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure,
        }
    }

    pub(crate) fn nondeterminism(
        event_id: i64,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Self {
        Self::Nondeterminism(Box::new(Nondeterminism {
            event_id,
            expected: expected.into(),
            actual: actual.into(),
            origin: None,
            origin_before: None,
        }))
    }

    pub(crate) fn broken(event_id: i64, what: impl Into<String>) -> Self {
        Self::BrokenHistory { event_id, what: what.into() }
    }

    pub(crate) fn guest(what: impl Into<String>) -> Self {
        Self::GuestFault { what: what.into() }
    }
}
