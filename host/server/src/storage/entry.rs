//! One transition, and the records in it, as the files keep them.

use bytes::Bytes;
use prost::Message;

use crate::{
    execution::{
        archive::Archived,
        fact::{Fact, StoredFact},
        record::{Record, RunIdentity},
    },
    storage::{
        entity::Entity,
        stored_record::{CheckedRecord, RecordError, StoredRecord},
    },
};

/// Place of a transition in the log, from 1, without gaps. The shard assigns it.
pub(crate) type Position = u64;

/// A transition on its way to the disk.
#[derive(Debug)]
pub(super) struct Transition {
    pub(super) position: Position,
    /// Encoded records, see [`encode`].
    pub(super) entry: Bytes,
    /// Runs that may leave memory once `runs.sqlite` has this transition. The log does not have them: a restart finds
    /// them again.
    pub(super) archived: Vec<Archived>,
}

/// The records of one transition, in the order in which they were made.
#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(message, repeated, tag = "1")]
    records: Vec<StoredRecord>,
}

/// An [`Entry`] whose records are not decoded.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RawEntry {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) records: Vec<Bytes>,
}

/// The body of a run's record.
#[derive(Clone, PartialEq, Message)]
struct RunBody {
    /// In the first record of the run.
    #[prost(message, optional, tag = "2")]
    identity: Option<RunIdentity>,
    #[prost(message, repeated, tag = "3")]
    facts: Vec<StoredFact>,
}

/// The same without its facts.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RunHead {
    #[prost(message, optional, tag = "2")]
    pub(super) identity: Option<RunIdentity>,
}

/// What happened in the transition at a position.
pub(super) fn encode(position: Position, records: Vec<Record>) -> Bytes {
    let stored = records.into_iter().map(|record| {
        let facts = record.facts.iter().map(StoredFact::from).collect();
        let body = RunBody { identity: record.identity, facts }.encode_to_vec();
        StoredRecord::new(Entity::run(record.run), position, body.into())
    });
    Entry { records: stored.collect() }.encode_to_vec().into()
}

/// The record of a run, from one that was checked.
pub(super) fn run_record(checked: CheckedRecord) -> Result<Record, RecordError> {
    let body = RunBody::decode(checked.body).map_err(RecordError::Message)?;
    let facts = body.facts.into_iter().map(Fact::try_from).collect::<Result<_, _>>()?;
    Ok(Record { run: checked.entity.number, identity: body.identity, facts })
}

/// Records as they are after they were written and read.
#[cfg(test)]
pub(crate) fn read_again(records: Vec<Record>) -> Vec<Record> {
    let entry = RawEntry::decode(encode(1, records)).unwrap();
    entry.records.into_iter().map(|record| check_record(record).unwrap()).collect()
}

/// Reads a record as the files have it.
#[cfg(test)]
pub(crate) fn check_record(encoded: Bytes) -> Result<Record, RecordError> {
    run_record(StoredRecord::check(encoded)?)
}

/// The record of a run, from the body of a record that was checked.
#[cfg(test)]
pub(crate) fn run_of_body(body: Bytes) -> Result<Record, RecordError> {
    run_record(CheckedRecord { entity: Entity::run(0), position: 1, body })
}
