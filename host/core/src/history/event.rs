//! One event of a history, as core reads it: its envelope at once, its attributes when they are needed.

use std::fmt;

use bytes::Bytes;
use host_wire::{AttributesMessage, RawEvent, event_type_name, temporal::api::enums::v1::EventType};
use prost::DecodeError;
use prost_types::Timestamp;

use crate::error::Error;

/// An event whose attributes are still encoded.
#[derive(Clone)]
pub(crate) struct Event {
    raw: RawEvent,
    kind: EventType,
}

/// What the events of a type are to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Recorded for a command; later events refer to it as that which began an operation.
    Beginning,
    /// Recorded for a command; no later event refers to it.
    Command,
    /// Recorded for a command that ends the run.
    CommandedEnd,
    /// The service ended the run by itself.
    ForcedEnd,
    /// Of a workflow task.
    WorkflowTask,
    /// Goes on with what an earlier event began.
    Continuation,
    /// The run starts.
    Start,
    /// The run was signalled.
    Signal,
    /// The run's cancellation was requested.
    CancelRequest,
    /// An update was admitted, and is to be accepted or rejected.
    Admission,
    /// Tells a workflow nothing.
    Silent,
}

impl Role {
    fn of(kind: EventType) -> Self {
        use EventType as E;
        match kind {
            E::ActivityTaskScheduled
            | E::NexusOperationScheduled
            | E::RequestCancelExternalWorkflowExecutionInitiated
            | E::SignalExternalWorkflowExecutionInitiated
            | E::StartChildWorkflowExecutionInitiated
            | E::TimerStarted => Self::Beginning,
            E::ActivityTaskCancelRequested
            | E::MarkerRecorded
            | E::NexusOperationCancelRequested
            | E::TimerCanceled
            | E::UpsertWorkflowSearchAttributes
            | E::WorkflowExecutionUpdateAccepted
            | E::WorkflowExecutionUpdateCompleted
            | E::WorkflowExecutionUpdateRejected
            | E::WorkflowPropertiesModified => Self::Command,
            E::WorkflowExecutionCanceled
            | E::WorkflowExecutionCompleted
            | E::WorkflowExecutionContinuedAsNew
            | E::WorkflowExecutionFailed => Self::CommandedEnd,
            E::WorkflowExecutionTerminated | E::WorkflowExecutionTimedOut => Self::ForcedEnd,
            E::WorkflowTaskScheduled
            | E::WorkflowTaskStarted
            | E::WorkflowTaskCompleted
            | E::WorkflowTaskFailed
            | E::WorkflowTaskTimedOut => Self::WorkflowTask,
            E::ActivityTaskStarted
            | E::ActivityTaskCompleted
            | E::ActivityTaskFailed
            | E::ActivityTaskTimedOut
            | E::ActivityTaskCanceled
            | E::TimerFired
            | E::RequestCancelExternalWorkflowExecutionFailed
            | E::ExternalWorkflowExecutionCancelRequested
            | E::SignalExternalWorkflowExecutionFailed
            | E::ExternalWorkflowExecutionSignaled
            | E::StartChildWorkflowExecutionFailed
            | E::ChildWorkflowExecutionStarted
            | E::ChildWorkflowExecutionCompleted
            | E::ChildWorkflowExecutionFailed
            | E::ChildWorkflowExecutionCanceled
            | E::ChildWorkflowExecutionTimedOut
            | E::ChildWorkflowExecutionTerminated
            | E::NexusOperationStarted
            | E::NexusOperationCompleted
            | E::NexusOperationFailed
            | E::NexusOperationCanceled
            | E::NexusOperationTimedOut
            | E::NexusOperationCancelRequestCompleted
            | E::NexusOperationCancelRequestFailed => Self::Continuation,
            E::WorkflowExecutionStarted => Self::Start,
            E::WorkflowExecutionSignaled => Self::Signal,
            E::WorkflowExecutionCancelRequested => Self::CancelRequest,
            E::WorkflowExecutionUpdateAdmitted => Self::Admission,
            E::Unspecified
            | E::ActivityPropertiesModifiedExternally
            | E::WorkflowPropertiesModifiedExternally
            | E::WorkflowExecutionOptionsUpdated
            | E::WorkflowExecutionPaused
            | E::WorkflowExecutionUnpaused
            | E::WorkflowExecutionTimeSkippingTransitioned => Self::Silent,
        }
    }
}

impl Event {
    /// Reads the envelope of an encoded `HistoryEvent`. `after` is the id of the event before it, for the
    /// error.
    ///
    /// # Errors
    ///
    /// When the bytes are no event.
    pub(crate) fn new(encoded: Bytes, after: i64) -> Result<Self, Error> {
        let raw = RawEvent::new(encoded)
            .map_err(|error| Error::broken(after + 1, format!("it cannot be read: {error}")))?;
        Ok(raw.into())
    }

    /// Position in the run's history, from 1.
    pub(crate) fn id(&self) -> i64 {
        self.raw.event_id()
    }

    /// When the service recorded it.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        self.raw.event_time()
    }

    /// Its type; unspecified when that is newer than the protocol this was built with.
    pub(crate) fn kind(&self) -> EventType {
        self.kind
    }

    /// Its type as it came: a number of `temporal.api.enums.v1.EventType`.
    pub(crate) fn type_number(&self) -> i32 {
        self.raw.event_type_number()
    }

    /// `worker_may_ignore` of the event.
    pub(crate) fn worker_may_ignore(&self) -> bool {
        self.raw.worker_may_ignore()
    }

    /// Whether type and attributes are of this version of the protocol.
    pub(crate) fn is_known(&self) -> bool {
        self.kind != EventType::Unspecified && self.raw.attributes_type().is_some()
    }

    /// Whether it says nothing to a workflow, and a worker may skip it.
    pub(crate) fn is_ignorable(&self) -> bool {
        self.worker_may_ignore()
            && self.raw.attributes_type().is_none_or(|kind| {
                matches!(
                    kind,
                    EventType::WorkflowExecutionOptionsUpdated
                        | EventType::WorkflowExecutionPaused
                        | EventType::WorkflowExecutionUnpaused
                        | EventType::WorkflowExecutionTimeSkippingTransitioned
                )
            })
    }

    /// What it is to a run, by its type.
    pub(crate) fn role(&self) -> Role {
        Role::of(self.kind)
    }

    /// Whether the service recorded it for a command.
    pub(crate) fn is_command(&self) -> bool {
        matches!(self.role(), Role::Beginning | Role::Command | Role::CommandedEnd)
    }

    /// Whether the run ends with it.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.role(), Role::CommandedEnd | Role::ForcedEnd)
    }

    /// Whether its attributes are those of this type, which is its own unless the history is broken.
    pub(crate) fn has(&self, kind: EventType) -> bool {
        self.attributes_type() == Some(kind)
    }

    /// The type that its attributes belong to.
    pub(crate) fn attributes_type(&self) -> Option<EventType> {
        self.raw.attributes_type()
    }

    /// The event that began what this event goes on with; nothing when it goes on with nothing.
    ///
    /// # Errors
    ///
    /// When its attributes cannot be read.
    pub(crate) fn initiating_event_id(&self) -> Result<Option<i64>, Error> {
        self.read(RawEvent::initiating_event_id)
    }

    /// Decodes the attributes. Payloads in them stay slices of the buffer that the event came in.
    ///
    /// # Errors
    ///
    /// When they are those of another type, or cannot be read.
    pub(crate) fn attributes<M: AttributesMessage>(&self) -> Result<M, Error> {
        self.read(RawEvent::attributes_of)?.ok_or_else(|| self.has_other_attributes())
    }

    /// Reads a part of the attributes, by one of the functions that `host_wire` has for that.
    ///
    /// # Errors
    ///
    /// When the attributes cannot be read.
    pub(crate) fn read<'e, T>(
        &'e self,
        part: impl FnOnce(&'e RawEvent) -> Result<T, DecodeError>,
    ) -> Result<T, Error> {
        part(&self.raw).map_err(|error| self.broken(format_args!("its attributes cannot be read: {error}")))
    }

    /// The error for a history that contradicts itself at this event.
    pub(crate) fn broken(&self, what: impl fmt::Display) -> Error {
        Error::broken(self.id(), format!("{self}: {what}"))
    }

    /// The error for an event whose attributes do not belong to its type.
    pub(crate) fn has_other_attributes(&self) -> Error {
        self.broken("its attributes are those of another type")
    }
}

impl From<RawEvent> for Event {
    fn from(raw: RawEvent) -> Self {
        Self { kind: raw.event_type().unwrap_or(EventType::Unspecified), raw }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(event_type_name(self.kind))
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {self}", self.id())
    }
}
