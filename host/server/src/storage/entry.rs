//! One transition, and the records in it, as the files keep them.

use bytes::Bytes;
use prost::Message;

use crate::{
    batch::record::BatchBody,
    deployment::state::Deployment,
    entity::{Entity, EntityBody, EntityKind, EntityRecord},
    execution::{
        archive::Archived,
        fact::{Fact, StoredFact},
        record::{Record, RunIdentity},
    },
    namespace::record::NamespaceBody,
    nexus::endpoint::Endpoint,
    schedule::record::ScheduleBody,
    storage::stored_record::{CheckedRecord, RecordError, StoredRecord},
};

/// Place of a transition in the log, from 1, without gaps. The shard assigns it.
pub(crate) type Position = u64;

/// A transition on its way to the disk.
#[derive(Debug)]
pub(super) struct Transition {
    pub(super) position: Position,
    /// Encoded records, see [`encode`].
    pub(super) entry: Bytes,
    /// What each record in the entry is about, see [`encode_entities`]. Empty in entries of format 3.
    pub(super) runs: Bytes,
    /// Runs that may leave memory once `runs.sqlite` has this transition. The log does not have them: a restart finds
    /// them again.
    pub(super) archived: Vec<Archived>,
    /// What it counts in the backlog, [`Record::bytes`]; 0 where it comes from the log.
    pub(super) bytes: usize,
}

impl Transition {
    /// A copy without runs that may leave memory.
    pub(super) fn copy(&self) -> Self {
        let (entry, runs) = (self.entry.clone(), self.runs.clone());
        Self { position: self.position, entry, runs, archived: Vec::new(), bytes: 0 }
    }

    /// A transition in which nothing happens.
    pub(super) fn empty(position: Position) -> Self {
        Self { position, entry: Bytes::new(), runs: Bytes::new(), archived: Vec::new(), bytes: 0 }
    }
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

/// The records of an entry or of a row, encoded.
///
/// # Errors
///
/// When something else is in between: a reader of messages skips what it does not know, and with that a record whose
/// tag is damaged.
pub(super) fn split(encoded: &Bytes) -> Result<Vec<Bytes>, RecordError> {
    let raw = RawEntry::decode(encoded.clone()).map_err(RecordError::Message)?;
    if raw.encoded_len() == encoded.len() { Ok(raw.records) } else { Err(RecordError::Frame) }
}

/// The body of a run's record.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RunBody {
    /// In the first record of the run.
    #[prost(message, optional, tag = "2")]
    identity: Option<RunIdentity>,
    #[prost(message, repeated, tag = "3")]
    pub(super) facts: Vec<StoredFact>,
}

/// The same without its facts.
#[derive(Clone, PartialEq, Message)]
struct RunHead {
    #[prost(message, optional, tag = "2")]
    identity: Option<RunIdentity>,
}

/// The same with facts that are not decoded.
#[derive(Clone, PartialEq, Message)]
struct RawRunBody {
    #[prost(message, optional, tag = "2")]
    identity: Option<RunIdentity>,
    #[prost(bytes = "bytes", repeated, tag = "3")]
    facts: Vec<Bytes>,
}

/// What happened in the transition at a position.
pub(super) fn encode(position: Position, records: Vec<Record>, others: Vec<EntityRecord>) -> Bytes {
    let stored = records.into_iter().map(|record| {
        let facts = record.facts.iter().map(StoredFact::from).collect();
        let body = RunBody { identity: record.identity, facts }.encode_to_vec();
        StoredRecord::new(Entity::run(record.run), position, body.into())
    });
    let of_others = others.into_iter().map(|record| StoredRecord::new(record.entity, position, record.body));
    Entry { records: stored.chain(of_others).collect() }.encode_to_vec().into()
}

/// What the records of [`encode`] are about, in their order.
pub(super) fn entities<'a>(
    records: &'a [Record],
    others: &'a [EntityRecord],
) -> impl Iterator<Item = Entity> + 'a {
    let runs = records.iter().map(|record| Entity::run(record.run));
    runs.chain(others.iter().map(|record| record.entity))
}

/// Bits of an entity's number; those above are its kind, or 0 for a run.
const NUMBER_BITS: u32 = 56;

/// The entity of each record, in the order of the entry, kept beside it: so that it is known whose record is damaged.
/// Each 8 bytes, little-endian, after the checksum over the position and these (4 bytes, little-endian). The highest
/// byte is the kind, but 0 for a run.
pub(super) fn encode_entities(position: Position, entities: impl IntoIterator<Item = Entity>) -> Bytes {
    let number = |entity: Entity| match entity.kind {
        EntityKind::Run => entity.number,
        kind => u64::from(kind.number()) << NUMBER_BITS | entity.number,
    };
    let numbers: Vec<u8> = entities.into_iter().flat_map(|entity| number(entity).to_le_bytes()).collect();
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&position.to_le_bytes()), &numbers);
    [&checksum.to_le_bytes()[..], &numbers].concat().into()
}

/// The entities that [`encode_entities`] wrote, if they are as they were.
pub(super) fn decode_entities(position: Position, encoded: &[u8]) -> Option<Vec<Entity>> {
    let numbers = encoded.get(4..)?.chunks_exact(8);
    let numbers = numbers.map(|number| number.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)));
    let entity = |number: u64| {
        let kind = u32::try_from(number >> NUMBER_BITS).ok().filter(|kind| *kind != 0);
        let kind = kind.and_then(EntityKind::from_number).unwrap_or(EntityKind::Run);
        let number = if kind == EntityKind::Run { number } else { number & ((1 << NUMBER_BITS) - 1) };
        Entity { kind, number }
    };
    let entities: Vec<Entity> = numbers.map(entity).collect();
    (encode_entities(position, entities.iter().copied()) == encoded).then_some(entities)
}

/// The records of a row of an entity, which are of transitions from its position on, after those up to `last`.
pub(super) fn check_row(
    entity: Entity,
    position: Position,
    last: Position,
    row: Bytes,
) -> Result<Vec<CheckedRecord>, RecordError> {
    let mut checked = Vec::new();
    let mut earliest = position;
    for record in split(&row)? {
        let record = StoredRecord::check(record)?;
        let is_first = checked.is_empty();
        if record.entity != entity || record.position < earliest || is_first && record.position != position {
            return Err(RecordError::Misplaced);
        }
        earliest = record.position;
        checked.push(record);
    }
    // A row holds all of a transition, so the next row begins with another.
    if checked.is_empty() || position <= last { Err(RecordError::Misplaced) } else { Ok(checked) }
}

/// The records of an undamaged entry: of what, the identity of a run that starts, and the bytes.
///
/// # Errors
///
/// When one of them is damaged, or of a later version.
pub(super) fn check_entry(
    transition: &Transition,
) -> Result<Vec<(Entity, Option<RunIdentity>, Bytes)>, RecordError> {
    let check = |record: Bytes| {
        let (entity, identity) = check_head(transition.position, &record)?;
        Ok((entity, identity, record))
    };
    split(&transition.entry)?.into_iter().map(check).collect()
}

/// What a record of a transition is about, and the identity of a run that starts.
pub(super) fn check_head(
    position: Position,
    record: &Bytes,
) -> Result<(Entity, Option<RunIdentity>), RecordError> {
    let checked = StoredRecord::check(record.clone())?;
    if checked.position != position {
        return Err(RecordError::Misplaced);
    }
    let identity = match checked.entity.kind {
        EntityKind::Run => RunHead::decode(checked.body).map_err(RecordError::Message)?.identity,
        _ => None,
    };
    Ok((checked.entity, identity))
}

/// What happened to an entity other than a run, from a record that was checked.
pub(super) fn entity_body<B: EntityBody>(checked: CheckedRecord) -> Result<B, RecordError> {
    if checked.entity.kind != B::KIND {
        return Err(RecordError::Misplaced);
    }
    B::decode(checked.body).map_err(RecordError::Message)
}

/// Whether nothing of an entity before this record is needed, and whether the entity is gone with it.
pub(super) fn replaces(entity: Entity, record: &Bytes) -> (bool, bool) {
    fn of<B: EntityBody>(record: &Bytes) -> (bool, bool) {
        // A damaged record replaces nothing.
        let body = StoredRecord::check(record.clone()).and_then(entity_body::<B>);
        body.map_or((false, false), |body| (body.replaces_all(), body.is_deleted()))
    }
    match entity.kind {
        EntityKind::Schedule => of::<ScheduleBody>(record),
        EntityKind::Batch => of::<BatchBody>(record),
        EntityKind::Deployment => of::<Deployment>(record),
        EntityKind::Namespace => of::<NamespaceBody>(record),
        EntityKind::Endpoint => of::<Endpoint>(record),
        EntityKind::Run | EntityKind::SearchAttributes => (false, false),
    }
}

/// The identity in a record of a run, if it is the first, and whether the record changes the run.
pub(super) fn run_summary(checked: CheckedRecord) -> Result<(Option<RunIdentity>, bool), RecordError> {
    let body = RawRunBody::decode(checked.body).map_err(RecordError::Message)?;
    Ok((body.identity, !body.facts.is_empty()))
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
    let entry = RawEntry::decode(encode(1, records, Vec::new())).unwrap();
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever bit changes, the records are not read as fewer or others.
    #[test]
    fn no_record_is_skipped() {
        let record = |number| {
            StoredRecord::new(Entity::run(number), 12, Bytes::from_static(b"body")).encode_to_vec().into()
        };
        let row: Bytes = RawEntry { records: vec![record(7), record(7)] }.encode_to_vec().into();
        assert_eq!(check_row(Entity::run(7), 12, 11, row.clone()).unwrap().len(), 2);
        for bit in 0..row.len() * 8 {
            let mut damaged = row.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            check_row(Entity::run(7), 12, 11, damaged.into()).unwrap_err();
        }
        for (position, last) in [(11, 10), (13, 12), (12, 12)] {
            check_row(Entity::run(7), position, last, row.clone()).unwrap_err();
        }
    }

    #[test]
    fn entities_beside_an_entry_are_known_or_unknown() {
        let entities = [Entity::run(1), Entity::schedule(7), Entity::run(1 << 50)];
        let encoded = encode_entities(5, entities);
        assert_eq!(decode_entities(5, &encoded), Some(entities.to_vec()));
        assert_eq!(decode_entities(6, &encoded), None);
        for bit in 0..encoded.len() * 8 {
            let mut damaged = encoded.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode_entities(5, &damaged), None);
        }
        for cut in 0..encoded.len() {
            assert_eq!(decode_entities(5, &encoded[..cut]), None);
        }
    }
}
