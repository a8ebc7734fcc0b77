//! `runs.sqlite`: the records of all entities, and what lists show of runs that are not in memory. It is written
//! behind the log, in large portions, and is what a start reads.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::{
    entity::{Entity, EntityKind},
    storage::{
        changes::{Change, Changes, DELETE_RECORDS, Writer},
        entry::{Position, Transition},
        error::StorageError,
        fail_point,
        heartbeats::Heartbeats,
        mend::Mend,
        search_attributes,
        sqlite::Database,
        task_queues,
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
    CREATE TABLE store (
        id TEXT NOT NULL,
        applied INTEGER NOT NULL,
        sealed INTEGER NOT NULL DEFAULT 0,
        checksum INTEGER
    ) STRICT;
    INSERT INTO store (id, applied) VALUES (lower(hex(randomblob(16))), 0);";
/// What `repair` took out of the other tables, with the reason: `what` is `run` (the row as JSON), `records` or `entry`
/// (of the log).
pub(super) const SET_ASIDE_SCHEMA: &str = "
    CREATE TABLE set_aside (
        number INTEGER,
        position INTEGER,
        what TEXT NOT NULL,
        bytes BLOB NOT NULL,
        reason TEXT NOT NULL,
        time INTEGER NOT NULL
    ) STRICT;";
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
/// Made also in files that are there, in place of one that did not know namespaces.
const CLOSED_INDEX: &str = "
    DROP INDEX IF EXISTS run_closed;
    CREATE INDEX IF NOT EXISTS run_closed_of_namespace ON run (namespace, closed) WHERE closed IS NOT NULL;";
/// Runs that one SQLite transaction deletes.
const PRUNED_RUNS: i64 = 1_000;
/// Runs of a deleted namespace that go in one portion.
const DELETED_RUNS: i64 = 10_000;

/// The runs' file, open for writing.
#[derive(Debug)]
pub(super) struct RunsFile {
    database: Database,
    id: String,
    applied: Position,
    sealed: Position,
    heartbeats: Heartbeats,
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

/// The positions of the file, `applied` and `sealed`, from a file of this format.
fn positions(runs: &Database) -> Result<(Position, Position), StorageError> {
    let sql = "SELECT id, applied, sealed, checksum FROM store";
    let found = runs.row(sql, [], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, i64>(1)?,
            row.get::<_, i64>(2)?,
            row.get::<_, Option<i64>>(3)?,
        ))
    })?;
    let (id, applied, sealed, stored) = found.ok_or_else(|| runs.damaged("it does not say how far it is"))?;
    let computed = positions_checksum(&id, applied, sealed);
    // Files that were migrated, and those in which an operator changed a position, have no checksum yet.
    if stored.is_some_and(|stored| stored != computed) {
        return Err(runs.damaged("what it says about how far it is was changed"));
    }
    Ok((applied.cast_unsigned(), sealed.cast_unsigned()))
}

/// CRC-32C of the id and both positions (8 bytes each, little-endian).
fn positions_checksum(id: &str, applied: i64, sealed: i64) -> i64 {
    let bytes = [id.as_bytes(), &applied.to_le_bytes(), &sealed.to_le_bytes()].concat();
    i64::from(crc32c::crc32c(&bytes))
}

impl RunsFile {
    /// Opens the file, and makes it if it is not there. It may be of the format before.
    pub(super) fn open_database(path: &Path) -> Result<Database, StorageError> {
        Database::open(path, PAGE_BYTES, &format!("{SCHEMA}{RECORDS_SCHEMA}{SET_ASIDE_SCHEMA}"))
    }

    /// The file, which is of this format.
    pub(super) fn new(database: Database) -> Result<Self, StorageError> {
        for schema in [search_attributes::SCHEMA, task_queues::SCHEMA] {
            database.checked(|c| c.execute_batch(schema))?;
        }
        database.checked(|c| c.execute_batch(CLOSED_INDEX))?;
        let (applied, sealed) = positions(&database)?;
        Ok(Self { id: store_id(&database)?, applied, sealed, database, heartbeats: Heartbeats::default() })
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
    pub(super) fn sealed(&self) -> Position {
        self.sealed
    }

    /// Accepts that the log ends at `last`, although it is known to have had more. What is in here stays.
    pub(super) fn accept_loss(&mut self, last: Position) -> Result<(), StorageError> {
        let (applied, sealed) = (self.applied, self.applied.max(last));
        let checksum = positions_checksum(&self.id, applied.cast_signed(), sealed.cast_signed());
        let row = params![sealed.cast_signed(), checksum];
        self.database.checked(|c| c.execute("UPDATE store SET sealed = ?1, checksum = ?2", row))?;
        self.sealed = sealed;
        Ok(())
    }

    /// Takes transitions in, all or none; those that are in here already change nothing. `synced` is
    /// the last position that the log has on disk.
    pub(super) fn apply(&mut self, transitions: &[Transition], synced: Position) -> Result<(), StorageError> {
        let from = transitions.partition_point(|transition| transition.position <= self.applied);
        let transitions = transitions.get(from..).unwrap_or_default();
        let changes = Changes::of(transitions, &self.database.path)?;
        // What is remembered is that of a commit: it is given back below.
        let mut heartbeats = std::mem::take(&mut self.heartbeats);
        let superseded = heartbeats.take(&changes);
        let applied = transitions.last().map_or(self.applied, |last| last.position);
        let sealed = self.sealed.max(synced).max(applied);
        let checksum = positions_checksum(&self.id, applied.cast_signed(), sealed.cast_signed());
        self.database.checked(|c| {
            let transaction = c.unchecked_transaction()?;
            changes.write(&transaction)?;
            for superseded in &superseded {
                superseded.remove(&transaction)?;
            }
            transaction
                .prepare_cached("UPDATE store SET applied = ?1, sealed = ?2, checksum = ?3")?
                .execute([applied.cast_signed(), sealed.cast_signed(), checksum])?;
            fail_point::pass("runs-written");
            transaction.commit()
        })?;
        fail_point::pass("runs-synced");
        (self.applied, self.sealed) = (applied, sealed);
        self.heartbeats = heartbeats;
        Ok(())
    }

    /// Changes the row of a run, or deletes it with all records; or changes the search attributes of a namespace.
    pub(super) fn mend(&self, mend: &Mend) -> Result<(), StorageError> {
        self.database.checked(|c| {
            let transaction = c.unchecked_transaction()?;
            match mend {
                Mend::Close(archived) => {
                    let change = Change { archived: Some(archived.clone()), ..Change::default() };
                    Writer::new(&transaction)?.write(Entity::run(archived.run), &change)?;
                }
                Mend::SearchAttributes(namespace, custom) => {
                    search_attributes::write(&transaction, namespace, custom)?;
                }
                Mend::TaskQueue(key, config) => task_queues::write(&transaction, key, config)?,
                Mend::DeleteRuns(namespace) => delete_runs(&transaction, namespace)?,
                Mend::DeleteSettings(namespace) => {
                    search_attributes::delete(&transaction, namespace)?;
                    task_queues::delete(&transaction, namespace)?;
                }
                Mend::Delete(number) => {
                    let number = number.cast_signed();
                    let kind = EntityKind::Run.number();
                    transaction.execute(DELETE_RECORDS, params![kind, number])?;
                    transaction.execute("DELETE FROM run WHERE number = ?1", [number])?;
                }
            }
            fail_point::pass("runs-mended");
            transaction.commit()
        })
    }

    /// Deletes at most [`PRUNED_RUNS`] runs of a namespace that closed before this time; answers whether there are more.
    pub(super) fn prune(&self, namespace: &str, closed_before: Time) -> Result<bool, StorageError> {
        self.database.checked(|c| {
            let transaction = c.unchecked_transaction()?;
            let old = "SELECT number FROM run WHERE namespace = ?4 AND closed < ?1 LIMIT ?2";
            let kind = EntityKind::Run.number();
            transaction.execute(
                &format!("DELETE FROM records WHERE kind = ?3 AND number IN ({old})"),
                params![closed_before.0, PRUNED_RUNS, kind, namespace],
            )?;
            let limits = params![closed_before.0, PRUNED_RUNS, namespace];
            let old = old.replace("?4", "?3");
            let deleted = transaction.execute(&format!("DELETE FROM run WHERE number IN ({old})"), limits)?;
            transaction.commit()?;
            Ok(i64::try_from(deleted).unwrap_or(i64::MAX) == PRUNED_RUNS)
        })
    }
}

/// Deletes at most [`DELETED_RUNS`] runs of a namespace with all records.
fn delete_runs(connection: &Connection, namespace: &str) -> rusqlite::Result<()> {
    let some = "SELECT number FROM run WHERE namespace = ?1 ORDER BY number LIMIT ?2";
    let numbers: Vec<i64> = connection
        .prepare_cached(some)?
        .query_map(params![namespace, DELETED_RUNS], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let kind = EntityKind::Run.number();
    for number in numbers {
        connection.prepare_cached(DELETE_RECORDS)?.execute(params![kind, number])?;
        connection.prepare_cached("DELETE FROM run WHERE number = ?1")?.execute([number])?;
    }
    Ok(())
}
