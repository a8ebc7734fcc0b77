//! The row of a run: its names, and what lists and a start need while it is not in memory.

use host_wire::temporal::api::workflow::v1::WorkflowExecutionInfo;
use prost::Message;
use rusqlite::Row;

use crate::{
    entity::Entity,
    execution::{archive::Archived, record::RunNumber},
    storage::{
        error::StorageError,
        sqlite::Database,
        stored_record::{RecordError, seal, unseal},
    },
};

/// Everything but the number. What belongs together in a row has one checksum, at the beginning of `info`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RunRow {
    pub(super) namespace: String,
    pub(super) workflow_id: String,
    pub(super) run_id: String,
    /// When the run closed, in nanoseconds since 1970; set for a closed run that is not in memory.
    pub(super) closed: Option<i64>,
    /// The next deadline of an open run that is not in memory, in nanoseconds since 1970.
    pub(super) deadline: Option<i64>,
    /// Set while the run is not in memory.
    pub(super) info: Option<Vec<u8>>,
}

impl RunRow {
    /// Runs of a namespace before a number, the latest first.
    pub(super) const LIST: &str =
        "SELECT number, namespace, workflow_id, run_id, closed, deadline, info FROM run
                                   WHERE number < ?1 AND namespace = ?2 ORDER BY number DESC";
    /// All runs, by number.
    pub(super) const ALL: &str =
        "SELECT number, namespace, workflow_id, run_id, closed, deadline, info FROM run ORDER BY number";
    /// Copies the row of a run to `set_aside`, as JSON, with a reason and a time.
    pub(super) const SET_ASIDE: &str = "INSERT INTO set_aside (number, what, bytes, reason, time)
        SELECT number, 'run', CAST(json_object('namespace', namespace, 'workflow_id', workflow_id, 'run_id', run_id,
                                               'closed', closed, 'deadline', deadline, 'info', hex(info)) AS BLOB),
               ?2, ?3 FROM run WHERE number = ?1";
    const ONE: &str =
        "SELECT number, namespace, workflow_id, run_id, closed, deadline, info FROM run WHERE number = ?1";

    /// The row that a statement of these is at.
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        // Damaged text need not be UTF-8; the checksum or the records of the run say what it was.
        let text = |column: usize| {
            let text = row.get_ref(column)?.as_bytes();
            Ok::<_, rusqlite::Error>(String::from_utf8_lossy(text?).into_owned())
        };
        Ok(Self {
            namespace: text(1)?,
            workflow_id: text(2)?,
            run_id: text(3)?,
            closed: row.get(4)?,
            deadline: row.get(5)?,
            info: row.get(6)?,
        })
    }

    /// The row of a run, if there is one.
    pub(super) fn read(database: &Database, number: RunNumber) -> Result<Option<Self>, StorageError> {
        database.row(Self::ONE, [number.cast_signed()], Self::of)
    }

    /// The run leaves memory.
    pub(super) fn leave_memory(&mut self, archived: &Archived) {
        self.closed = archived.close_time.map(|time| time.0);
        self.deadline = archived.deadline.map(|time| time.0);
        self.info = Some(seal(Entity::run(archived.run), &archived.info.encode_to_vec(), &self.columns()));
    }

    /// What lists show.
    ///
    /// # Errors
    ///
    /// When the run is in memory, or something in the row changed since it was written. Rows of format 3 have a
    /// checksum over `info` alone.
    pub(super) fn checked_info(&self, number: RunNumber) -> Result<WorkflowExecutionInfo, RecordError> {
        let sealed = self.info.clone().ok_or(RecordError::Misplaced)?;
        let info = unseal(Entity::run(number), sealed, &self.columns())?;
        WorkflowExecutionInfo::decode(info).map_err(RecordError::Message)
    }

    fn columns(&self) -> Vec<u8> {
        let mut columns = Vec::new();
        for text in [&self.namespace, &self.workflow_id, &self.run_id] {
            columns.extend_from_slice(text.as_bytes());
            columns.push(0);
        }
        for number in [self.closed, self.deadline] {
            columns.push(u8::from(number.is_some()));
            columns.extend_from_slice(&number.unwrap_or_default().to_le_bytes());
        }
        columns
    }
}
