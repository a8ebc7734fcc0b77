//! A record as the files keep it: what it is about, its position, its bytes, and a checksum over all
//! of these, which is checked whenever the record is read.

use bytes::Bytes;
use prost::{DecodeError, Message};

use crate::{
    entity::{Entity, EntityKind},
    execution::fact::FactError,
    storage::entry::Position,
};

/// Bytes of the checksum in front of a checked blob.
const CHECKSUM_BYTES: usize = 4;

/// What happened to one entity in one transition.
#[derive(Clone, PartialEq, Message)]
pub(super) struct StoredRecord {
    /// Number of the [`EntityKind`].
    #[prost(uint32, tag = "1")]
    kind: u32,
    /// Number of the entity.
    #[prost(uint64, tag = "2")]
    number: u64,
    /// Position of the transition. Records that were migrated from format 2 have that of the first
    /// transition which was stored with theirs.
    #[prost(uint64, tag = "3")]
    position: Position,
    /// A message that depends on the kind.
    #[prost(bytes = "bytes", tag = "4")]
    body: Bytes,
    /// CRC-32C, see [`checksum`].
    #[prost(fixed32, tag = "5")]
    checksum: u32,
}

/// A record that was read and is as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CheckedRecord {
    pub(super) entity: Entity,
    pub(super) position: Position,
    pub(super) body: Bytes,
}

/// Why a stored record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Its bytes are no message.
    #[error("it is not a message")]
    Message(#[source] DecodeError),
    /// What is around it is not a list of records.
    #[error("it is not in a list of records")]
    Frame,
    /// Something in it changed since it was written.
    #[error("its checksum is {stored:08x}, and {computed:08x} of what is there")]
    Checksum {
        /// The checksum that was written with it.
        stored: u32,
        /// The checksum of what was read.
        computed: u32,
    },
    /// It is undamaged and at a place where it does not belong.
    #[error("it belongs elsewhere")]
    Misplaced,
    /// It is about something that this version does not have.
    #[error("it is about an entity of kind {kind}, which a later version of this program writes")]
    UnknownKind {
        /// Number of the kind.
        kind: u32,
    },
    /// It holds something that this version does not know.
    #[error("it holds a change that a later version of this program writes")]
    UnknownChange,
}

impl RecordError {
    /// Whether the record is sound, and this version too old for it.
    #[must_use]
    pub fn is_of_later_version(&self) -> bool {
        matches!(self, Self::UnknownKind { .. } | Self::UnknownChange)
    }
}

impl From<FactError> for RecordError {
    fn from(error: FactError) -> Self {
        match error {
            FactError::Decode(source) => Self::Message(source),
            FactError::Unknown => Self::UnknownChange,
        }
    }
}

impl StoredRecord {
    pub(super) fn new(entity: Entity, position: Position, body: Bytes) -> Self {
        let (kind, number) = (entity.kind.number(), entity.number);
        Self { kind, number, position, checksum: checksum(kind, number, position, &body), body }
    }

    /// Reads an encoded record and checks it.
    pub(super) fn check(encoded: Bytes) -> Result<CheckedRecord, RecordError> {
        let Self { kind, number, position, body, checksum: stored } =
            Self::decode(encoded).map_err(RecordError::Message)?;
        let computed = checksum(kind, number, position, &body);
        if stored != computed {
            return Err(RecordError::Checksum { stored, computed });
        }
        // Others come with the features that write them.
        let known = EntityKind::from_number(kind).filter(|kind| *kind != EntityKind::SearchAttributes);
        let kind = known.ok_or(RecordError::UnknownKind { kind })?;
        Ok(CheckedRecord { entity: Entity { kind, number }, position, body })
    }
}

/// CRC-32C of kind, number and position (little-endian, 4, 8 and 8 bytes) and then the body.
fn checksum(kind: u32, number: u64, position: Position, body: &[u8]) -> u32 {
    let mut head = [0; 20];
    head[..4].copy_from_slice(&kind.to_le_bytes());
    head[4..12].copy_from_slice(&number.to_le_bytes());
    head[12..].copy_from_slice(&position.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c(&head), body)
}

/// Bytes about an entity that are replaced as a whole: their checksum (little-endian) comes first. It
/// is that of a record at position 0, where there is none, and of what is stored `beside` them.
pub(super) fn seal(entity: Entity, bytes: &[u8], beside: &[u8]) -> Vec<u8> {
    let checksum = checksum(entity.kind.number(), entity.number, 0, bytes);
    [&crc32c::crc32c_append(checksum, beside).to_le_bytes(), bytes].concat()
}

/// The bytes that were sealed, if they and what is beside them are as they were. In format 3 nothing was
/// beside them.
pub(super) fn unseal(entity: Entity, sealed: Vec<u8>, beside: &[u8]) -> Result<Bytes, RecordError> {
    let mut sealed = Bytes::from(sealed);
    if sealed.len() < CHECKSUM_BYTES {
        return Err(RecordError::Misplaced);
    }
    let bytes = sealed.split_off(CHECKSUM_BYTES);
    let stored = sealed.iter().rev().fold(0, |checksum, byte| checksum << 8 | u32::from(*byte));
    let alone = checksum(entity.kind.number(), entity.number, 0, &bytes);
    let computed = crc32c::crc32c_append(alone, beside);
    if stored == computed || stored == alone {
        Ok(bytes)
    } else {
        Err(RecordError::Checksum { stored, computed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_is_checked() {
        let record = StoredRecord::new(Entity::run(7), 12, Bytes::from_static(b"body"));
        let encoded = record.encode_to_vec();
        let checked = StoredRecord::check(Bytes::from(encoded.clone())).unwrap();
        assert_eq!((checked.entity, checked.position), (Entity::run(7), 12));
        for bit in 0..encoded.len() * 8 {
            let mut damaged = encoded.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let error = StoredRecord::check(Bytes::from(damaged)).unwrap_err();
            assert!(!error.is_of_later_version(), "bit {bit}: {error}");
        }
        let sealed = seal(Entity::run(7), b"info", b"id");
        assert_eq!(unseal(Entity::run(7), sealed.clone(), b"id").unwrap(), Bytes::from_static(b"info"));
        unseal(Entity::run(8), sealed.clone(), b"id").unwrap_err();
        unseal(Entity::run(7), sealed, b"ie").unwrap_err();
        let of_format_3 = seal(Entity::run(7), b"info", b"");
        unseal(Entity::run(7), of_format_3, b"id").unwrap();
    }

    /// The numbers of the format: a change of them is a new format.
    #[test]
    fn the_layout_is_the_documented_one() {
        let record = StoredRecord::new(Entity::run(7), 12, Bytes::from_static(b"body"));
        let expected = [8, 1, 16, 7, 24, 12, 34, 4, b'b', b'o', b'd', b'y', 45];
        let encoded = record.encode_to_vec();
        assert_eq!(encoded[..13], expected);
        let head = [&1_u32.to_le_bytes()[..], &7_u64.to_le_bytes(), &12_u64.to_le_bytes(), b"body"].concat();
        assert_eq!(encoded[13..], crc32c::crc32c(&head).to_le_bytes());
    }

    #[test]
    fn a_kind_of_a_later_version_is_not_damage() {
        let mut record = StoredRecord::new(Entity::run(7), 12, Bytes::new());
        for kind in [EntityKind::SearchAttributes.number(), 99] {
            record.kind = kind;
            record.checksum = checksum(kind, 7, 12, b"");
            let error = StoredRecord::check(record.encode_to_vec().into()).unwrap_err();
            assert!(matches!(error, RecordError::UnknownKind { kind: found } if found == kind), "{error}");
        }
    }
}
