//! `log.sqlite`: one row for each transition, deleted some time after `runs.sqlite` has it.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::params;

use crate::storage::{
    entry::{Position, Transition},
    error::StorageError,
    fail_point,
    sqlite::{Database, FORMAT},
};

const PAGE_BYTES: u32 = 4_096;
const SCHEMA: &str = "CREATE TABLE log (position INTEGER PRIMARY KEY, entry BLOB NOT NULL, runs BLOB) STRICT;
                      CREATE TABLE store (id TEXT NOT NULL, cut INTEGER NOT NULL DEFAULT 0) STRICT;";
/// Entries that are cut at once, so that no group waits for long.
const CUT_ENTRIES: Position = 1_024;
/// Pages of the WAL after which it is started anew.
const WAL_PAGES: i64 = 1_000;

/// The log's file, open.
#[derive(Debug)]
pub(super) struct LogFile {
    database: Database,
    gate: Gate,
    /// Entries up to this position were deleted.
    cut: Position,
}

impl LogFile {
    /// Opens the file, and makes it if it is not there. It may be of the format before.
    pub(super) fn open_database(path: &Path) -> Result<Database, StorageError> {
        let database = Database::open(path, PAGE_BYTES, SCHEMA)?;
        // Checkpoints are made by another thread.
        database.checked(|c| c.pragma_update(None, "wal_autocheckpoint", 0))?;
        Ok(database)
    }

    /// The file, which is of this format.
    pub(super) fn new(database: Database, gate: Gate) -> Result<Self, StorageError> {
        let cut = database.row("SELECT cut FROM store", [], |row| row.get::<_, i64>(0))?;
        Ok(Self { cut: cut.map_or(0, i64::cast_unsigned), database, gate })
    }

    /// Writes the id of the folder into a log that was just made.
    pub(super) fn set_store(&self, id: &str) -> Result<(), StorageError> {
        self.database.checked(|c| c.execute("INSERT INTO store (id) VALUES (?1)", [id])).map(|_| ())
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// The last position to which entries were cut; `runs.sqlite` has them.
    pub(super) fn cut(&self) -> Position {
        self.cut
    }

    /// Accepts that `runs.sqlite` has what the log lost: the log goes on after `applied`.
    pub(super) fn accept_loss(&mut self, id: &str, applied: Position) -> Result<(), StorageError> {
        self.database.checked(|c| {
            let transaction = c.unchecked_transaction()?;
            c.execute("DELETE FROM store", [])?;
            c.execute("INSERT INTO store (id, cut) VALUES (?1, ?2)", params![id, applied.cast_signed()])?;
            c.execute("DELETE FROM log WHERE position <= ?1", [applied.cast_signed()])?;
            transaction.commit()
        })?;
        self.cut = applied;
        Ok(())
    }

    /// The last position that was written.
    pub(super) fn last(&self) -> Result<Position, StorageError> {
        let sql = "SELECT max(position) FROM log";
        let last = self.database.row(sql, [], |row| row.get::<_, Option<i64>>(0))?;
        Ok(last.flatten().map_or(self.cut, i64::cast_unsigned))
    }

    /// Writes transitions in one SQLite transaction, and syncs. Also deletes [`CUT_ENTRIES`] entries when
    /// `runs.sqlite` has that many more than were deleted.
    pub(super) fn write(&mut self, group: &[Transition], applied: Position) -> Result<(), StorageError> {
        let cut = if applied >= self.cut + CUT_ENTRIES { self.cut + CUT_ENTRIES } else { self.cut };
        let from = self.cut;
        let _checkpoint_waits = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        self.database.checked(|c| {
            let transaction = c.unchecked_transaction()?;
            {
                let mut insert = transaction
                    .prepare_cached("INSERT INTO log (position, entry, runs) VALUES (?1, ?2, ?3)")?;
                for Transition { position, entry, runs, archived: _, bytes: _ } in group {
                    insert.execute(params![position.cast_signed(), &entry[..], &runs[..]])?;
                }
            }
            if cut > from {
                transaction
                    .prepare_cached("DELETE FROM log WHERE position <= ?1")?
                    .execute([cut.cast_signed()])?;
                transaction.prepare_cached("UPDATE store SET cut = ?1")?.execute([cut.cast_signed()])?;
                fail_point::pass("log-cut");
            }
            fail_point::pass("log-written");
            transaction.commit()
        })?;
        self.cut = cut;
        Ok(())
    }
}

/// Names the folder that the log belongs to; a log that was just made has no name.
pub(super) fn store_id(log: &Database) -> Result<Option<String>, StorageError> {
    log.row("SELECT id FROM store", [], |row| row.get(0))
}

/// Reads what comes after a position; answers the last there is.
pub(super) fn read_after(
    log: &Database,
    position: Position,
    mut each: impl FnMut(Transition) -> Result<(), StorageError>,
) -> Result<Position, StorageError> {
    let failed = |error| StorageError::sqlite(&log.path, error);
    // Before format 4 the runs of an entry were not beside it.
    let runs = if log.format()? < FORMAT { "NULL" } else { "runs" };
    let sql = format!("SELECT position, entry, {runs} FROM log WHERE position > ?1 ORDER BY position");
    let mut statement = log.connection.prepare(&sql).map_err(failed)?;
    let mut rows = statement.query([position.cast_signed()]).map_err(failed)?;
    let mut last = position;
    while let Some(row) = rows.next().map_err(failed)? {
        let position = row.get::<_, i64>(0).map_err(failed)?.cast_unsigned();
        if position != last + 1 {
            return Err(log.damaged(format!("entry {} of the log is missing", last + 1)));
        }
        last = position;
        let entry = row.get::<_, Vec<u8>>(1).map_err(failed)?.into();
        let runs = row.get::<_, Option<Vec<u8>>>(2).map_err(failed)?.unwrap_or_default().into();
        each(Transition { position, entry, runs, archived: Vec::new(), bytes: 0 })?;
    }
    Ok(last)
}

/// Moves the log's WAL into its file, on the thread of `runs.sqlite`, for which no call waits.
#[derive(Debug)]
pub(super) struct Checkpointer {
    database: Database,
    gate: Gate,
}

/// Held by the writer while it writes, and by a checkpoint that must not meet it: a connection that waits for
/// SQLite's own locks sleeps for milliseconds.
pub(super) type Gate = Arc<Mutex<()>>;

impl Checkpointer {
    pub(super) fn open(path: &Path, gate: Gate) -> Result<Self, StorageError> {
        Ok(Self { database: Database::again(path)?, gate })
    }

    /// Copies the WAL beside the writer. If the WAL is long, then the writer has to wait while what it wrote meanwhile
    /// is copied, so that its next write starts the WAL anew.
    pub(super) fn checkpoint(&self) -> Result<(), StorageError> {
        let sql = "PRAGMA wal_checkpoint(PASSIVE)";
        let run = || self.database.checked(|c| c.query_row(sql, [], |row| row.get::<_, i64>(1)));
        if run()? >= WAL_PAGES {
            fail_point::pass("log-checkpointed");
            run()?;
            let _writer_waits = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
            run()?;
        }
        Ok(())
    }
}
