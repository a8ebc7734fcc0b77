//! What transitions of the log do to the tables of `runs.sqlite`.

use std::{collections::BTreeMap, path::Path};

use bytes::Bytes;
use rusqlite::{CachedStatement, Connection, params};

use crate::{
    entity::{Entity, EntityKind},
    execution::{
        archive::Archived,
        record::{RunIdentity, RunNumber},
    },
    options::DEFAULT_NAMESPACE,
    storage::{
        entry::{self, Position, Transition},
        error::StorageError,
        heartbeats,
        run_row::RunRow,
        stored_record::RecordError,
    },
};

pub(super) const INSERT_RECORDS: &str =
    "INSERT INTO records (kind, number, position, records) VALUES (?1, ?2, ?3, ?4)";
/// A row that is there stays: only the identity of a damaged record comes twice.
const INSERT_RUN: &str =
    "INSERT OR IGNORE INTO run (number, namespace, workflow_id, run_id, closed, deadline, info)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const LEAVE_MEMORY: &str = "UPDATE run SET closed = ?2, deadline = ?3, info = ?4 WHERE number = ?1";
const ENTER_MEMORY: &str = "UPDATE run SET closed = NULL, deadline = NULL, info = NULL
                            WHERE number = ?1 AND info IS NOT NULL";
pub(super) const DELETE_RECORDS: &str = "DELETE FROM records WHERE kind = ?1 AND number = ?2";
const NAMES: &str = "SELECT namespace, workflow_id, run_id FROM run WHERE number = ?1";

/// What transitions do to each entity.
#[derive(Debug, Default)]
pub(super) struct Changes(BTreeMap<Entity, Change>);

/// What transitions do to one entity.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// Of a run that starts.
    pub(super) identity: Option<RunIdentity>,
    /// Whether what the file has of the entity is not needed any more.
    pub(super) replaces: bool,
    /// A row of its own for what has a large heartbeat, which is made smaller later.
    pub(super) rows: Vec<Row>,
    pub(super) archived: Option<Archived>,
}

/// What becomes a row of `records`. It holds all records of a transition.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) first: Position,
    last: Position,
    /// Encoded records, in the form of an entry.
    pub(super) records: Vec<u8>,
    pub(super) has_heartbeat: bool,
}

impl Change {
    fn add(&mut self, entity: Entity, position: Position, record: &Bytes) {
        let (replaces, deletes) = entry::replaces(entity, record);
        if replaces {
            self.replaces = true;
            self.rows.clear();
        }
        if deletes {
            return;
        }
        let has_heartbeat = heartbeats::has_heartbeat(record);
        let goes_along = |row: &&mut Row| row.last == position || !row.has_heartbeat && !has_heartbeat;
        if let Some(row) = self.rows.last_mut().filter(goes_along) {
            row.last = position;
            row.has_heartbeat |= has_heartbeat;
            prost::encoding::bytes::encode(1, record, &mut row.records);
            return;
        }
        let mut records = Vec::new();
        prost::encoding::bytes::encode(1, record, &mut records);
        self.rows.push(Row { first: position, last: position, records, has_heartbeat });
    }
}

impl Changes {
    /// The rows of each entity, in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = (Entity, &[Row])> {
        self.0.iter().map(|(entity, change)| (*entity, &change.rows[..]))
    }

    /// Sorts transitions by entity. `path` is the file that an error names.
    ///
    /// The bytes of a damaged record go to the run that it is about, which is damaged by that.
    ///
    /// # Errors
    ///
    /// When it is not known which run a damaged record is about, or a later version wrote a record.
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
        match entry::check_entry(transition) {
            Ok(records) => {
                for (entity, identity, record) in records {
                    self.add(entity, transition.position, &record, identity);
                }
            }
            Err(error) if error.is_of_later_version() => return Err(error),
            Err(error) => self.collect_damaged(transition, error)?,
        }
        for archived in &transition.archived {
            self.0.entry(Entity::run(archived.run)).or_default().archived = Some(archived.clone());
        }
        Ok(())
    }

    /// Takes what is undamaged of an entry, and gives the bytes of the rest to the runs that they are about.
    fn collect_damaged(&mut self, transition: &Transition, error: RecordError) -> Result<(), RecordError> {
        let position = transition.position;
        let Some(entities) = entry::decode_entities(position, &transition.runs) else { return Err(error) };
        let records = entry::split(&transition.entry).unwrap_or_default();
        let unknown =
            |entity: Entity| (entity.kind == EntityKind::Run).then(|| unknown_identity(entity.number));
        if records.len() != entities.len() {
            for entity in entities {
                self.add(entity, position, &transition.entry, unknown(entity));
            }
            return Ok(());
        }
        for (entity, record) in entities.into_iter().zip(records) {
            let identity = match entry::check_head(position, &record) {
                Ok((found, identity)) if found == entity => identity,
                Ok(_) => unknown(entity),
                Err(error) if error.is_of_later_version() => return Err(error),
                Err(_) => unknown(entity),
            };
            self.add(entity, position, &record, identity);
        }
        Ok(())
    }

    fn add(&mut self, entity: Entity, position: Position, record: &Bytes, identity: Option<RunIdentity>) {
        let change = self.0.entry(entity).or_default();
        change.add(entity, position, record);
        change.identity = change.identity.take().or(identity);
        change.archived = None;
    }

    /// Writes all of it, within the transaction that the connection is in.
    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut writer = Writer::new(connection)?;
        self.0.iter().try_for_each(|(entity, change)| writer.write(*entity, change))
    }
}

/// The names under which a run is listed whose own are damaged.
pub(super) fn unknown_identity(run: RunNumber) -> RunIdentity {
    RunIdentity {
        namespace: DEFAULT_NAMESPACE.to_owned(),
        workflow_id: format!("damaged-run-{run}"),
        run_id: String::new(),
        request_id: String::new(),
    }
}

/// Writes changes of entities with prepared statements.
pub(super) struct Writer<'c> {
    insert: CachedStatement<'c>,
    leave: CachedStatement<'c>,
    enter: CachedStatement<'c>,
    names: CachedStatement<'c>,
    append: CachedStatement<'c>,
    delete: CachedStatement<'c>,
}

impl<'c> Writer<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            insert: connection.prepare_cached(INSERT_RUN)?,
            leave: connection.prepare_cached(LEAVE_MEMORY)?,
            enter: connection.prepare_cached(ENTER_MEMORY)?,
            names: connection.prepare_cached(NAMES)?,
            append: connection.prepare_cached(INSERT_RECORDS)?,
            delete: connection.prepare_cached(DELETE_RECORDS)?,
        })
    }

    pub(super) fn write(&mut self, entity: Entity, change: &Change) -> rusqlite::Result<()> {
        let number = entity.number.cast_signed();
        if change.replaces {
            self.delete.execute(params![entity.kind.number(), number])?;
        }
        match (&change.identity, &change.archived) {
            _ if entity.kind != EntityKind::Run => {}
            (Some(identity), archived) => self.insert(entity.number, identity, archived.as_ref())?,
            (None, Some(archived)) => self.leave_memory(archived)?,
            (None, None) => drop(self.enter.execute([number])?),
        }
        for row in &change.rows {
            self.append.execute(params![
                entity.kind.number(),
                number,
                row.first.cast_signed(),
                row.records
            ])?;
        }
        Ok(())
    }

    fn insert(
        &mut self,
        run: RunNumber,
        identity: &RunIdentity,
        archived: Option<&Archived>,
    ) -> rusqlite::Result<()> {
        let RunIdentity { namespace, workflow_id, run_id, request_id: _ } = identity.clone();
        let mut row = RunRow { namespace, workflow_id, run_id, ..RunRow::default() };
        if let Some(archived) = archived {
            row.leave_memory(archived);
        }
        let RunRow { namespace, workflow_id, run_id, closed, deadline, info } = row;
        let row = params![run.cast_signed(), namespace, workflow_id, run_id, closed, deadline, info];
        self.insert.execute(row).map(|_| ())
    }

    /// Does nothing if the run was deleted.
    fn leave_memory(&mut self, archived: &Archived) -> rusqlite::Result<()> {
        let number = archived.run.cast_signed();
        let mut names = self.names.query([number])?;
        let Some(names) = names.next()? else { return Ok(()) };
        let mut row = RunRow {
            namespace: names.get(0)?,
            workflow_id: names.get(1)?,
            run_id: names.get(2)?,
            ..RunRow::default()
        };
        row.leave_memory(archived);
        self.leave.execute(params![number, row.closed, row.deadline, row.info]).map(|_| ())
    }
}
