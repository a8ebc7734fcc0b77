//! The file with all runs: what happened to each, and what lists know of those that are not in
//! memory. It is written behind the log, in large portions, and is what a start reads.

use std::{collections::BTreeMap, path::Path};

use prost::Message;
use rusqlite::{CachedStatement, params};

use crate::{
    execution::{
        archive::Archived,
        record::{RunIdentity, RunNumber},
    },
    storage::{
        entry::{Position, RawEntry, RecordHead, Transition},
        error::StorageError,
        fail_point,
        sqlite::Database,
    },
    time::Time,
};

/// Large, because most rows of `facts` are some kilobytes.
const PAGE_BYTES: u32 = 16_384;
/// `info` is set for runs that are not in memory, `closed` and `deadline` (nanoseconds) with it.
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
    CREATE TABLE facts (
        run INTEGER NOT NULL,
        position INTEGER NOT NULL,
        records BLOB NOT NULL,
        PRIMARY KEY (run, position)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE store (id TEXT NOT NULL, applied INTEGER NOT NULL) STRICT;
    INSERT INTO store (id, applied) VALUES (lower(hex(randomblob(16))), 0);";
/// Runs that are deleted at once.
const PRUNED_RUNS: i64 = 1_000;

/// The runs' file, open for writing.
#[derive(Debug)]
pub(super) struct RunsFile {
    database: Database,
    applied: Position,
}

/// What transitions do to one run.
#[derive(Debug, Default)]
struct Change {
    identity: Option<RunIdentity>,
    first: Position,
    /// Encoded records, in the form of an entry.
    records: Vec<u8>,
    archived: Option<Archived>,
}

impl RunsFile {
    pub(super) fn open(path: &Path) -> Result<Self, StorageError> {
        let database = Database::open(path, PAGE_BYTES, SCHEMA)?;
        let applied = database.row("SELECT applied FROM store", [], |row| row.get::<_, i64>(0))?;
        let Some(applied) = applied else { return Err(database.damaged("it does not say how far it is")) };
        Ok(Self { applied: applied.cast_unsigned(), database })
    }

    /// Names this file and the log that belongs to it.
    pub(super) fn store(&self) -> Result<String, StorageError> {
        let id = self.database.row("SELECT id FROM store", [], |row| row.get(0))?;
        id.ok_or_else(|| self.database.damaged("it has no name"))
    }

    /// The last position of the log that is in here.
    pub(super) fn applied(&self) -> Position {
        self.applied
    }

    /// Takes transitions in, all or none; those that are in here already change nothing.
    pub(super) fn apply(&mut self, transitions: &[Transition]) -> Result<(), StorageError> {
        let mut changes = BTreeMap::<RunNumber, Change>::new();
        let mut applied = self.applied;
        for transition in transitions.iter().filter(|transition| transition.position > self.applied) {
            collect(transition, &mut changes).map_err(|error| {
                self.database
                    .damaged(format!("entry {} of the log is damaged ({error})", transition.position))
            })?;
            applied = transition.position;
        }
        self.database.checked(|c| {
            let transaction = c.unchecked_transaction()?;
            {
                let mut insert = transaction.prepare_cached(
                    "INSERT INTO run (number, namespace, workflow_id, run_id, closed, deadline, info)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?;
                let mut update = transaction.prepare_cached(
                    "UPDATE run SET closed = ?2, deadline = ?3, info = ?4
                     WHERE number = ?1 AND (info IS NOT NULL OR ?4 IS NOT NULL)",
                )?;
                let mut append = transaction
                    .prepare_cached("INSERT INTO facts (run, position, records) VALUES (?1, ?2, ?3)")?;
                for (number, change) in &changes {
                    change.write(number.cast_signed(), &mut insert, &mut update, &mut append)?;
                }
                transaction
                    .prepare_cached("UPDATE store SET applied = ?1")?
                    .execute([applied.cast_signed()])?;
            }
            fail_point::pass("runs-written");
            transaction.commit()
        })?;
        fail_point::pass("runs-synced");
        self.applied = applied;
        Ok(())
    }

    /// Deletes some of the runs that closed before; answers whether there are more.
    pub(super) fn prune(&self, closed_before: Time) -> Result<bool, StorageError> {
        self.database.checked(|c| {
            let transaction = c.unchecked_transaction()?;
            let old = "SELECT number FROM run WHERE closed < ?1 ORDER BY closed LIMIT ?2";
            let limits = params![closed_before.0, PRUNED_RUNS];
            transaction.execute(&format!("DELETE FROM facts WHERE run IN ({old})"), limits)?;
            let deleted = transaction.execute(&format!("DELETE FROM run WHERE number IN ({old})"), limits)?;
            transaction.commit()?;
            Ok(i64::try_from(deleted).unwrap_or(i64::MAX) == PRUNED_RUNS)
        })
    }
}

impl Change {
    fn write(
        &self,
        number: i64,
        insert: &mut CachedStatement<'_>,
        update: &mut CachedStatement<'_>,
        append: &mut CachedStatement<'_>,
    ) -> rusqlite::Result<()> {
        let archived = self.archived.as_ref();
        let closed = archived.and_then(|archived| archived.close_time).map(|time| time.0);
        let deadline = archived.and_then(|archived| archived.deadline).map(|time| time.0);
        let info = archived.map(|archived| archived.info.encode_to_vec());
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
            append.execute(params![number, self.first.cast_signed(), self.records])?;
        }
        Ok(())
    }
}

/// Sorts a transition by runs.
fn collect(
    transition: &Transition,
    changes: &mut BTreeMap<RunNumber, Change>,
) -> Result<(), prost::DecodeError> {
    for record in RawEntry::decode(transition.entry.clone())?.records {
        let head = RecordHead::decode(record.clone())?;
        let change = changes.entry(head.run).or_default();
        if change.records.is_empty() {
            change.first = transition.position;
        }
        prost::encoding::bytes::encode(1, &record, &mut change.records);
        change.identity = change.identity.take().or(head.identity);
        change.archived = None;
    }
    for archived in &transition.archived {
        changes.entry(archived.run).or_default().archived = Some(archived.clone());
    }
    Ok(())
}
