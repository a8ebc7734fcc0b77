//! Facts, of which the state of a run is a fold: the events of its history, and changes that the history does not
//! hold (attempts, heartbeats, sticky queues). Storage keeps facts.

use bytes::Bytes;
use host_wire::temporal::api::{
    activity::v1::ActivityOptions,
    common::v1::{Payloads, WorkerVersionStamp},
    deployment::v1::WorkerDeploymentVersion,
    failure::v1::Failure,
    history::v1::HistoryEvent,
};
use prost::{DecodeError, Message, Oneof};
use prost_types::{Duration as ProtoDuration, Timestamp};

/// One change of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fact {
    /// An event is appended to the history.
    Event(Recorded),
    /// An event happened while a worker had the workflow task, and waits without an id until that closes.
    Buffered(Recorded),
    /// A buffered event is appended to the history, with its id. The first one empties the buffer.
    Flushed(Recorded),
    /// A change without an event.
    Unrecorded(UnrecordedChange),
}

/// An event, as message and encoded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) event: HistoryEvent,
    pub(crate) encoded: Bytes,
}

impl Recorded {
    pub(crate) fn new(event: HistoryEvent) -> Self {
        let encoded = event.encode_to_vec().into();
        Self { event, encoded }
    }

    fn decode(encoded: Bytes) -> Result<Self, DecodeError> {
        Ok(Self { event: HistoryEvent::decode(encoded.clone())?, encoded })
    }
}

/// A change of a run that its history does not hold.
#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum UnrecordedChange {
    #[prost(message, tag = "10")]
    TransientScheduled(TransientScheduled),
    #[prost(message, tag = "11")]
    TransientStarted(TransientStarted),
    /// A transient workflow task failed or timed out; holds the time.
    #[prost(message, tag = "12")]
    TransientFailed(Timestamp),
    #[prost(message, tag = "13")]
    Sticky(Sticky),
    #[prost(message, tag = "14")]
    ActivityStarted(ActivityStarted),
    #[prost(message, tag = "15")]
    ActivityHeartbeat(ActivityHeartbeat),
    #[prost(message, tag = "16")]
    ActivityRetry(Box<AttemptFailed>),
    /// The backoff of an activity is over; holds its scheduled event id.
    #[prost(int64, tag = "17")]
    ActivityReady(i64),
    /// A buffered `TimerFired` was taken back; holds the timer id.
    #[prost(string, tag = "18")]
    BufferedTimerRemoved(String),
    /// The worker of the started workflow task is part of this process; holds the started event id.
    #[prost(int64, tag = "19")]
    TaskInProcess(i64),
    /// A workflow task completed only to ask for another; holds the time of the first in the row.
    #[prost(message, tag = "20")]
    TaskHeartbeat(Timestamp),
    /// A reset of this run made the run with this id.
    #[prost(string, tag = "21")]
    ReplacedByReset(String),
    /// The events before this change were taken over from another run.
    #[prost(message, tag = "22")]
    MadeByReset(MadeByReset),
    /// A worker rejected an update that the history says was admitted.
    #[prost(message, tag = "23")]
    UpdateRejected(Box<UpdateRejected>),
    #[prost(message, tag = "24")]
    ActivityPaused(ActivityPaused),
    #[prost(message, tag = "25")]
    ActivityUnpaused(ActivityUnpaused),
    #[prost(message, tag = "26")]
    ActivityReset(ActivityReset),
    #[prost(message, tag = "27")]
    ActivityOptions(Box<ChangedActivityOptions>),
    #[prost(message, tag = "28")]
    VersionTransition(VersionTransition),
    #[prost(message, tag = "29")]
    NexusAttemptFailed(Box<AttemptFailed>),
    /// The backoff of a call for a Nexus operation is over; holds the scheduled event id of the operation.
    #[prost(int64, tag = "30")]
    NexusReady(i64),
}

/// A worker of another version got a task: the run is on its way there.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct VersionTransition {
    /// None is workers without a version.
    #[prost(message, optional, tag = "1")]
    pub(crate) version: Option<WorkerDeploymentVersion>,
}

/// A client paused an activity.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ActivityPaused {
    #[prost(int64, tag = "1")]
    pub(crate) scheduled_event_id: i64,
    #[prost(message, optional, tag = "2")]
    pub(crate) time: Option<Timestamp>,
    #[prost(string, tag = "3")]
    pub(crate) identity: String,
    #[prost(string, tag = "4")]
    pub(crate) reason: String,
}

/// A client let a paused activity go on.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ActivityUnpaused {
    #[prost(int64, tag = "1")]
    pub(crate) scheduled_event_id: i64,
    #[prost(bool, tag = "2")]
    pub(crate) resets_attempts: bool,
    #[prost(bool, tag = "3")]
    pub(crate) resets_heartbeat: bool,
    /// When the next attempt may start; none while a worker has one.
    #[prost(message, optional, tag = "4")]
    pub(crate) next_time: Option<Timestamp>,
}

/// A client reset an activity to its first attempt.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ActivityReset {
    #[prost(int64, tag = "1")]
    pub(crate) scheduled_event_id: i64,
    #[prost(bool, tag = "2")]
    pub(crate) resets_heartbeat: bool,
    /// When the first attempt may start, which unpauses the activity; none if it stays as it is.
    #[prost(message, optional, tag = "3")]
    pub(crate) next_time: Option<Timestamp>,
}

/// A client gave an activity other options.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ChangedActivityOptions {
    #[prost(int64, tag = "1")]
    pub(crate) scheduled_event_id: i64,
    /// All of them, also those that stay as they are.
    #[prost(message, optional, tag = "2")]
    pub(crate) options: Option<ActivityOptions>,
    /// When the next attempt may start; none while a worker has one.
    #[prost(message, optional, tag = "3")]
    pub(crate) next_time: Option<Timestamp>,
}

/// A reset made this run.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MadeByReset {
    #[prost(message, optional, tag = "1")]
    pub(crate) time: Option<Timestamp>,
    /// The run whose events were taken over.
    #[prost(string, tag = "2")]
    pub(crate) base_run_id: String,
}

/// An update that was admitted by a reset was rejected.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct UpdateRejected {
    #[prost(string, tag = "1")]
    pub(crate) update_id: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) failure: Option<Failure>,
}

/// A workflow task without events was scheduled.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TransientScheduled {
    #[prost(message, optional, tag = "1")]
    pub(crate) time: Option<Timestamp>,
    #[prost(int32, tag = "2")]
    pub(crate) attempt: i32,
}

/// A workflow task without events was started.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TransientStarted {
    #[prost(message, optional, tag = "1")]
    pub(crate) time: Option<Timestamp>,
    #[prost(string, tag = "2")]
    pub(crate) identity: String,
    #[prost(string, tag = "3")]
    pub(crate) request_id: String,
    #[prost(message, optional, tag = "4")]
    pub(crate) version: Option<WorkerVersionStamp>,
    #[prost(bool, tag = "5")]
    pub(crate) in_process: bool,
}

/// The sticky queue of the next workflow task; an empty name clears it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Sticky {
    #[prost(string, tag = "1")]
    pub(crate) queue: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) schedule_to_start_timeout: Option<ProtoDuration>,
}

/// An attempt of an activity was handed to a worker.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ActivityStarted {
    #[prost(int64, tag = "1")]
    pub(crate) scheduled_event_id: i64,
    #[prost(message, optional, tag = "2")]
    pub(crate) time: Option<Timestamp>,
    #[prost(string, tag = "3")]
    pub(crate) identity: String,
    #[prost(string, tag = "4")]
    pub(crate) request_id: String,
    #[prost(message, optional, tag = "5")]
    pub(crate) version: Option<WorkerVersionStamp>,
    #[prost(bool, tag = "6")]
    pub(crate) in_process: bool,
    #[prost(message, optional, tag = "7")]
    pub(crate) deployment: Option<WorkerDeploymentVersion>,
}

/// An attempt of an activity reported progress.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ActivityHeartbeat {
    #[prost(int64, tag = "1")]
    pub(crate) scheduled_event_id: i64,
    #[prost(message, optional, tag = "2")]
    pub(crate) time: Option<Timestamp>,
    #[prost(message, optional, tag = "3")]
    pub(crate) details: Option<Payloads>,
}

/// An attempt of an activity, or to call the handler of a Nexus operation, failed, and there will be another.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AttemptFailed {
    #[prost(int64, tag = "1")]
    pub(crate) scheduled_event_id: i64,
    #[prost(message, optional, tag = "2")]
    pub(crate) time: Option<Timestamp>,
    #[prost(message, optional, tag = "3")]
    pub(crate) next_time: Option<Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub(crate) failure: Option<Failure>,
}

/// A fact as storage keeps it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StoredFact {
    /// `KIND_EVENT`, `KIND_BUFFERED` or `KIND_FLUSHED`; 0: a change without an event.
    #[prost(uint32, tag = "1")]
    event_kind: u32,
    #[prost(bytes = "bytes", tag = "2")]
    event: Bytes,
    #[prost(
        oneof = "UnrecordedChange",
        tags = "10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30"
    )]
    note: Option<UnrecordedChange>,
}

impl StoredFact {
    /// The heartbeat of an activity, if this is one.
    pub(crate) fn heartbeat_mut(&mut self) -> Option<&mut ActivityHeartbeat> {
        match &mut self.note {
            Some(UnrecordedChange::ActivityHeartbeat(heartbeat)) => Some(heartbeat),
            _ => None,
        }
    }

    /// The event, if this is one that can be read.
    pub(crate) fn event(&self) -> Option<HistoryEvent> {
        if self.event_kind == 0 { None } else { HistoryEvent::decode(self.event.clone()).ok() }
    }
}

const KIND_EVENT: u32 = 1;
const KIND_BUFFERED: u32 = 2;
const KIND_FLUSHED: u32 = 3;

impl From<&Fact> for StoredFact {
    fn from(fact: &Fact) -> Self {
        let (event_kind, recorded) = match fact {
            Fact::Event(recorded) => (KIND_EVENT, recorded),
            Fact::Buffered(recorded) => (KIND_BUFFERED, recorded),
            Fact::Flushed(recorded) => (KIND_FLUSHED, recorded),
            Fact::Unrecorded(note) => {
                return Self { event_kind: 0, event: Bytes::new(), note: Some(note.clone()) };
            }
        };
        Self { event_kind, event: recorded.encoded.clone(), note: None }
    }
}

/// A stored fact that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FactError {
    #[error("it is not a message")]
    Decode(#[from] DecodeError),
    #[error("it is of a kind that a later version wrote")]
    Unknown,
}

impl TryFrom<StoredFact> for Fact {
    type Error = FactError;

    fn try_from(stored: StoredFact) -> Result<Self, FactError> {
        Ok(match (stored.event_kind, stored.note) {
            (KIND_EVENT, None) => Self::Event(Recorded::decode(stored.event)?),
            (KIND_BUFFERED, None) => Self::Buffered(Recorded::decode(stored.event)?),
            (KIND_FLUSHED, None) => Self::Flushed(Recorded::decode(stored.event)?),
            (0, Some(note)) => Self::Unrecorded(note),
            _ => return Err(FactError::Unknown),
        })
    }
}
