//! Looks for damage in a data folder that no process uses, and sets aside what is damaged.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use rusqlite::params;

use crate::{
    batch::batches::StoredBatch,
    deployment::deployments::StoredDeployment,
    entity::{Entity, EntityKind},
    execution::{
        archive::Stored,
        damage::Damage,
        record::{RunIdentity, RunNumber},
    },
    schedule::schedules::StoredSchedule,
    storage::{
        changes::{Changes, DELETE_RECORDS},
        damages::Damages,
        entry::{self, Transition},
        error::StorageError,
        folder::{Files, LOG_FILE, RUNS_FILE, check_pair, take_in},
        inspect::inspect,
        lock::FolderLock,
        log_file::{self, Gate, LogFile},
        reader::Reader,
        run_row::RunRow,
        runs_file::{self, RunsFile},
        sqlite::{Database, FORMAT},
        wal,
    },
    time::Time,
};

/// Something that is wrong in a data folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The workflow id and the run id of the run, if the damage is one run's.
    pub run: Option<(String, String)>,
    /// What is wrong.
    pub what: String,
}

impl Problem {
    fn of_file(file: &Path, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), run: None, what: what.into() }
    }

    fn of_run(file: &Path, damage: &Damage) -> Self {
        let run = Some((damage.workflow_id.clone(), damage.run_id.clone()));
        Self { file: file.to_owned(), run, what: damage.reason.clone() }
    }
}

/// Reads everything in a data folder that no process uses, and answers what is wrong with it. Changes nothing but what
/// a start of SQLite does.
///
/// # Errors
///
/// When the folder is not there or in use, or has another format.
pub fn check_folder(folder: &Path) -> Result<Vec<Problem>, StorageError> {
    let (log_path, runs_path) = (folder.join(LOG_FILE), folder.join(RUNS_FILE));
    if !runs_path.exists() {
        return Err(StorageError::damaged(&runs_path, "it is missing"));
    }
    let _lock = FolderLock::take(folder)?;
    let mut problems = Vec::new();
    for path in [&runs_path, &log_path] {
        match wal::check(path) {
            Err(StorageError::WalDamaged { file, what }) => problems.push(Problem::of_file(&file, what)),
            checked => checked?,
        }
    }
    if !problems.is_empty() {
        // SQLite would drop what is behind the damage.
        return Ok(problems);
    }
    let (runs, log) = (open(&runs_path)?, open(&log_path)?);
    for file in [&runs, &log] {
        match file.said_of_pages() {
            Ok(None) => {}
            Ok(Some(said)) => problems.push(Problem::of_file(&file.path, said)),
            Err(error) => problems.push(Problem::of_file(&file.path, error.to_string())),
        }
    }
    check_runs(&runs, &runs_path, &mut problems);
    check_log(&log, &mut problems);
    match RunsFile::new(runs).and_then(|runs| check_pair(&runs, &LogFile::new(log, Gate::default())?)) {
        Ok(()) => {}
        Err(error) => problems.push(Problem::of_file(folder, error.to_string())),
    }
    Ok(problems)
}

/// Opens a file of this format.
fn open(path: &Path) -> Result<Database, StorageError> {
    let database = Database::again(path)?;
    match database.format()? {
        FORMAT => Ok(database),
        format if format > FORMAT => {
            Err(StorageError::NewerFormat { file: path.to_owned(), format, known: FORMAT })
        }
        format => Err(StorageError::NotMigrated { file: path.to_owned(), format, known: FORMAT }),
    }
}

fn check_runs(runs: &Database, path: &Path, problems: &mut Vec<Problem>) {
    match all_damage(runs, path) {
        Ok((damaged, wrong_rows)) => {
            problems.extend(damaged.values().map(|damage| Problem::of_run(path, damage)));
            for identity in wrong_rows {
                let what = "its row says something else than its records; the next start puts it right";
                let run = Some((identity.workflow_id, identity.run_id));
                problems.push(Problem { file: path.to_owned(), run, what: what.to_owned() });
            }
        }
        Err(error) => problems.push(Problem::of_file(path, error.to_string())),
    }
    match damaged_entities(path) {
        Ok(damaged) => problems.extend(damaged.into_iter().map(|(_, problem)| problem)),
        Err(error) => problems.push(Problem::of_file(path, error.to_string())),
    }
}

/// Damaged schedules, batch operations, deployments, Nexus endpoints and namespaces.
fn damaged_entities(path: &Path) -> Result<Vec<(Entity, Problem)>, StorageError> {
    let reader = Reader::open(path, Damages::default())?;
    let mut damaged = Vec::new();
    for (number, stored) in reader.schedules()? {
        if let StoredSchedule::Damaged(names, reason) = stored {
            let what = format!("the schedule {} of {}: {reason}", names.schedule_id, names.namespace);
            damaged.push((Entity::schedule(number), Problem::of_file(path, what)));
        }
    }
    for (number, stored) in reader.batches()? {
        if let StoredBatch::Damaged(names, reason) = stored {
            let what = format!("the batch operation {} of {}: {reason}", names.job_id, names.namespace);
            damaged.push((Entity::batch(number), Problem::of_file(path, what)));
        }
    }
    for (number, stored) in reader.deployments()? {
        if let StoredDeployment::Damaged { namespace, name, reason } = stored {
            let what = format!("the worker deployment {name} of {namespace}: {reason}");
            damaged.push((Entity::deployment(number), Problem::of_file(path, what)));
        }
    }
    for (number, reason) in reader.endpoints()?.1 {
        let entity = Entity::endpoint(number);
        damaged.push((entity, Problem::of_file(path, format!("the Nexus {entity}: {reason}"))));
    }
    for (number, reason) in reader.namespaces()?.1 {
        let entity = Entity::namespace(number);
        damaged.push((entity, Problem::of_file(path, format!("the {entity}: {reason}"))));
    }
    Ok(damaged)
}

/// Every damaged run, and the identities of runs whose row is wrong. Every run is put together.
fn all_damage(
    runs: &Database,
    path: &Path,
) -> Result<(BTreeMap<RunNumber, Damage>, Vec<RunIdentity>), StorageError> {
    let found = inspect(runs)?;
    let reader = Reader::open(path, Damages::default())?;
    let mut damaged = BTreeMap::new();
    let mut add = |stored| {
        if let Stored::Damaged(damage) = stored {
            damaged.insert(damage.run, (*damage).clone());
        }
    };
    for (number, reason) in &found.damaged {
        add(reader.damaged(*number, reason));
    }
    let numbers: Vec<i64> = runs.checked(|c| {
        c.prepare("SELECT number FROM run ORDER BY number")?.query_map([], |row| row.get(0))?.collect()
    })?;
    for number in numbers {
        add(reader.load(number.cast_unsigned())?);
    }
    Ok((damaged, found.wrong_rows.into_iter().map(|(_, identity)| identity).collect()))
}

fn check_log(log: &Database, problems: &mut Vec<Problem>) {
    let first = log.row("SELECT min(position) FROM log", [], |row| row.get::<_, Option<i64>>(0));
    let Ok(Some(Some(first))) = first else { return };
    let read = log_file::read_after(log, first.cast_unsigned().saturating_sub(1), |transition| {
        if let Err(error) = entry::check_entry(&transition) {
            let entities = entry::decode_entities(transition.position, &transition.runs);
            let whose = match entities {
                Some(entities) => {
                    let names: Vec<String> = entities.iter().map(Entity::to_string).collect();
                    format!("the damage of {}", names.join(", "))
                }
                None => "it is not known of which run".to_owned(),
            };
            problems.push(Problem::of_file(
                &log.path,
                format!("entry {}: {error}; {whose}", transition.position),
            ));
        }
        Ok(())
    });
    if let Err(error) = read {
        problems.push(Problem::of_file(&log.path, error.to_string()));
    }
}

/// Sets aside what is damaged in a data folder that no process uses: damaged runs, and entries of the log of which it
/// is not known whose they are. They go to the table `set_aside` of `runs.sqlite`. Answers what was set aside.
///
/// With `accept_loss`, a damaged write-ahead log is renamed, and a log that ends too early is accepted.
///
/// # Errors
///
/// When the folder is not there or in use, or the damage is of another kind.
pub(crate) fn repair_folder(
    folder: &Path,
    accept_loss: bool,
    now: Time,
) -> Result<Vec<Problem>, StorageError> {
    let (log_path, runs_path) = (folder.join(LOG_FILE), folder.join(RUNS_FILE));
    if !runs_path.exists() {
        return Err(StorageError::damaged(&runs_path, "it is missing"));
    }
    let mut problems = Vec::new();
    if accept_loss {
        let _lock = FolderLock::take(folder)?;
        for path in [&runs_path, &log_path] {
            if let Err(StorageError::WalDamaged { file, what }) = wal::check(path) {
                set_wal_aside(&file)?;
                problems.push(Problem::of_file(&file, what));
            }
        }
    }
    let mut files = Files::open(folder)?;
    if accept_loss {
        accept_short_log(&mut files, &mut problems)?;
    }
    check_pair(&files.runs, &files.log)?;
    set_entries_aside(&mut files, now, &mut problems)?;
    inspect(files.runs.database())?.mend_rows(files.runs.database())?;
    let (damaged, _) = all_damage(files.runs.database(), &runs_path)?;
    for (number, damage) in damaged {
        set_run_aside(files.runs.database(), number, &damage.reason, now)?;
        problems.push(Problem::of_run(&runs_path, &damage));
    }
    for (entity, problem) in damaged_entities(&runs_path)? {
        set_records_aside(files.runs.database(), entity, &problem.what, now)?;
        problems.push(problem);
    }
    Ok(problems)
}

/// Accepts a log that is missing, or ends before what was acknowledged.
fn accept_short_log(files: &mut Files, problems: &mut Vec<Problem>) -> Result<(), StorageError> {
    let Files { runs, log, .. } = files;
    let id = runs_file::store_id(runs.database())?;
    let is_missing = log_file::store_id(log.database())?.is_none();
    let (last, sealed) = (log.last()?, runs.sealed());
    if is_missing && runs.applied() > 0 || !is_missing && last < sealed {
        let what = format!("it ends at position {last} of {sealed}: what was not in {RUNS_FILE} is lost");
        problems.push(Problem::of_file(&log.database().path, what));
        runs.accept_loss(last)?;
        log.accept_loss(&id, runs.applied())?;
    }
    Ok(())
}

fn set_wal_aside(file: &Path) -> Result<(), StorageError> {
    let mut name = file.as_os_str().to_owned();
    name.push(".damaged");
    fs::rename(file, name).map_err(|source| StorageError::Folder { folder: file.to_owned(), source })
}

/// Brings the runs' file to the end of the log, without entries that could be any run's.
fn set_entries_aside(files: &mut Files, now: Time, problems: &mut Vec<Problem>) -> Result<(), StorageError> {
    let path = files.log.database().path.clone();
    let mut aside = Vec::new();
    take_in(&mut files.runs, &files.log, |transition| match Changes::of(&[transition.copy()], &path) {
        Err(StorageError::Record { source, .. }) if !source.is_of_later_version() => {
            let what = format!("entry {}: {source}", transition.position);
            aside.push((transition.position, transition.entry, what));
            Ok(Transition::empty(transition.position))
        }
        Err(error) => Err(error),
        Ok(_) => Ok(transition),
    })?;
    for (position, entry, what) in aside {
        files.runs.database().checked(|c| {
            let sql = "INSERT INTO set_aside (position, what, bytes, reason, time) VALUES (?1, 'entry', ?2, ?3, ?4)";
            c.execute(sql, params![position.cast_signed(), &entry[..], what, now.0])
        })?;
        problems.push(Problem::of_file(&path, what));
    }
    Ok(())
}

/// Moves the row and the records of a run.
fn set_run_aside(runs: &Database, number: RunNumber, reason: &str, now: Time) -> Result<(), StorageError> {
    let row = number.cast_signed();
    runs.checked(|c| c.execute(RunRow::SET_ASIDE, params![row, reason, now.0]))?;
    set_records_aside(runs, Entity::run(number), reason, now)
}

/// Moves the records of an entity, and deletes its row if it is a run.
fn set_records_aside(runs: &Database, entity: Entity, reason: &str, now: Time) -> Result<(), StorageError> {
    let (kind, number) = (entity.kind.number(), entity.number.cast_signed());
    runs.checked(|c| {
        let transaction = c.unchecked_transaction()?;
        let records = "INSERT INTO set_aside (number, position, what, bytes, reason, time)
                       SELECT number, position, 'records', records, ?2, ?3 FROM records
                       WHERE number = ?1 AND kind = ?4";
        c.execute(records, params![number, reason, now.0, kind])?;
        c.execute(DELETE_RECORDS, params![kind, number])?;
        if entity.kind == EntityKind::Run {
            c.execute("DELETE FROM run WHERE number = ?1", [number])?;
        }
        transaction.commit()
    })
}
