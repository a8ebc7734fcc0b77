//! Brings folders of formats 2 and 3 to format 4.
//!
//! Format 3 had no runs beside the entries of the log, no checksum of the positions in `store`, and
//! checksums in `run` that were over `info` alone, which are still accepted: so nothing is rewritten.
//!
//! Format 2 had records of runs only, without checksums, and no position sealed between the files.
//! `runs.sqlite` is migrated first, in one transaction that also takes in what the log has more;
//! then the log, which is empty afterwards. A crash leaves both files as they were, or the log to be
//! done: then the next start goes on from there.

use bytes::Bytes;
use prost::Message;
use rusqlite::params;

use crate::entity::Entity;
use crate::storage::{
    StorageError,
    changes::{Changes, INSERT_RECORDS},
    entry::{Position, RawEntry, Transition},
    fail_point, log_file, runs_file,
    sqlite::{Database, FORMAT, OLD_FORMAT},
    stored_record::{RecordError, StoredRecord, seal},
};

/// What format 2 is brought to, before that is brought to [`FORMAT`].
const FORMAT_3: i32 = 3;

/// Transitions of the log that are taken in at once.
const PORTION: usize = 4_096;

/// A record of format 2. What it holds besides the number is the body of the record in format 3.
#[derive(Clone, PartialEq, Message)]
struct OldRecord {
    #[prost(uint64, tag = "1")]
    run: u64,
    #[prost(bytes = "bytes", optional, tag = "2")]
    identity: Option<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "3")]
    facts: Vec<Bytes>,
}

/// Migrates what is not migrated. A log that was not there before has no id.
///
/// # Errors
///
/// When the files do not belong together, or cannot be read or written.
pub(super) fn migrate(runs: &Database, log: &Database) -> Result<(), StorageError> {
    if runs.format()? == OLD_FORMAT {
        let log_is_new = log.format()? != OLD_FORMAT;
        let applied = runs_file::applied(runs)?;
        if log_is_new && (applied > 0 || log_file::store_id(log)?.is_some()) {
            return Err(log.damaged("it was missing, or it is of a later time than runs.sqlite"));
        }
        if !log_is_new {
            check_pair(runs, log)?;
        }
        tracing::info!(file = %runs.path.display(), "migrating from format {OLD_FORMAT} to {FORMAT_3}");
        migrate_runs(runs, (!log_is_new).then_some(log), applied)?;
        fail_point::pass("migrate-runs-synced");
    }
    if log.format()? == OLD_FORMAT {
        check_pair(runs, log)?;
        migrate_log(log, runs_file::applied(runs)?)?;
    }
    if runs.format()? == FORMAT_3 {
        let schema = runs_file::SET_ASIDE_SCHEMA;
        raise(runs, &format!("ALTER TABLE store ADD COLUMN checksum INTEGER; {schema}"))?;
        fail_point::pass("migrate-runs-raised");
    }
    if log.format()? == FORMAT_3 {
        raise(log, "ALTER TABLE log ADD COLUMN runs BLOB")?;
    }
    Ok(())
}

/// Brings a file from format 3 to this one.
fn raise(file: &Database, sql: &str) -> Result<(), StorageError> {
    tracing::info!(file = %file.path.display(), "migrating from format {FORMAT_3} to {FORMAT}");
    file.checked(|c| {
        let transaction = c.unchecked_transaction()?;
        c.execute_batch(sql)?;
        c.pragma_update(None, "user_version", FORMAT)?;
        transaction.commit()
    })
}

fn check_pair(runs: &Database, log: &Database) -> Result<(), StorageError> {
    match log_file::store_id(log)? {
        Some(id) if id != runs_file::store_id(runs)? => Err(log.damaged("it does not belong to runs.sqlite")),
        None if runs_file::applied(runs)? > 0 => Err(log.damaged("it was missing beside runs.sqlite")),
        _ => Ok(()),
    }
}

fn migrate_runs(runs: &Database, log: Option<&Database>, applied: Position) -> Result<(), StorageError> {
    let transaction =
        runs.connection.unchecked_transaction().map_err(|error| StorageError::sqlite(&runs.path, error))?;
    runs.checked(|c| c.execute_batch(runs_file::RECORDS_SCHEMA))?;
    runs.checked(|c| c.execute_batch("ALTER TABLE store ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0"))?;
    migrate_records(runs)?;
    migrate_infos(runs)?;
    let last = match log {
        Some(log) => take_in(runs, log, applied)?,
        None => applied,
    };
    runs.checked(|c| {
        c.execute("UPDATE store SET applied = ?1, sealed = ?1", [last.cast_signed()])?;
        c.execute_batch("DROP TABLE facts")?;
        c.pragma_update(None, "user_version", FORMAT_3)
    })?;
    fail_point::pass("migrate-runs-written");
    runs.checked(|_| transaction.commit())
}

fn migrate_records(runs: &Database) -> Result<(), StorageError> {
    let failed = |error| StorageError::sqlite(&runs.path, error);
    let sql = "SELECT run, position, records FROM facts ORDER BY run, position";
    let mut old = runs.connection.prepare(sql).map_err(failed)?;
    let mut insert = runs.connection.prepare(INSERT_RECORDS).map_err(failed)?;
    let mut rows = old.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let (number, position): (i64, i64) = (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?);
        let records: Vec<u8> = row.get(2).map_err(failed)?;
        let records = convert(records.into(), position.cast_unsigned()).map_err(|source| {
            StorageError::record(&runs.path, format!("run {number} at position {position}"), source)
        })?;
        let entity = Entity::run(number.cast_unsigned());
        insert.execute(params![entity.kind.number(), number, position, &records[..]]).map_err(failed)?;
    }
    Ok(())
}

fn migrate_infos(runs: &Database) -> Result<(), StorageError> {
    runs.checked(|c| {
        let mut old = c.prepare("SELECT number, info FROM run WHERE info IS NOT NULL")?;
        let mut update = c.prepare("UPDATE run SET info = ?2 WHERE number = ?1")?;
        let mut rows = old.query([])?;
        let mut infos = Vec::new();
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(0)?;
            infos.push((number, seal(Entity::run(number.cast_unsigned()), &row.get::<_, Vec<u8>>(1)?, &[])));
        }
        infos.into_iter().try_for_each(|(number, info)| update.execute(params![number, info]).map(|_| ()))
    })
}

/// Takes in what the log has after a position; answers its last position.
fn take_in(runs: &Database, log: &Database, applied: Position) -> Result<Position, StorageError> {
    let mut portion = Vec::new();
    let write = |portion: &mut Vec<Transition>| {
        let changes = Changes::of(portion.drain(..).as_slice(), &log.path)?;
        runs.checked(|c| changes.write(c))
    };
    let last = log_file::read_after(log, applied, |transition| {
        let position = transition.position;
        let entry = convert(transition.entry.clone(), position).map_err(|source| {
            StorageError::record(&log.path, format!("entry {position} of the log"), source)
        })?;
        portion.push(Transition { entry, ..transition });
        if portion.len() == PORTION { write(&mut portion) } else { Ok(()) }
    })?;
    write(&mut portion)?;
    Ok(last)
}

/// The log, whose entries `runs.sqlite` has.
fn migrate_log(log: &Database, applied: Position) -> Result<(), StorageError> {
    let last = log.row("SELECT max(position) FROM log", [], |row| row.get::<_, Option<i64>>(0))?;
    let last = last.flatten().map_or(0, i64::cast_unsigned);
    if last > applied {
        return Err(log.damaged("it has more than runs.sqlite, which is of a later format"));
    }
    log.checked(|c| {
        let transaction = c.unchecked_transaction()?;
        c.execute_batch("ALTER TABLE store ADD COLUMN cut INTEGER NOT NULL DEFAULT 0; DELETE FROM log")?;
        c.execute("UPDATE store SET cut = ?1", [applied.cast_signed()])?;
        c.pragma_update(None, "user_version", FORMAT_3)?;
        fail_point::pass("migrate-log-written");
        transaction.commit()
    })
}

/// Records of format 2 as those of format 3.
fn convert(old: Bytes, position: Position) -> Result<Bytes, RecordError> {
    let old = RawEntry::decode(old).map_err(RecordError::Message)?;
    let records = old.records.into_iter().map(|record| {
        let record = OldRecord::decode(record).map_err(RecordError::Message)?;
        let entity = Entity::run(record.run);
        let body = OldRecord { run: 0, ..record }.encode_to_vec();
        Ok(StoredRecord::new(entity, position, body.into()).encode_to_vec().into())
    });
    let records = records.collect::<Result<_, RecordError>>()?;
    Ok(RawEntry { records }.encode_to_vec().into())
}
