//! Reads `runs.sqlite`.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use host_wire::temporal::api::workflow::v1::WorkflowExecutionInfo;
use rusqlite::params;

use crate::{
    batch::{
        batches::StoredBatch,
        record::{BatchBody, BatchIdentity, BatchNumber},
        state::Batch,
    },
    deployment::{
        deployments::StoredDeployment,
        state::{Deployment, DeploymentNumber},
    },
    entity::{Entity, EntityBody},
    execution::{
        archive::Stored,
        damage::Damage,
        record::{Record, RunNumber},
        run::Run,
    },
    namespace::{
        namespaces::Namespace,
        record::{NamespaceBody, NamespaceNumber},
    },
    nexus::endpoint::{Endpoint, EndpointNumber},
    options::DEFAULT_NAMESPACE,
    panics,
    schedule::{
        record::{ScheduleBody, ScheduleIdentity, ScheduleNumber},
        schedules::StoredSchedule,
        state::Schedule,
    },
    storage::{
        damages::Damages,
        entry::{self, Position},
        error::StorageError,
        run_row::RunRow,
        sqlite::Database,
        stored_record::RecordError,
    },
    time::Time,
};

/// A connection that reads `runs.sqlite` while another writes it.
#[derive(Debug)]
pub(super) struct Reader {
    database: Database,
    damages: Damages,
}

/// Numbers of damaged entities, each with the reason.
pub(super) type Damaged = Vec<(u64, String)>;

/// A run in a list: its number, and what lists show. That is missing while the run is in memory, and where it or the run
/// is damaged: then the run itself has to be asked.
pub(crate) type Row = (RunNumber, Option<WorkflowExecutionInfo>);

impl Reader {
    pub(super) fn open(path: &Path, damages: Damages) -> Result<Self, StorageError> {
        Ok(Self { database: Database::again(path)?, damages })
    }

    /// Runs that were in memory when the process ended. Damaged ones are reported and left out.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or a run was written by a later version.
    pub(super) fn in_memory(&self) -> Result<Vec<(RunNumber, Box<Run>)>, StorageError> {
        let numbers: Vec<RunNumber> = self.database.checked(|c| {
            let mut statement = c.prepare("SELECT number FROM run WHERE info IS NULL ORDER BY number")?;
            statement.query_map([], |row| Ok(row.get::<_, i64>(0)?.cast_unsigned()))?.collect()
        })?;
        let mut runs = Vec::new();
        for number in numbers {
            match self.read_run(number)? {
                Ok(Some(run)) => runs.push((number, Box::new(run))),
                Ok(None) => {}
                Err(Unusable::Record(record, source)) if source.is_of_later_version() => {
                    return Err(StorageError::record(&self.database.path, record, source));
                }
                Err(unusable) => drop(self.damaged(number, &unusable.to_string())),
            }
        }
        Ok(runs)
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

    /// All schedules. What is wrong with a damaged one is reported.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or a schedule was written by a later version.
    pub(super) fn schedules(&self) -> Result<Vec<(ScheduleNumber, StoredSchedule)>, StorageError> {
        let all = self.entities()?.into_iter();
        Ok(all.filter_map(|(number, read)| Some((number, self.whole(number, read)?))).collect())
    }

    /// All batch operations, likewise.
    ///
    /// # Errors
    ///
    /// As [`Self::schedules`].
    pub(super) fn batches(&self) -> Result<Vec<(BatchNumber, StoredBatch)>, StorageError> {
        let all = self.entities()?.into_iter();
        Ok(all.filter_map(|(number, read)| Some((number, self.whole_batch(number, read)?))).collect())
    }

    /// All deployments, likewise.
    ///
    /// # Errors
    ///
    /// As [`Self::schedules`].
    pub(super) fn deployments(&self) -> Result<Vec<(DeploymentNumber, StoredDeployment)>, StorageError> {
        let all = self.entities()?.into_iter();
        Ok(all.filter_map(|(number, read)| Some((number, self.whole_deployment(number, read)?))).collect())
    }

    /// All namespaces of which something was set. A damaged one is reported and left out; its runs stay.
    ///
    /// # Errors
    ///
    /// As [`Self::schedules`].
    pub(super) fn namespaces(&self) -> Result<(Vec<(NamespaceNumber, Namespace)>, Damaged), StorageError> {
        let (mut sound, mut damaged) = (Vec::new(), Vec::new());
        for (number, read) in self.entities::<NamespaceBody>()? {
            if read.is_gone() {
                continue;
            }
            let last = read.bodies.into_iter().next_back();
            match (read.damage, last.and_then(Namespace::from_record)) {
                (None, Some(namespace)) => sound.push((number, namespace)),
                (damage, _) => {
                    let reason = damage.unwrap_or_else(|| "a part of it is missing".to_owned());
                    tracing::error!(
                        namespace = number,
                        reason,
                        file = %self.database.path.display(),
                        "a namespace is damaged: register it again, and it has its workflows"
                    );
                    damaged.push((number, reason));
                }
            }
        }
        Ok((sound, damaged))
    }

    /// All Nexus endpoints. A damaged one is reported and left out.
    ///
    /// # Errors
    ///
    /// As [`Self::schedules`].
    pub(super) fn endpoints(&self) -> Result<(Vec<(EndpointNumber, Endpoint)>, Damaged), StorageError> {
        let (mut sound, mut damaged) = (Vec::new(), Vec::new());
        for (number, mut read) in self.entities::<Endpoint>()? {
            if read.is_gone() {
                continue;
            }
            match (read.damage, read.bodies.pop()) {
                (None, Some(endpoint)) => sound.push((number, endpoint)),
                (damage, _) => {
                    let reason = damage.unwrap_or_else(|| "a part of it is missing".to_owned());
                    tracing::error!(
                        endpoint = number,
                        reason,
                        file = %self.database.path.display(),
                        "a Nexus endpoint is damaged: create it again"
                    );
                    damaged.push((number, reason));
                }
            }
        }
        Ok((sound, damaged))
    }

    /// The records of all entities of a kind, as far as they are sound.
    fn entities<B: EntityBody>(&self) -> Result<BTreeMap<u64, ReadEntity<B>>, StorageError> {
        let rows: Vec<(u64, u64, Vec<u8>)> = self.database.checked(|c| {
            let sql =
                "SELECT number, position, records FROM records WHERE kind = ?1 ORDER BY number, position";
            let mut statement = c.prepare_cached(sql)?;
            let row = |row: &rusqlite::Row<'_>| {
                let (number, position) = (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?);
                Ok((number.cast_unsigned(), position.cast_unsigned(), row.get(2)?))
            };
            statement.query_map([B::KIND.number()], row)?.collect()
        })?;
        let mut all: BTreeMap<u64, ReadEntity<B>> = BTreeMap::new();
        for (number, position, row) in rows {
            let entity = Entity { kind: B::KIND, number };
            let read = all.entry(number).or_insert_with(|| ReadEntity::new(entity));
            if let Err(source) = read.read_row(position, row.into()) {
                if source.is_of_later_version() {
                    let record = format!("{entity} at position {position}");
                    return Err(StorageError::record(&self.database.path, record, source));
                }
                read.damage.get_or_insert_with(|| format!("its record at position {position}: {source}"));
            }
        }
        Ok(all)
    }

    fn whole_batch(&self, number: BatchNumber, read: ReadEntity<BatchBody>) -> Option<StoredBatch> {
        if read.is_gone() {
            return None;
        }
        let names = read.bodies.iter().find_map(|body| body.identity.clone());
        let reason = match (read.damage, Batch::from_records(read.bodies)) {
            (None, Some(batch)) => return Some(StoredBatch::Sound(Box::new(batch))),
            (damage, _) => damage.unwrap_or_else(|| "a part of it is missing".to_owned()),
        };
        let names = names.unwrap_or_else(|| BatchIdentity {
            namespace: DEFAULT_NAMESPACE.to_owned(),
            job_id: format!("damaged-batch-{number}"),
            ..BatchIdentity::default()
        });
        tracing::error!(
            batch = number,
            job_id = names.job_id,
            reason,
            file = %self.database.path.display(),
            "a batch operation is damaged: it does not go on, and calls about it are refused with DATA_LOSS"
        );
        Some(StoredBatch::Damaged(names, reason))
    }

    fn whole_deployment(
        &self,
        number: DeploymentNumber,
        mut read: ReadEntity<Deployment>,
    ) -> Option<StoredDeployment> {
        if read.is_gone() {
            return None;
        }
        // Each record has everything.
        let last = read.bodies.pop();
        let reason = match (read.damage, &last) {
            (None, Some(deployment)) => return Some(StoredDeployment::Sound(Box::new(deployment.clone()))),
            (damage, _) => damage.unwrap_or_else(|| "a part of it is missing".to_owned()),
        };
        let (namespace, name) = match last {
            Some(last) => (last.namespace, last.name),
            None => (DEFAULT_NAMESPACE.to_owned(), format!("damaged-deployment-{number}")),
        };
        tracing::error!(
            deployment = number,
            name,
            reason,
            file = %self.database.path.display(),
            "a worker deployment is damaged: it routes no tasks, and calls about it are refused with DATA_LOSS"
        );
        Some(StoredDeployment::Damaged { namespace, name, reason })
    }

    fn whole(&self, number: ScheduleNumber, read: ReadEntity<ScheduleBody>) -> Option<StoredSchedule> {
        let names = read.bodies.iter().find_map(|body| body.identity.clone());
        if read.is_gone() {
            return None;
        }
        let reason = match (read.damage, Schedule::from_records(read.bodies)) {
            (None, Some(schedule)) => return Some(StoredSchedule::Sound(Box::new(schedule))),
            (damage, _) => damage.unwrap_or_else(|| "a part of it is missing".to_owned()),
        };
        let names = names.unwrap_or_else(|| ScheduleIdentity {
            namespace: DEFAULT_NAMESPACE.to_owned(),
            schedule_id: format!("damaged-schedule-{number}"),
            ..ScheduleIdentity::default()
        });
        tracing::error!(
            schedule = number,
            schedule_id = names.schedule_id,
            reason,
            file = %self.database.path.display(),
            "a schedule is damaged: calls about it are refused with DATA_LOSS"
        );
        Some(StoredSchedule::Damaged(names, reason))
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

    /// Reads a run; what is wrong with a damaged one is reported the first time.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, which is no fault of this run.
    pub(super) fn load(&self, number: RunNumber) -> Result<Stored, StorageError> {
        if let Some(reason) = self.damages.get(number) {
            return Ok(self.damaged(number, &reason));
        }
        let read = match self.read_run(number) {
            // SQLite cannot read the pages of this run; there is nothing to be gained by asking again.
            Err(StorageError::Damaged { what, .. }) => return Ok(self.damaged(number, &what)),
            read => read?,
        };
        Ok(match read {
            Ok(Some(run)) => Stored::Run(Box::new(run)),
            Ok(None) if RunRow::read(&self.database, number)?.is_none() => Stored::Nothing,
            Ok(None) => self.damaged(number, "its records are missing"),
            Err(unusable) => self.damaged(number, &unusable.to_string()),
        })
    }

    fn read_run(&self, number: RunNumber) -> Result<Result<Option<Run>, Unusable>, StorageError> {
        let entity = Entity::run(number);
        let rows: Vec<(i64, Vec<u8>)> = self.database.checked(|c| {
            let sql =
                "SELECT position, records FROM records WHERE kind = ?1 AND number = ?2 ORDER BY position";
            let mut statement = c.prepare_cached(sql)?;
            let key = params![entity.kind.number(), number.cast_signed()];
            statement.query_map(key, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })?;
        let mut reading = ReadRun { entity, last: 0, records: Vec::new() };
        for (position, row) in rows {
            let position = position.cast_unsigned();
            if let Err(source) = reading.read_row(position, row.into()) {
                return Ok(Err(Unusable::Record(format!("{entity} at position {position}"), source)));
            }
        }
        let records = reading.records;
        let run = catch_unwind(AssertUnwindSafe(|| Run::from_records(records)));
        Ok(run.map_err(|panic| Unusable::Panic(panics::message(&*panic))))
    }

    /// Reports a damaged run, the first time, and says what is still known of it.
    pub(super) fn damaged(&self, number: RunNumber, reason: &str) -> Stored {
        // Whatever the row does not say either is left out.
        let row = RunRow::read(&self.database, number).ok().flatten().unwrap_or_default();
        if self.damages.insert(number, reason) {
            tracing::error!(
                run = number,
                workflow_id = row.workflow_id,
                run_id = row.run_id,
                reason,
                file = %self.database.path.display(),
                "a run is damaged: calls about it are refused with DATA_LOSS"
            );
        }
        let info = row.info.as_ref().and_then(|_| row.checked_info(number).ok());
        Stored::Damaged(Arc::new(Damage {
            run: number,
            close_time: row.closed.map(Time),
            info: info.map(Box::new),
            namespace: row.namespace,
            workflow_id: row.workflow_id,
            run_id: row.run_id,
            reason: reason.to_owned(),
        }))
    }

    /// Runs of a namespace before a number, the latest first, until `each` has enough.
    pub(super) fn list(
        &self,
        namespace: &str,
        before: RunNumber,
        each: &mut dyn FnMut(Row) -> bool,
    ) -> Result<(), StorageError> {
        let failed = |error| StorageError::sqlite(&self.database.path, error);
        let mut statement = self.database.connection.prepare_cached(RunRow::LIST).map_err(failed)?;
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![before, namespace]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let number = row.get::<_, i64>(0).map_err(failed)?.cast_unsigned();
            let row = RunRow::of(row).map_err(failed)?;
            let is_damaged = self.damages.get(number).is_some();
            let info = row.info.as_ref().filter(|_| !is_damaged);
            if !each((number, info.and_then(|_| row.checked_info(number).ok()))) {
                break;
            }
        }
        Ok(())
    }
}

/// The records of an entity other than a run, as far as they are read.
struct ReadEntity<B> {
    entity: Entity,
    /// The last position so far.
    last: Position,
    bodies: Vec<B>,
    damage: Option<String>,
}

impl<B: EntityBody> ReadEntity<B> {
    fn new(entity: Entity) -> Self {
        Self { entity, last: 0, bodies: Vec::new(), damage: None }
    }

    fn is_gone(&self) -> bool {
        self.damage.is_none() && self.bodies.last().is_some_and(B::is_deleted)
    }

    /// Adds the records of a row, which are of transitions from its position on.
    fn read_row(&mut self, position: Position, row: Bytes) -> Result<(), RecordError> {
        for checked in entry::check_row(self.entity, position, self.last, row)? {
            self.last = checked.position;
            self.bodies.push(entry::entity_body(checked)?);
        }
        Ok(())
    }
}

/// Why a run cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("{0}: {1}")]
    Record(String, RecordError),
    #[error("reading it panicked: {0}")]
    Panic(String),
}

/// The records of a run, as far as they are read.
struct ReadRun {
    entity: Entity,
    /// The last position so far.
    last: Position,
    records: Vec<Record>,
}

impl ReadRun {
    /// Adds the records of a row, which are of transitions from its position on.
    fn read_row(&mut self, position: Position, row: Bytes) -> Result<(), RecordError> {
        for checked in entry::check_row(self.entity, position, self.last, row)? {
            self.last = checked.position;
            self.records.push(entry::run_record(checked)?);
        }
        Ok(())
    }
}
