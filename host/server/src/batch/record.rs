//! What a transition changed in one batch operation, as storage keeps it: the request once, and small records of how
//! far it is.

use host_wire::temporal::api::workflowservice::v1::StartBatchOperationRequest;
use prost::Message;
use prost_types::Timestamp;

use crate::{
    entity::{EntityBody, EntityKind},
    execution::record::RunNumber,
};

/// Number of a batch operation, from 0 in the order in which they were started. The service assigns it.
pub(crate) type BatchNumber = u64;

/// The body of a batch operation's record. Parts that did not change are left out.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BatchBody {
    /// In every record, so that it is known of damaged ones too.
    #[prost(message, optional, tag = "1")]
    pub(crate) identity: Option<BatchIdentity>,
    #[prost(message, optional, tag = "2")]
    pub(crate) definition: Option<Definition>,
    #[prost(message, optional, tag = "3")]
    pub(crate) progress: Option<Progress>,
    #[prost(bool, tag = "4")]
    pub(crate) is_deleted: bool,
}

impl EntityBody for BatchBody {
    const KIND: EntityKind = EntityKind::Batch;

    fn replaces_all(&self) -> bool {
        self.is_deleted || self.definition.is_some() && self.progress.is_some()
    }

    fn is_deleted(&self) -> bool {
        self.is_deleted
    }
}

/// Names of a batch operation. They never change.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct BatchIdentity {
    #[prost(string, tag = "1")]
    pub(crate) namespace: String,
    #[prost(string, tag = "2")]
    pub(crate) job_id: String,
    /// A UUID, for answers to clients: with Temporal's server it is a run id.
    #[prost(string, tag = "3")]
    pub(crate) uid: String,
}

/// What it does. It only changes when it closes: what is large is dropped then.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Definition {
    #[prost(message, optional, tag = "1")]
    pub(crate) request: Option<StartBatchOperationRequest>,
    #[prost(message, optional, tag = "2")]
    pub(crate) start_time: Option<Timestamp>,
}

/// How far it is.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Progress {
    /// How many runs it is about: counted when it begins.
    #[prost(int64, optional, tag = "1")]
    pub(crate) total: Option<i64>,
    #[prost(int64, tag = "2")]
    pub(crate) completed: i64,
    #[prost(int64, tag = "3")]
    pub(crate) failed: i64,
    /// Of a filter: runs with lower numbers are left.
    #[prost(uint64, tag = "4")]
    pub(crate) before: RunNumber,
    /// Of named runs: so many of them are done.
    #[prost(uint64, tag = "5")]
    pub(crate) done: u64,
    /// Runs that are being deleted and are not counted yet.
    #[prost(uint64, repeated, tag = "6")]
    pub(crate) deleting: Vec<RunNumber>,
    /// Set once it has ended.
    #[prost(message, optional, tag = "7")]
    pub(crate) close_time: Option<Timestamp>,
    /// Whether it was stopped, or could not go on.
    #[prost(bool, tag = "8")]
    pub(crate) has_failed: bool,
}
