//! One transition as the files keep it.

use bytes::Bytes;
use prost::Message;

use crate::execution::{
    archive::Archived,
    fact::{Fact, FactError, StoredFact},
    record::{Record, RunIdentity, RunNumber},
};

/// Place in the log, from 1.
pub(crate) type Position = u64;

/// A transition on its way to the disk.
#[derive(Debug)]
pub(super) struct Transition {
    pub(super) position: Position,
    /// An encoded [`Entry`].
    pub(super) entry: Bytes,
    /// Runs that may be left out of memory from here on. Not in the log: after a restart they are
    /// found again.
    pub(super) archived: Vec<Archived>,
}

/// What happened, in order.
#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(message, repeated, tag = "1")]
    records: Vec<StoredRecord>,
}

/// What happened to one run.
#[derive(Clone, PartialEq, Message)]
struct StoredRecord {
    #[prost(uint64, tag = "1")]
    run: RunNumber,
    #[prost(message, optional, tag = "2")]
    identity: Option<RunIdentity>,
    #[prost(message, repeated, tag = "3")]
    facts: Vec<StoredFact>,
}

/// An [`Entry`] whose records are not decoded.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RawEntry {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) records: Vec<Bytes>,
}

/// A record without its facts.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RecordHead {
    #[prost(uint64, tag = "1")]
    pub(super) run: RunNumber,
    #[prost(message, optional, tag = "2")]
    pub(super) identity: Option<RunIdentity>,
}

pub(super) fn encode(records: Vec<Record>) -> Bytes {
    let stored = records.into_iter().map(|record| StoredRecord {
        run: record.run,
        identity: record.identity,
        facts: record.facts.iter().map(StoredFact::from).collect(),
    });
    Entry { records: stored.collect() }.encode_to_vec().into()
}

pub(super) fn decode(entry: Bytes) -> Result<Vec<Record>, FactError> {
    let records = Entry::decode(entry)?.records.into_iter().map(|record| {
        let facts = record.facts.into_iter().map(Fact::try_from).collect::<Result<_, _>>()?;
        Ok(Record { run: record.run, identity: record.identity, facts })
    });
    records.collect()
}
