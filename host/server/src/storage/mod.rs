//! What is on disk, in two SQLite files.
//!
//! - `log.sqlite` takes every transition first. One thread writes it: all that is waiting in one
//!   transaction, one sync, and only then it says so ([`Storage::synced`]); meanwhile the next group
//!   gathers.
//! - `runs.sqlite` takes the same transitions behind it, sorted by run, in large portions. Another
//!   thread writes it; nobody waits for that. The log is cut up to where this file is.
//!
//! Runs that are not in memory, lists and a start are read from `runs.sqlite`. At start it first
//! takes what the log has more.

mod applier;
mod archive;
mod entry;
mod error;
mod fail_point;
mod lock;
mod log_file;
mod reader;
mod runs_file;
mod sqlite;
mod writer;

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

use tokio::sync::watch;

pub use self::error::StorageError;
pub(crate) use self::{
    entry::Position,
    lock::FolderLock,
    reader::{Reader, Row},
    writer::{Append, Synced},
};
use crate::{
    execution::record::RunNumber,
    storage::{
        log_file::{Checkpointer, Gate, LogFile},
        runs_file::RunsFile,
        writer::Message,
    },
    time::Time,
};

const LOG_FILE: &str = "log.sqlite";
const RUNS_FILE: &str = "runs.sqlite";
/// Transitions that a portion of the start has at most.
const START_PORTION: usize = 4_096;
/// Groups that may wait for the runs' file; after that, the log waits for it.
const GROUPS_BEHIND: usize = 1_024;

/// Both files, open, and the threads that write them.
#[derive(Debug)]
pub(crate) struct Storage {
    sender: mpsc::Sender<Message>,
    synced: watch::Receiver<Synced>,
    applied: Arc<AtomicU64>,
    /// For lists, which read for long.
    pub(crate) reader: Arc<Mutex<Reader>>,
    /// The writer first: the other ends after it.
    threads: Vec<JoinHandle<()>>,
}

/// What a start finds.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) last: Position,
    pub(crate) archive: Reader,
    pub(crate) next_number: RunNumber,
    /// Runs that were in memory when the process ended.
    pub(crate) in_memory: Vec<RunNumber>,
    /// When time does something to the others.
    pub(crate) deadlines: Vec<(RunNumber, Time)>,
}

impl Storage {
    /// Opens the files of a data folder.
    pub(crate) fn open(folder: &Path) -> Result<(Self, Found), StorageError> {
        let (log_path, runs_path) = (folder.join(LOG_FILE), folder.join(RUNS_FILE));
        if log_path.exists() && !runs_path.exists() {
            return Err(StorageError::damaged(&runs_path, format!("it is missing beside {LOG_FILE}")));
        }
        let mut runs = RunsFile::open(&runs_path)?;
        let gate = Gate::default();
        let log = LogFile::open(&log_path, gate.clone())?;
        match log.store()? {
            None if runs.applied() > 0 => {
                return Err(StorageError::damaged(&log_path, format!("it was missing beside {RUNS_FILE}")));
            }
            None => log.set_store(&runs.store()?)?,
            Some(id) if id == runs.store()? => {}
            Some(_) => {
                return Err(StorageError::damaged(&log_path, format!("it does not belong to {RUNS_FILE}")));
            }
        }
        let last = catch_up(&mut runs, &log)?;
        let reader = Reader::open(&runs_path)?;
        let found = Found {
            last,
            next_number: reader.next_number()?,
            in_memory: reader.in_memory()?,
            deadlines: reader.deadlines()?,
            archive: Reader::open(&runs_path)?,
        };
        Ok((Self::start(log, Checkpointer::open(&log_path, gate)?, runs, reader, last)?, found))
    }

    fn start(
        log: LogFile,
        checkpointer: Checkpointer,
        runs: RunsFile,
        reader: Reader,
        last: Position,
    ) -> Result<Self, StorageError> {
        let (sender, receiver) = mpsc::channel();
        let (behind, behind_receiver) = mpsc::sync_channel(GROUPS_BEHIND);
        let start = Synced { position: last, log_is_full: false, runs_are_full: false };
        let synced_sender = Arc::new(watch::Sender::new(start));
        let synced = synced_sender.subscribe();
        let applied = Arc::new(AtomicU64::new(runs.applied()));
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.to_owned()).spawn(work).map_err(StorageError::Thread)
        };
        let (said, seen) = (synced_sender.clone(), applied.clone());
        let writer = move || writer::run(log, &receiver, &said, &seen, &behind);
        let seen = applied.clone();
        let applier = move || applier::run(runs, &checkpointer, &behind_receiver, &synced_sender, &seen);
        let threads = vec![spawn("log", Box::new(writer))?, spawn("runs", Box::new(applier))?];
        Ok(Self { sender, synced, applied, reader: Arc::new(Mutex::new(reader)), threads })
    }

    /// Hands over what happened. It is on disk once [`Self::synced`] says so.
    pub(crate) fn append(&self, append: Append) {
        self.send(Message::Append(append));
    }

    /// Somebody waits for what was handed over.
    pub(crate) fn hurry(&self) {
        self.send(Message::Hurry);
    }

    /// Deletes runs that closed before, in the background.
    pub(crate) fn prune(&self, closed_before: Time) {
        self.send(Message::Prune(closed_before));
    }

    /// How far the log is on disk.
    pub(crate) fn synced(&self) -> watch::Receiver<Synced> {
        self.synced.clone()
    }

    /// How far the runs' file is.
    pub(crate) fn applied(&self) -> Position {
        self.applied.load(Ordering::Acquire)
    }

    fn send(&self, message: Message) {
        if self.sender.send(message).is_err() {
            // The writer has ended: nothing that happens from here on is ever acknowledged.
            tracing::error!("the log is closed");
        }
    }
}

/// Brings the runs' file to the end of the log; answers that.
fn catch_up(runs: &mut RunsFile, log: &LogFile) -> Result<Position, StorageError> {
    let mut portion = Vec::new();
    let last = log.read_after(runs.applied(), |transition| {
        portion.push(transition);
        if portion.len() == START_PORTION {
            runs.apply(&portion)?;
            portion.clear();
        }
        Ok(())
    });
    let last = last?;
    runs.apply(&portion)?;
    Ok(last)
}

impl Drop for Storage {
    fn drop(&mut self) {
        drop(self.sender.send(Message::End));
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the storage panicked");
            }
        }
    }
}
