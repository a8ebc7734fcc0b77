//! Reads all of `runs.sqlite` in search of damage: what it finds is one run's, or can be put right from the records.

use bytes::Bytes;
use rusqlite::{Connection, Rows, params};

use crate::{
    entity::{Entity, EntityKind},
    execution::record::{RunIdentity, RunNumber},
    storage::{
        changes::unknown_identity,
        entry::{self, Position},
        error::StorageError,
        run_row::RunRow,
        sqlite::Database,
        stored_record::{RecordError, StoredRecord},
    },
};

/// What is wrong with a file whose pages are sound.
#[derive(Debug, Default)]
pub(super) struct Inspection {
    /// Runs whose records cannot be used, each with the reason.
    pub(super) damaged: Vec<(RunNumber, String)>,
    /// Rows of runs with sound records that say something else than these, with the names that they should have.
    pub(super) wrong_rows: Vec<(RunNumber, RunIdentity)>,
}

impl Inspection {
    /// Puts rows right. Their runs are as in memory then, so that a start or a list reads the records.
    pub(super) fn mend_rows(&self, runs: &Database) -> Result<(), StorageError> {
        runs.checked(|c| {
            let transaction = c.unchecked_transaction()?;
            for (number, identity) in &self.wrong_rows {
                let RunIdentity { namespace, workflow_id, run_id, request_id: _ } = identity;
                let row = params![number.cast_signed(), namespace, workflow_id, run_id];
                let sql = "INSERT OR REPLACE INTO run (number, namespace, workflow_id, run_id) VALUES (?1, ?2, ?3, ?4)";
                transaction.execute(sql, row)?;
            }
            transaction.commit()
        })
    }

    fn damage(&mut self, number: RunNumber, reason: impl Into<String>) {
        self.damaged.push((number, reason.into()));
    }

    /// Compares the row of a run with its records.
    fn compare(&mut self, number: RunNumber, row: Option<&RunRow>, group: Option<Group>) {
        let Some(group) = group else { return self.damage(number, "its records are missing") };
        let (identity, transitions) = match (group.wrong, group.identity) {
            (None, Some(identity)) => (identity, group.transitions),
            (wrong, identity) => {
                if row.is_none() {
                    self.wrong_rows.push((number, identity.unwrap_or_else(|| unknown_identity(number))));
                }
                return self
                    .damage(number, wrong.unwrap_or_else(|| "its first record is missing".to_owned()));
            }
        };
        let names = row.map(|row| (&row.namespace, &row.workflow_id, &row.run_id));
        if names != Some((&identity.namespace, &identity.workflow_id, &identity.run_id)) {
            return self.wrong_rows.push((number, identity));
        }
        let Some(row) = row.filter(|row| **row != in_memory(&identity)) else { return };
        match row.checked_info(number) {
            Ok(info) if info.state_transition_count == transitions => {}
            Ok(info) => {
                let stored = info.state_transition_count;
                self.damage(number, format!("{transitions} of its {stored} transitions are there"));
            }
            Err(_) => self.wrong_rows.push((number, identity)),
        }
    }
}

/// The row of a run that is in memory.
fn in_memory(identity: &RunIdentity) -> RunRow {
    let RunIdentity { namespace, workflow_id, run_id, request_id: _ } = identity.clone();
    RunRow { namespace, workflow_id, run_id, ..RunRow::default() }
}

/// Reads all rows and checks all records. Facts are not decoded.
///
/// # Errors
///
/// When the file cannot be read.
pub(super) fn inspect(runs: &Database) -> Result<Inspection, StorageError> {
    let mut found = Inspection::default();
    runs.checked(|c| walk(c, &mut found))?;
    found.damaged.sort_unstable();
    found.damaged.dedup_by_key(|(number, _)| *number);
    Ok(found)
}

fn walk(connection: &Connection, found: &mut Inspection) -> rusqlite::Result<()> {
    let sql = "SELECT kind, number, position, records FROM records ORDER BY kind, number, position";
    let mut statement = connection.prepare(sql)?;
    let mut groups = Groups { rows: statement.query([])?, next: None };
    let mut statement = connection.prepare(RunRow::ALL)?;
    let mut rows = statement.query([])?;
    let mut group = groups.next(found)?;
    while let Some(row) = rows.next()? {
        let number = row.get::<_, i64>(0)?.cast_unsigned();
        let row = RunRow::of(row)?;
        while let Some(orphan) = group.take_if(|group| group.number < number) {
            found.compare(orphan.number, None, Some(orphan));
            group = groups.next(found)?;
        }
        let own = group.take_if(|group| group.number == number);
        let is_there = own.is_some();
        found.compare(number, Some(&row), own);
        if is_there {
            group = groups.next(found)?;
        }
    }
    while let Some(orphan) = group.take() {
        found.compare(orphan.number, None, Some(orphan));
        group = groups.next(found)?;
    }
    Ok(())
}

/// All records of one run.
struct Group {
    number: RunNumber,
    /// What is wrong with them.
    wrong: Option<String>,
    identity: Option<RunIdentity>,
    /// How many transitions changed the run.
    transitions: i64,
    last: Position,
}

/// One row of `records`.
struct RecordsRow {
    kind: u32,
    number: u64,
    position: Position,
    records: Bytes,
}

/// Rows of `records`, grouped by run.
struct Groups<'s> {
    rows: Rows<'s>,
    next: Option<RecordsRow>,
}

impl Groups<'_> {
    fn next(&mut self, found: &mut Inspection) -> rusqlite::Result<Option<Group>> {
        let mut group: Option<Group> = None;
        while let Some(row) = self.next_row()? {
            if EntityKind::from_number(row.kind) != Some(EntityKind::Run) {
                // Of a schedule, which every start reads. Of a later version, or of a run whose row was changed.
                misplaced(row.records, None, found);
                continue;
            }
            if group.as_ref().is_some_and(|group| group.number != row.number) {
                self.next = Some(row);
                break;
            }
            let number = row.number;
            let group =
                group.get_or_insert(Group { number, wrong: None, identity: None, transitions: 0, last: 0 });
            if let Err(error) = group.add(row.position, row.records.clone()) {
                group
                    .wrong
                    .get_or_insert_with(|| format!("run {number} at position {}: {error}", row.position));
                misplaced(row.records, Some(number), found);
            }
        }
        Ok(group)
    }

    fn next_row(&mut self) -> rusqlite::Result<Option<RecordsRow>> {
        if let Some(row) = self.next.take() {
            return Ok(Some(row));
        }
        let Some(row) = self.rows.next()? else { return Ok(None) };
        Ok(Some(RecordsRow {
            kind: row.get(0)?,
            number: row.get::<_, i64>(1)?.cast_unsigned(),
            position: row.get::<_, i64>(2)?.cast_unsigned(),
            records: row.get::<_, Vec<u8>>(3)?.into(),
        }))
    }
}

impl Group {
    fn add(&mut self, position: Position, row: Bytes) -> Result<(), RecordError> {
        for checked in entry::check_row(Entity::run(self.number), position, self.last, row)? {
            self.last = checked.position;
            let (identity, has_facts) = entry::run_summary(checked)?;
            self.identity = self.identity.take().or(identity);
            self.transitions += i64::from(has_facts);
        }
        Ok(())
    }
}

/// Sound records in a row that is not theirs are missing elsewhere.
fn misplaced(row: Bytes, owner: Option<RunNumber>, found: &mut Inspection) {
    let Ok(records) = entry::split(&row) else { return };
    for record in records {
        if let Ok(checked) = StoredRecord::check(record)
            && checked.entity.kind == EntityKind::Run
            && Some(checked.entity.number) != owner
        {
            found.damage(
                checked.entity.number,
                format!("its record of position {} is elsewhere", checked.position),
            );
        }
    }
}
