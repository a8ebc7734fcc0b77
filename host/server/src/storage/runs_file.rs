//! `runs.sqlite`: the records of all entities, and what lists show of runs that are not in memory. It is written
//! behind the log, in large portions, and is what a start reads.

use std::{collections::BTreeMap, path::Path};

use prost::Message;
use rusqlite::{CachedStatement, Connection, params};

use crate::{
    execution::{archive::Archived, record::RunIdentity},
    storage::{
        entity::{Entity, EntityKind},
        entry::{Position, RawEntry, RunHead, Transition},
        error::StorageError,
        fail_point,
        sqlite::Database,
        stored_record::{RecordError, StoredRecord, seal},
    },
    time::Time,
};

/// Large, because most rows of `records` are some kilobytes.
const PAGE_BYTES: u32 = 16_384;
/// `info` is set for runs that are not in memory, `closed` and `deadline` (nanoseconds) with it.
/// `sealed` is the last position that the log is known to have had.
const SCHEMA: &str = "
    CREATE TABLE run (
        number INTEGER PRIMARY KEY,
        namespace TEXT NOT NULL,
        workflow_id TEXT NOT NULL,
        run_id TEXT NOT NULL,
        closed INTEGER,
        deadline INTEGER,
        info BLOB
    ) STRICT;
    CREATE INDEX run_by_workflow_id ON run (workflow_id, namespace, number);
    CREATE INDEX run_by_run_id ON run (run_id);
    CREATE INDEX run_in_memory ON run (number) WHERE info IS NULL;
    CREATE INDEX run_deadline ON run (deadline) WHERE deadline IS NOT NULL;
    CREATE INDEX run_closed ON run (closed) WHERE closed IS NOT NULL;
    CREATE TABLE store (id TEXT NOT NULL, applied INTEGER NOT NULL, sealed INTEGER NOT NULL DEFAULT 0) STRICT;
    INSERT INTO store (id, applied) VALUES (lower(hex(randomblob(16))), 0);";
/// What happened to entities of all kinds: one row for what a portion brought to an entity, with the
/// position of the first transition in it.
pub(super) const RECORDS_SCHEMA: &str = "
    CREATE TABLE records (
        kind INTEGER NOT NULL,
        number INTEGER NOT NULL,
        position INTEGER NOT NULL,
        records BLOB NOT NULL,
        PRIMARY KEY (kind, number, position)
    ) STRICT, WITHOUT ROWID;";
pub(super) const INSERT_RECORDS: &str =
    "INSERT INTO records (kind, number, position, records) VALUES (?1, ?2, ?3, ?4)";
const INSERT_RUN: &str = "INSERT INTO run (number, namespace, workflow_id, run_id, closed, deadline, info)
                          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const UPDATE_RUN: &str = "UPDATE run SET closed = ?2, deadline = ?3, info = ?4
                          WHERE number = ?1 AND (info IS NOT NULL OR ?4 IS NOT NULL)";
/// Runs that one SQLite transaction deletes.
const PRUNED_RUNS: i64 = 1_000;

/// The runs' file, open for writing.
#[derive(Debug)]
pub(super) struct RunsFile {
    database: Database,
    applied: Position,
}

/// Names the folder that the file belongs to.
pub(super) fn store_id(runs: &Database) -> Result<String, StorageError> {
    let id = runs.row("SELECT id FROM store", [], |row| row.get(0))?;
    id.ok_or_else(|| runs.damaged("it has no name"))
}

/// The last position of the log that is in the file.
pub(super) fn applied(runs: &Database) -> Result<Position, StorageError> {
    let applied = runs.row("SELECT applied FROM store", [], |row| row.get::<_, i64>(0))?;
    applied.map(i64::cast_unsigned).ok_or_else(|| runs.damaged("it does not say how far it is"))
}

impl RunsFile {
    /// Opens the file, and makes it if it is not there. It may be of the format before.
    pub(super) fn open_database(path: &Path) -> Result<Database, StorageError> {
        Database::open(path, PAGE_BYTES, &format!("{SCHEMA}{RECORDS_SCHEMA}"))
    }

    /// The file, which is of this format.
    pub(super) fn new(database: Database) -> Result<Self, StorageError> {
        Ok(Self { applied: applied(&database)?, database })
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// The last position of the log that is in here.
    pub(super) fn applied(&self) -> Position {
        self.applied
    }

    /// The last position that the log is known to have had; 0 also where an operator accepts that it
    /// has less.
    pub(super) fn sealed(&self) -> Result<Position, StorageError> {
        let sealed = self.database.row("SELECT sealed FROM store", [], |row| row.get::<_, i64>(0))?;
        Ok(sealed.map_or(0, i64::cast_unsigned))
    }

    /// Takes transitions in, all or none; those that are in here already change nothing. `synced` is
    /// the last position that the log has on disk.
    pub(super) fn apply(&mut self, transitions: &[Transition], synced: Position) -> Result<(), StorageError> {
        let from = transitions.partition_point(|transition| transition.position <= self.applied);
        let transitions = transitions.get(from..).unwrap_or_default();
        let changes = Changes::of(transitions, &self.database.path)?;
        let applied = transitions.last().map_or(self.applied, |last| last.position);
        self.database.checked(|c| {
            let transaction = c.unchecked_transaction()?;
            changes.write(&transaction)?;
            transaction
                .prepare_cached("UPDATE store SET applied = ?1, sealed = max(sealed, ?2)")?
                .execute([applied.cast_signed(), synced.max(applied).cast_signed()])?;
            fail_point::pass("runs-written");
            transaction.commit()
        })?;
        fail_point::pass("runs-synced");
        self.applied = applied;
        Ok(())
    }

    /// Deletes at most [`PRUNED_RUNS`] runs that closed before this time; answers whether there are more.
    pub(super) fn prune(&self, closed_before: Time) -> Result<bool, StorageError> {
        self.database.checked(|c| {
            let transaction = c.unchecked_transaction()?;
            let old = "SELECT number FROM run WHERE closed < ?1 ORDER BY closed LIMIT ?2";
            let kind = EntityKind::Run.number();
            transaction.execute(
                &format!("DELETE FROM records WHERE kind = ?3 AND number IN ({old})"),
                params![closed_before.0, PRUNED_RUNS, kind],
            )?;
            let limits = params![closed_before.0, PRUNED_RUNS];
            let deleted = transaction.execute(&format!("DELETE FROM run WHERE number IN ({old})"), limits)?;
            transaction.commit()?;
            Ok(i64::try_from(deleted).unwrap_or(i64::MAX) == PRUNED_RUNS)
        })
    }
}

/// What transitions do to each entity.
#[derive(Debug, Default)]
pub(super) struct Changes(BTreeMap<Entity, Change>);

/// What transitions do to one entity.
#[derive(Debug, Default)]
struct Change {
    /// Of a run that starts.
    identity: Option<RunIdentity>,
    first: Position,
    /// Encoded records, in the form of an entry.
    records: Vec<u8>,
    archived: Option<Archived>,
}

impl Changes {
    /// Sorts transitions by entity. `path` is the file that an error names.
    ///
    /// # Errors
    ///
    /// When a record is damaged.
    pub(super) fn of(transitions: &[Transition], path: &Path) -> Result<Self, StorageError> {
        let mut changes = Self::default();
        for transition in transitions {
            changes.collect(transition).map_err(|source| {
                StorageError::record(path, format!("entry {} of the log", transition.position), source)
            })?;
        }
        Ok(changes)
    }

    fn collect(&mut self, transition: &Transition) -> Result<(), RecordError> {
        for record in RawEntry::decode(transition.entry.clone()).map_err(RecordError::Message)?.records {
            let checked = StoredRecord::check(record.clone())?;
            if checked.position != transition.position {
                return Err(RecordError::Misplaced);
            }
            let change = self.0.entry(checked.entity).or_default();
            if change.records.is_empty() {
                change.first = transition.position;
            }
            prost::encoding::bytes::encode(1, &record, &mut change.records);
            let head = RunHead::decode(checked.body).map_err(RecordError::Message)?;
            change.identity = change.identity.take().or(head.identity);
            change.archived = None;
        }
        for archived in &transition.archived {
            self.0.entry(Entity::run(archived.run)).or_default().archived = Some(archived.clone());
        }
        Ok(())
    }

    /// Writes all of it, within the transaction that the connection is in.
    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut insert = connection.prepare_cached(INSERT_RUN)?;
        let mut update = connection.prepare_cached(UPDATE_RUN)?;
        let mut append = connection.prepare_cached(INSERT_RECORDS)?;
        self.0
            .iter()
            .try_for_each(|(entity, change)| change.write(*entity, &mut insert, &mut update, &mut append))
    }
}

impl Change {
    fn write(
        &self,
        entity: Entity,
        insert: &mut CachedStatement<'_>,
        update: &mut CachedStatement<'_>,
        append: &mut CachedStatement<'_>,
    ) -> rusqlite::Result<()> {
        let number = entity.number.cast_signed();
        let archived = self.archived.as_ref();
        let closed = archived.and_then(|archived| archived.close_time).map(|time| time.0);
        let deadline = archived.and_then(|archived| archived.deadline).map(|time| time.0);
        let info = archived.map(|archived| seal(entity, &archived.info.encode_to_vec()));
        match &self.identity {
            Some(identity) => insert.execute(params![
                number,
                identity.namespace,
                identity.workflow_id,
                identity.run_id,
                closed,
                deadline,
                info
            ])?,
            None => update.execute(params![number, closed, deadline, info])?,
        };
        if !self.records.is_empty() {
            append.execute(params![entity.kind.number(), number, self.first.cast_signed(), self.records])?;
        }
        Ok(())
    }
}
