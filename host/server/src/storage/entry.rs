//! One transition as the log keeps it.

use prost::Message;

use super::file::StorageError;
use crate::state::{
    fact::{Fact, FactError, StoredFact},
    run::Birth,
    world::Record,
};

/// Place in the log, from 1.
pub(crate) type Position = u64;

/// A transition: what happened to each run.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    #[prost(message, repeated, tag = "1")]
    records: Vec<StoredRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredRecord {
    #[prost(uint64, tag = "1")]
    run: u64,
    #[prost(message, optional, tag = "2")]
    birth: Option<Birth>,
    #[prost(message, repeated, tag = "3")]
    facts: Vec<StoredFact>,
}

impl Entry {
    pub(super) fn new(records: Vec<Record>) -> Self {
        let stored = records.into_iter().map(|record| StoredRecord {
            run: record.run,
            birth: record.birth,
            facts: record.facts.iter().map(StoredFact::from).collect(),
        });
        Self { records: stored.collect() }
    }

    pub(super) fn decode_records(self, position: Position) -> Result<Vec<Record>, StorageError> {
        let unreadable = |error: FactError| StorageError::Fact { position, what: error.to_string() };
        self.records
            .into_iter()
            .map(|record| {
                let facts = record.facts.into_iter().map(Fact::try_from).collect::<Result<_, _>>();
                Ok(Record { run: record.run, birth: record.birth, facts: facts.map_err(unreadable)? })
            })
            .collect()
    }
}

/// An entry as it was read.
#[derive(Debug)]
pub(super) struct ReadEntry {
    pub(super) position: Position,
    pub(super) bytes: bytes::Bytes,
}

impl ReadEntry {
    pub(super) fn decode(self) -> Result<Vec<Record>, StorageError> {
        let position = self.position;
        let entry = Entry::decode(self.bytes).map_err(|source| StorageError::Entry { position, source })?;
        entry.decode_records(position)
    }
}
