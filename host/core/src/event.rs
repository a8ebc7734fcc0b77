//! One event of a history, as core looks at it: its outside at once, its attributes when needed.

use std::{fmt, ops::Range};

use bytes::Bytes;
use host_wire::{RawEvent, temporal::api::enums::v1::EventType};
use prost::Message;
use prost_types::Timestamp;

use crate::{
    error::Error,
    fields::{self, Fields, Unreadable, Value},
};

/// Field numbers of the oneof `attributes` of `HistoryEvent`, where core reads attributes.
pub(crate) mod tag {
    pub(crate) const WORKFLOW_EXECUTION_STARTED: u32 = 6;
    pub(crate) const WORKFLOW_TASK_STARTED: u32 = 11;
    pub(crate) const WORKFLOW_TASK_COMPLETED: u32 = 12;
    pub(crate) const WORKFLOW_TASK_FAILED: u32 = 14;
    pub(crate) const ACTIVITY_TASK_SCHEDULED: u32 = 15;
    pub(crate) const ACTIVITY_TASK_COMPLETED: u32 = 17;
    pub(crate) const ACTIVITY_TASK_FAILED: u32 = 18;
    pub(crate) const ACTIVITY_TASK_TIMED_OUT: u32 = 19;
    pub(crate) const TIMER_FIRED: u32 = 21;
    pub(crate) const ACTIVITY_TASK_CANCELED: u32 = 23;
    pub(crate) const MARKER_RECORDED: u32 = 25;
    pub(crate) const WORKFLOW_EXECUTION_SIGNALED: u32 = 26;
    pub(crate) const WORKFLOW_EXECUTION_CANCEL_REQUESTED: u32 = 28;
    pub(crate) const REQUEST_CANCEL_EXTERNAL_FAILED: u32 = 31;
    pub(crate) const START_CHILD_INITIATED: u32 = 34;
    pub(crate) const START_CHILD_FAILED: u32 = 35;
    pub(crate) const CHILD_STARTED: u32 = 36;
    pub(crate) const CHILD_COMPLETED: u32 = 37;
    pub(crate) const CHILD_FAILED: u32 = 38;
    pub(crate) const CHILD_TIMED_OUT: u32 = 40;
    pub(crate) const SIGNAL_EXTERNAL_FAILED: u32 = 43;
    pub(crate) const UPSERT_SEARCH_ATTRIBUTES: u32 = 45;
    pub(crate) const UPDATE_ACCEPTED: u32 = 46;
    pub(crate) const UPDATE_ADMITTED: u32 = 52;
    pub(crate) const NEXUS_SCHEDULED: u32 = 53;
    pub(crate) const NEXUS_STARTED: u32 = 54;
    pub(crate) const NEXUS_COMPLETED: u32 = 55;
    pub(crate) const NEXUS_FAILED: u32 = 56;
    pub(crate) const NEXUS_CANCELED: u32 = 57;
    pub(crate) const NEXUS_TIMED_OUT: u32 = 58;
    pub(crate) const OPTIONS_UPDATED: u32 = 60;
    pub(crate) const NEXUS_CANCEL_REQUEST_COMPLETED: u32 = 61;
    pub(crate) const NEXUS_CANCEL_REQUEST_FAILED: u32 = 62;
    pub(crate) const PAUSED: u32 = 63;
    pub(crate) const UNPAUSED: u32 = 64;
    pub(crate) const TIME_SKIPPING_TRANSITIONED: u32 = 65;
    pub(crate) const FIRST: u32 = 6;
    pub(crate) const LAST: u32 = 65;
}

/// An event whose attributes are still encoded.
#[derive(Clone)]
pub(crate) struct Event {
    raw: RawEvent,
    kind: EventType,
    /// Field number and place of the attributes in the encoded event.
    attributes: Option<(u32, Range<usize>)>,
}

impl Event {
    /// Reads the outside of an encoded `HistoryEvent`. `after` is the event before it, for the error.
    pub(crate) fn new(encoded: Bytes, after: i64) -> Result<Self, Error> {
        let unreadable = |error: Unreadable| Error::broken(after + 1, format!("it cannot be read: {error}"));
        let raw = RawEvent::new(encoded).map_err(|error| unreadable(error.into()))?;
        let encoded: &[u8] = raw.encoded();
        let mut attributes = None;
        for field in Fields::new(encoded) {
            if let (tag @ tag::FIRST..=tag::LAST, Value::Bytes(value)) = field.map_err(unreadable)? {
                let start = value.as_ptr().addr() - encoded.as_ptr().addr();
                attributes = Some((tag, start..start + value.len()));
            }
        }
        Ok(Self { kind: raw.event_type().unwrap_or(EventType::Unspecified), raw, attributes })
    }

    pub(crate) fn id(&self) -> i64 {
        self.raw.event_id()
    }

    pub(crate) fn time(&self) -> Option<Timestamp> {
        self.raw.event_time()
    }

    /// Its type; unspecified when that is not known.
    pub(crate) fn kind(&self) -> EventType {
        self.kind
    }

    pub(crate) fn type_number(&self) -> i32 {
        self.raw.event_type_number()
    }

    pub(crate) fn worker_may_ignore(&self) -> bool {
        self.raw.worker_may_ignore()
    }

    /// Whether type and attributes are of this version of the protocol.
    pub(crate) fn is_known(&self) -> bool {
        self.kind != EventType::Unspecified && self.attributes.is_some()
    }

    /// Whether it says nothing to a workflow, and a worker may skip it.
    pub(crate) fn is_ignorable(&self) -> bool {
        self.worker_may_ignore()
            && self.attributes.as_ref().is_none_or(|(tag, _)| {
                matches!(
                    *tag,
                    tag::OPTIONS_UPDATED | tag::PAUSED | tag::UNPAUSED | tag::TIME_SKIPPING_TRANSITIONED
                )
            })
    }

    /// Whether it is what the service made of a command.
    pub(crate) fn is_command(&self) -> bool {
        matches!(
            self.kind,
            EventType::ActivityTaskScheduled
                | EventType::ActivityTaskCancelRequested
                | EventType::MarkerRecorded
                | EventType::RequestCancelExternalWorkflowExecutionInitiated
                | EventType::SignalExternalWorkflowExecutionInitiated
                | EventType::StartChildWorkflowExecutionInitiated
                | EventType::TimerCanceled
                | EventType::TimerStarted
                | EventType::UpsertWorkflowSearchAttributes
                | EventType::WorkflowPropertiesModified
                | EventType::NexusOperationScheduled
                | EventType::NexusOperationCancelRequested
                | EventType::WorkflowExecutionCanceled
                | EventType::WorkflowExecutionCompleted
                | EventType::WorkflowExecutionContinuedAsNew
                | EventType::WorkflowExecutionFailed
                | EventType::WorkflowExecutionUpdateAccepted
                | EventType::WorkflowExecutionUpdateRejected
                | EventType::WorkflowExecutionUpdateCompleted
        )
    }

    /// Whether later events refer to it as that which began what they are about.
    pub(crate) fn begins_operation(&self) -> bool {
        matches!(
            self.kind,
            EventType::ActivityTaskScheduled
                | EventType::RequestCancelExternalWorkflowExecutionInitiated
                | EventType::SignalExternalWorkflowExecutionInitiated
                | EventType::StartChildWorkflowExecutionInitiated
                | EventType::TimerStarted
                | EventType::NexusOperationScheduled
        )
    }

    /// Whether the run ends with it.
    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self.kind,
            EventType::WorkflowExecutionCompleted
                | EventType::WorkflowExecutionCanceled
                | EventType::WorkflowExecutionFailed
                | EventType::WorkflowExecutionTimedOut
                | EventType::WorkflowExecutionContinuedAsNew
                | EventType::WorkflowExecutionTerminated
        )
    }

    /// Whether its attributes are those of this field of `HistoryEvent`.
    pub(crate) fn has(&self, tag: u32) -> bool {
        self.attributes.as_ref().is_some_and(|(actual, _)| *actual == tag)
    }

    /// The event that began what this event goes on with: the schedule, start or initiation of an
    /// operation or a workflow task.
    pub(crate) fn initiating_event_id(&self) -> Result<Option<i64>, Error> {
        let Some((tag, _)) = self.attributes else {
            return Ok(None);
        };
        let field = match tag {
            // Workflow tasks.
            11..=14 => 1,
            // Activities: started, completed, failed, timed out, cancel requested, cancelled.
            16 | 22 => 1,
            17..=19 => 2,
            23 => 3,
            // Timers: fired, cancelled.
            21 | 24 => 2,
            // Cancelling other workflows: failed, done.
            31 => 5,
            32 => 1,
            // Child workflows: start failed, started, completed, failed, cancelled, timed out,
            // terminated.
            35 => 6,
            36 => 2,
            37..=39 => 5,
            40 | 41 => 4,
            // Signalling other workflows: failed, done.
            43 => 5,
            44 => 1,
            // Nexus operations: started, completed, failed, cancelled, timed out, cancel requested,
            // cancel request completed, cancel request failed.
            54..=59 => 1,
            61 => 3,
            62 => 4,
            _ => return Ok(None),
        };
        self.number(field).map(Some)
    }

    /// An integer field of the attributes.
    pub(crate) fn number(&self, field: u32) -> Result<i64, Error> {
        fields::number(self.encoded_attributes(), field).map_err(|error| self.unreadable(&error))
    }

    /// The attributes as they came; empty when there are none.
    pub(crate) fn encoded_attributes(&self) -> &[u8] {
        self.attributes
            .as_ref()
            .and_then(|(_, range)| self.raw.encoded().get(range.clone()))
            .unwrap_or_default()
    }

    /// Decodes the attributes, which are to be those of field `tag`. Payloads stay slices of the
    /// buffer that the event came in.
    pub(crate) fn attributes<M: Message + Default>(&self, tag: u32) -> Result<M, Error> {
        match &self.attributes {
            Some((actual, range)) if *actual == tag => {
                M::decode(self.raw.encoded().slice(range.clone())).map_err(|error| self.unreadable(&error))
            }
            _ => Err(self.broken("its attributes are those of another type")),
        }
    }

    /// Decodes a single field of the attributes, which are to be those of field `tag`: a message.
    pub(crate) fn message<M: Message + Default>(&self, tag: u32, field: u32) -> Result<Option<M>, Error> {
        if !self.has(tag) {
            return Err(self.broken("its attributes are those of another type"));
        }
        let encoded = self.raw.encoded();
        let mut found = None;
        for entry in Fields::new(self.encoded_attributes()) {
            if let (number, Value::Bytes(value)) = entry.map_err(|error| self.unreadable(&error))?
                && number == field
            {
                found = Some(encoded.slice_ref(value));
            }
        }
        found.map(M::decode).transpose().map_err(|error| self.unreadable(&error))
    }

    pub(crate) fn broken(&self, what: impl fmt::Display) -> Error {
        Error::broken(self.id(), format!("{self}: {what}"))
    }

    pub(crate) fn unreadable(&self, error: &impl fmt::Display) -> Error {
        self.broken(format_args!("its attributes cannot be read: {error}"))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name(self.kind))
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {self}", self.id())
    }
}

/// The name of an event type as user interfaces show it, such as `ActivityTaskScheduled`.
fn name(kind: EventType) -> String {
    kind.as_str_name()
        .trim_start_matches("EVENT_TYPE_")
        .split('_')
        .flat_map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            [first.to_owned(), rest.to_lowercase()]
        })
        .collect()
}
