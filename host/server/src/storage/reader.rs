//! Reads `runs.sqlite`.

use std::path::Path;

use bytes::Bytes;
use host_wire::temporal::api::workflow::v1::WorkflowExecutionInfo;
use prost::Message;
use rusqlite::params;

use crate::{
    execution::{
        record::{Record, RunNumber},
        run::Run,
    },
    storage::{
        entity::Entity,
        entry::{self, Position, RawEntry},
        error::StorageError,
        sqlite::Database,
        stored_record::{RecordError, StoredRecord, unseal},
    },
    time::Time,
};

/// A connection that reads `runs.sqlite` while another writes it.
#[derive(Debug)]
pub(super) struct Reader {
    database: Database,
}

/// A run in a list: its number, and what lists show, which is missing while the run is in memory.
pub(crate) type Row = (RunNumber, Option<WorkflowExecutionInfo>);

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, StorageError> {
        Ok(Self { database: Database::again(path)? })
    }

    /// Runs that were in memory when the process ended.
    pub(super) fn in_memory(&self) -> Result<Vec<RunNumber>, StorageError> {
        self.database.checked(|c| {
            let mut statement = c.prepare("SELECT number FROM run WHERE info IS NULL ORDER BY number")?;
            statement.query_map([], |row| Ok(row.get::<_, i64>(0)?.cast_unsigned()))?.collect()
        })
    }

    /// When time does something to runs that are not in memory.
    pub(super) fn deadlines(&self) -> Result<Vec<(RunNumber, Time)>, StorageError> {
        self.database.checked(|c| {
            let mut statement = c.prepare("SELECT number, deadline FROM run WHERE deadline IS NOT NULL")?;
            let rows = statement
                .query_map([], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), Time(row.get(1)?))))?;
            rows.collect()
        })
    }

    /// The number after the last.
    pub(super) fn next_number(&self) -> Result<RunNumber, StorageError> {
        let last =
            self.database.row("SELECT max(number) FROM run", [], |row| row.get::<_, Option<i64>>(0))?;
        Ok(last.flatten().map_or(0, |last| last.cast_unsigned() + 1))
    }

    pub(super) fn latest(
        &self,
        namespace: &str,
        workflow_id: &str,
    ) -> Result<Option<RunNumber>, StorageError> {
        let sql = "SELECT max(number) FROM run WHERE workflow_id = ?1 AND namespace = ?2";
        let found =
            self.database.row(sql, params![workflow_id, namespace], |row| row.get::<_, Option<i64>>(0))?;
        Ok(found.flatten().map(i64::cast_unsigned))
    }

    pub(super) fn with_run_id(&self, run_id: &str) -> Result<Option<RunNumber>, StorageError> {
        let found = self
            .database
            .row("SELECT number FROM run WHERE run_id = ?1", [run_id], |row| row.get::<_, i64>(0))?;
        Ok(found.map(i64::cast_unsigned))
    }

    pub(super) fn load(&self, number: RunNumber) -> Result<Option<Run>, StorageError> {
        let entity = Entity::run(number);
        let rows: Vec<(i64, Vec<u8>)> = self.database.checked(|c| {
            let sql =
                "SELECT position, records FROM records WHERE kind = ?1 AND number = ?2 ORDER BY position";
            let mut statement = c.prepare_cached(sql)?;
            let key = params![entity.kind.number(), number.cast_signed()];
            statement.query_map(key, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })?;
        let mut records = Vec::new();
        for (position, row) in rows {
            let position = position.cast_unsigned();
            read_row(entity, position, row.into(), &mut records).map_err(|source| {
                StorageError::record(&self.database.path, format!("{entity} at position {position}"), source)
            })?;
        }
        Ok(Run::from_records(records))
    }

    /// Runs of a namespace before a number, the latest first, until `each` has enough.
    pub(super) fn list(
        &self,
        namespace: &str,
        before: RunNumber,
        each: &mut dyn FnMut(Row) -> bool,
    ) -> Result<(), StorageError> {
        let failed = |error| StorageError::sqlite(&self.database.path, error);
        let sql = "SELECT number, info FROM run WHERE number < ?1 AND namespace = ?2 ORDER BY number DESC";
        let mut statement = self.database.connection.prepare_cached(sql).map_err(failed)?;
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![before, namespace]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let number = row.get::<_, i64>(0).map_err(failed)?.cast_unsigned();
            let info = row.get::<_, Option<Vec<u8>>>(1).map_err(failed)?;
            let info = info.map(|info| read_info(number, info)).transpose().map_err(|source| {
                StorageError::record(&self.database.path, format!("description of run {number}"), source)
            })?;
            if !each((number, info)) {
                break;
            }
        }
        Ok(())
    }
}

/// Adds the records of a row, which are of transitions from its position on.
fn read_row(
    entity: Entity,
    position: Position,
    row: Bytes,
    records: &mut Vec<Record>,
) -> Result<(), RecordError> {
    let mut last = position;
    for record in RawEntry::decode(row).map_err(RecordError::Message)?.records {
        let checked = StoredRecord::check(record)?;
        if checked.entity != entity || checked.position < last {
            return Err(RecordError::Misplaced);
        }
        last = checked.position;
        records.push(entry::run_record(checked)?);
    }
    Ok(())
}

fn read_info(number: RunNumber, sealed: Vec<u8>) -> Result<WorkflowExecutionInfo, RecordError> {
    WorkflowExecutionInfo::decode(unseal(Entity::run(number), sealed)?).map_err(RecordError::Message)
}
