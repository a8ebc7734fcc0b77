//! What a transition changed in one schedule, as storage keeps it.
//!
//! A schedule has three parts, each of which is stored as a whole when it changes: the definition is large and changes
//! by requests only, the progress is small and changes with each action, the outcome is as large as results are. A
//! record that has all three replaces those before.

use host_wire::temporal::api::{
    common::v1::{Memo, Payloads, SearchAttributes},
    enums::v1::ScheduleOverlapPolicy,
    failure::v1::Failure,
    schedule::v1::{
        BackfillRequest, ScheduleAction, ScheduleInfo, SchedulePolicies, ScheduleSpec, ScheduleState,
    },
};
use prost::Message;
use prost_types::Timestamp;

use crate::entity::{EntityBody, EntityKind};

/// Number of a schedule, from 0 in the order in which they were created. The service assigns it; storage names
/// schedules by it.
pub(crate) type ScheduleNumber = u64;

/// The body of a schedule's record. Parts that did not change are left out.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ScheduleBody {
    /// In every record, so that it is known of damaged ones too.
    #[prost(message, optional, tag = "1")]
    pub(crate) identity: Option<ScheduleIdentity>,
    #[prost(message, optional, tag = "2")]
    pub(crate) definition: Option<Definition>,
    #[prost(message, optional, tag = "3")]
    pub(crate) progress: Option<Progress>,
    #[prost(message, optional, tag = "4")]
    pub(crate) outcome: Option<Outcome>,
    #[prost(bool, tag = "5")]
    pub(crate) is_deleted: bool,
}

impl EntityBody for ScheduleBody {
    const KIND: EntityKind = EntityKind::Schedule;

    fn replaces_all(&self) -> bool {
        self.is_deleted || self.definition.is_some() && self.progress.is_some() && self.outcome.is_some()
    }

    fn is_deleted(&self) -> bool {
        self.is_deleted
    }
}

/// Names of a schedule. They never change.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ScheduleIdentity {
    #[prost(string, tag = "1")]
    pub(crate) namespace: String,
    #[prost(string, tag = "2")]
    pub(crate) schedule_id: String,
    /// Id of the request that created it. A creation with the same id answers with this schedule.
    #[prost(string, tag = "3")]
    pub(crate) request_id: String,
    /// A UUID, which tells it from others of the same id that were deleted.
    #[prost(string, tag = "4")]
    pub(crate) uid: String,
}

/// What a schedule is to do. It changes by requests only.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Definition {
    /// In its canonical form.
    #[prost(message, optional, tag = "1")]
    pub(crate) spec: Option<ScheduleSpec>,
    #[prost(message, optional, tag = "2")]
    pub(crate) action: Option<ScheduleAction>,
    /// Filled in.
    #[prost(message, optional, tag = "3")]
    pub(crate) policies: Option<SchedulePolicies>,
    #[prost(message, optional, tag = "4")]
    pub(crate) memo: Option<Memo>,
    #[prost(message, optional, tag = "5")]
    pub(crate) search_attributes: Option<SearchAttributes>,
}

/// How far a schedule is.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Progress {
    #[prost(message, optional, tag = "1")]
    pub(crate) state: Option<ScheduleState>,
    /// Without what is computed for a description.
    #[prost(message, optional, tag = "2")]
    pub(crate) info: Option<ScheduleInfo>,
    /// Times up to here were taken.
    #[prost(message, optional, tag = "3")]
    pub(crate) processed: Option<Timestamp>,
    /// Raised by every change of the definition or the state.
    #[prost(int64, tag = "4")]
    pub(crate) conflict_token: i64,
    /// Actions that wait for a workflow to close, in order.
    #[prost(message, repeated, tag = "5")]
    pub(crate) buffered: Vec<BufferedStart>,
    /// Backfills of which times are left, in order.
    #[prost(message, repeated, tag = "6")]
    pub(crate) backfills: Vec<BackfillRequest>,
    /// When the next portion of a backfill is due.
    #[prost(message, optional, tag = "7")]
    pub(crate) backfill_at: Option<Timestamp>,
    /// Whether a workflow closed for which something waits.
    #[prost(bool, tag = "8")]
    pub(crate) is_woken: bool,
    /// Ids of the last requests that changed it, the latest last.
    #[prost(string, repeated, tag = "9")]
    pub(crate) request_ids: Vec<String>,
}

/// The end of the last workflow, for the next one.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Outcome {
    #[prost(message, optional, tag = "1")]
    pub(crate) result: Option<Payloads>,
    #[prost(message, optional, tag = "2")]
    pub(crate) failure: Option<Failure>,
}

/// An action whose time has come.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BufferedStart {
    #[prost(message, optional, tag = "1")]
    pub(crate) nominal_time: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub(crate) actual_time: Option<Timestamp>,
    /// Unspecified: that of the schedule when it comes to it.
    #[prost(enumeration = "ScheduleOverlapPolicy", tag = "3")]
    pub(crate) overlap_policy: i32,
    /// Whether a request asked for it.
    #[prost(bool, tag = "4")]
    pub(crate) is_manual: bool,
}
