//! What can be wrong: with a history, with the workflow that is replayed against it, with what the
//! guest asked for.

use host_wire::temporal::api::enums::v1::WorkflowTaskFailedCause;

/// Why a run cannot go on. Every one of them fails the workflow task and evicts the run; none of
/// them fails the workflow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The workflow did something else than what its history says it did.
    #[error(transparent)]
    Nondeterminism(Box<Nondeterminism>),
    /// The history is not one that the service can have written.
    #[error("history is broken at event {event_id}: {what}")]
    BrokenHistory {
        /// The event where it shows.
        event_id: i64,
        /// What is wrong there.
        what: String,
    },
    /// An event of a type that is not known, which must not be ignored.
    #[error(
        "event {event_id} has type {event_type}, which this host does not know and which it may \
         not ignore: a newer host is needed"
    )]
    UnknownEventType {
        /// The event.
        event_id: i64,
        /// Its type, as a number of `temporal.api.enums.v1.EventType`.
        event_type: i32,
    },
    /// The history was written under a rule that is not known.
    #[error(
        "event {event_id} says that core flag {flag} was used, which this host does not know: a \
         newer host is needed"
    )]
    UnknownFlag {
        /// The `WorkflowTaskCompleted` event.
        event_id: i64,
        /// The number in `core_used_flags`.
        flag: u32,
    },
    /// The guest asked for something that makes no sense, such as a cancellation of what was never
    /// started.
    #[error("workflow asked for the impossible: {what}")]
    GuestFault {
        /// What it asked for, and why that cannot be.
        what: String,
    },
    /// The run was driven wrongly: a step was answered that was not asked, or not answered. A bug of
    /// the caller.
    #[error("run was driven out of order: {what}")]
    OutOfOrder {
        /// What was called when it must not be.
        what: &'static str,
    },
}

/// The first difference between a history and the workflow that is replayed against it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nondeterminism at event {event_id}: history has {expected}, the workflow has {actual}")]
pub struct Nondeterminism {
    /// The event that the workflow does not agree with.
    pub event_id: i64,
    /// What history says.
    pub expected: String,
    /// What the workflow did instead.
    pub actual: String,
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
        }))
    }

    pub(crate) fn broken(event_id: i64, what: impl Into<String>) -> Self {
        Self::BrokenHistory { event_id, what: what.into() }
    }

    pub(crate) fn guest(what: impl Into<String>) -> Self {
        Self::GuestFault { what: what.into() }
    }
}
