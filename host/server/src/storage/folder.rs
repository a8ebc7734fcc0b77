//! The data folder: both files, opened together, and the threads that write them.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

use tokio::sync::oneshot;

use crate::storage::{
    Found, Mend, Opened, Position, Row, Storage, StorageError, Synced, applier,
    damages::Damages,
    entry::Transition,
    expiry::Expiry,
    inspect::inspect,
    lock::FolderLock,
    log_file::{self, Checkpointer, Gate, LogFile},
    migrate::migrate,
    private,
    reader::Reader,
    runs_file::{self, RunsFile},
    search_attributes, task_queues, wal,
    writer::{self, Append, Message},
};
use crate::{execution::record::RunNumber, panics::EndsProcess, watched::Watched};

pub(super) const LOG_FILE: &str = "log.sqlite";
pub(super) const RUNS_FILE: &str = "runs.sqlite";
/// Transitions that a portion of the start has at most.
const START_PORTION: usize = 4_096;
/// Groups that may wait for the runs' file; after that, the log waits for it.
const GROUPS_BEHIND: usize = 1_024;

/// Both files, open, and the threads that write them.
#[derive(Debug)]
pub(crate) struct SqliteStorage {
    sender: mpsc::Sender<Message>,
    synced: Arc<Watched<Synced>>,
    applied: Arc<AtomicU64>,
    backlog: Arc<AtomicUsize>,
    /// For lists, which read for long.
    reader: Mutex<Reader>,
    /// The writer first: the other ends after it.
    threads: Vec<JoinHandle<()>>,
    /// Dropped last: no other process may have the folder before its files are closed.
    _lock: FolderLock,
}

impl SqliteStorage {
    /// Opens the files of a data folder, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// When the folder cannot be used, another process uses it, or what is in it is damaged.
    pub(crate) fn open(folder: &Path) -> Result<Opened, StorageError> {
        let Files { mut runs, log, gate, lock } = Files::open(folder)?;
        check_pair(&runs, &log)?;
        let last = catch_up(&mut runs, &log)?;
        let (log_path, runs_path) = (folder.join(LOG_FILE), folder.join(RUNS_FILE));
        let damages = Damages::default();
        let reader = Reader::open(&runs_path, damages.clone())?;
        if runs.database().is_small() {
            let found = inspect(runs.database())?;
            for (number, identity) in &found.wrong_rows {
                tracing::warn!(
                    run = number,
                    run_id = identity.run_id,
                    "the row of a run is put right from its records"
                );
            }
            found.mend_rows(runs.database())?;
            for (number, reason) in &found.damaged {
                drop(reader.damaged(*number, reason));
            }
        }
        let found = Found {
            last,
            next_number: reader.next_number()?,
            in_memory: reader.in_memory()?,
            deadlines: reader.deadlines()?,
            schedules: reader.schedules()?,
            batches: reader.batches()?,
            deployments: reader.deployments()?,
            endpoints: reader.endpoints()?.0,
            namespaces: reader.namespaces()?.0,
            search_attributes: search_attributes::read(runs.database())?,
            task_queues: task_queues::read(runs.database())?,
            archive: Box::new(Reader::open(&runs_path, damages.clone())?),
        };
        let checkpointer = Checkpointer::open(&log_path, gate)?;
        let storage = Self::start(log, checkpointer, runs, reader, damages, last, lock)?;
        Ok(Opened { storage: Box::new(storage), found })
    }

    fn start(
        log: LogFile,
        checkpointer: Checkpointer,
        runs: RunsFile,
        reader: Reader,
        damages: Damages,
        last: Position,
        lock: FolderLock,
    ) -> Result<Self, StorageError> {
        let (sender, receiver) = mpsc::channel();
        let (behind, behind_receiver) = mpsc::sync_channel(GROUPS_BEHIND);
        let synced = Arc::new(Watched::new(Synced { position: last, ..Synced::default() }));
        let applied = Arc::new(AtomicU64::new(runs.applied()));
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let what = format!("the thread {name} of the storage panicked");
            let guarded = move || {
                let ends_process = EndsProcess(&what);
                work();
                drop(ends_process);
            };
            thread::Builder::new().name(name.to_owned()).spawn(guarded).map_err(StorageError::Thread)
        };
        let (said, seen) = (synced.clone(), applied.clone());
        let writer = move || writer::run(log, &receiver, &said, &seen, &behind);
        let (said, seen) = (synced.clone(), applied.clone());
        let backlog = Arc::new(AtomicUsize::new(0));
        let behind = backlog.clone();
        let applier = move || {
            applier::run(runs, &checkpointer, &behind_receiver, &said, &seen, &behind, &damages);
            said.update(|synced| synced.has_ended = true);
        };
        let threads = vec![spawn("log", Box::new(writer))?, spawn("runs", Box::new(applier))?];
        Ok(Self { sender, synced, applied, backlog, reader: Mutex::new(reader), threads, _lock: lock })
    }

    fn send(&self, message: Message) {
        if self.sender.send(message).is_err() {
            // The writer has ended: nothing that happens from here on is ever acknowledged.
            tracing::error!("the log is closed");
        }
    }
}

impl Storage for SqliteStorage {
    fn append(&self, append: Append) {
        self.backlog.fetch_add(append.bytes(), Ordering::Relaxed);
        self.send(Message::Append(append));
    }

    fn hurry(&self) {
        self.send(Message::Hurry);
    }

    fn prune(&self, closed_before: Vec<Expiry>) {
        self.send(Message::Prune(closed_before));
    }

    fn mend(&self, mend: Mend, done: oneshot::Sender<()>) {
        self.send(Message::Mend(mend, done));
    }

    fn synced(&self) -> Arc<Watched<Synced>> {
        self.synced.clone()
    }

    fn backlog_bytes(&self) -> usize {
        self.backlog.load(Ordering::Relaxed)
    }

    fn applied(&self) -> Position {
        self.applied.load(Ordering::Acquire)
    }

    fn list(
        &self,
        namespace: &str,
        before: RunNumber,
        each: &mut dyn FnMut(Row) -> bool,
    ) -> Result<(), StorageError> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.list(namespace, before, each)
    }
}

/// Both files, open and of this format.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) runs: RunsFile,
    pub(super) log: LogFile,
    gate: Gate,
    lock: FolderLock,
}

impl Files {
    /// Opens the files, makes them if neither is there, and migrates them.
    ///
    /// # Errors
    ///
    /// As [`SqliteStorage::open`].
    pub(super) fn open(folder: &Path) -> Result<Self, StorageError> {
        let lock = FolderLock::take(folder)?;
        let (log_path, runs_path) = (folder.join(LOG_FILE), folder.join(RUNS_FILE));
        if log_path.exists() && !runs_path.exists() {
            return Err(StorageError::damaged(&runs_path, format!("it is missing beside {LOG_FILE}")));
        }
        for path in [&runs_path, &log_path] {
            // Files that SQLite makes may be read by others.
            private::create_file(path)
                .map_err(|source| StorageError::Folder { folder: folder.to_owned(), source })?;
        }
        wal::check(&runs_path)?;
        wal::check(&log_path)?;
        let runs = RunsFile::open_database(&runs_path)?;
        let log = LogFile::open_database(&log_path)?;
        migrate(&runs, &log)?;
        let gate = Gate::default();
        Ok(Self { runs: RunsFile::new(runs)?, log: LogFile::new(log, gate.clone())?, gate, lock })
    }
}

/// Refuses files that do not belong together, or of which one is of an earlier time than the other.
pub(super) fn check_pair(runs: &RunsFile, log: &LogFile) -> Result<(), StorageError> {
    let id = runs_file::store_id(runs.database())?;
    match log_file::store_id(log.database())? {
        None if runs.applied() > 0 => {
            return Err(log.database().damaged(format!("it was missing beside {RUNS_FILE}")));
        }
        None => return log.set_store(&id),
        Some(other) if other == id => {}
        Some(_) => return Err(log.database().damaged(format!("it does not belong to {RUNS_FILE}"))),
    }
    if runs.applied() < log.cut() {
        let what = format!("it is of an earlier time than {LOG_FILE}, which does not have what lies between");
        return Err(runs.database().damaged(what));
    }
    let (last, sealed) = (log.last()?, runs.sealed());
    if last < sealed {
        return Err(StorageError::LogEndsEarly { file: log.database().path.clone(), last, sealed });
    }
    Ok(())
}

/// Brings the runs' file to the end of the log; answers that.
fn catch_up(runs: &mut RunsFile, log: &LogFile) -> Result<Position, StorageError> {
    take_in(runs, log, Ok)
}

/// Brings the runs' file to the end of the log, as `change` makes each transition; answers that end.
pub(super) fn take_in(
    runs: &mut RunsFile,
    log: &LogFile,
    mut change: impl FnMut(Transition) -> Result<Transition, StorageError>,
) -> Result<Position, StorageError> {
    let mut portion = Vec::new();
    let last = log_file::read_after(log.database(), runs.applied(), |transition| {
        portion.push(change(transition)?);
        if portion.len() == START_PORTION {
            runs.apply(&portion, 0)?;
            portion.clear();
        }
        Ok(())
    })?;
    runs.apply(&portion, last)?;
    Ok(last)
}

impl Drop for SqliteStorage {
    fn drop(&mut self) {
        drop(self.sender.send(Message::End));
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the storage panicked");
            }
        }
    }
}
