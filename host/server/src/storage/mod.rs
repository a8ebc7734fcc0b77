//! What is on disk: a log of everything that happened, in one SQLite file.
//!
//! One thread writes. It takes all that is waiting, writes it in one transaction, syncs once, and
//! only then says so ([`Log::synced`]); while it syncs, the next group gathers. At start the log is
//! read from its beginning and gives back every run.

mod entry;
mod file;
mod lock;
mod writer;

use std::{path::Path, sync::mpsc, thread::JoinHandle};

use tokio::sync::watch;

pub use self::file::StorageError;
pub(crate) use self::{entry::Position, lock::FolderLock, writer::Synced};
use self::{file::File, writer::Message};
use crate::state::world::Record;

/// File of the log inside the data folder.
const LOG_FILE: &str = "log.sqlite";

/// The log, open for appending.
#[derive(Debug)]
pub(crate) struct Log {
    sender: mpsc::Sender<Message>,
    synced: watch::Receiver<Synced>,
    thread: Option<JoinHandle<()>>,
}

impl Log {
    /// Opens the log of a data folder, after giving every entry in it to `restore`.
    pub(crate) fn open(
        folder: &Path,
        mut restore: impl FnMut(Record),
    ) -> Result<(Self, Position), StorageError> {
        let mut file = File::open(&folder.join(LOG_FILE))?;
        let last = file.read(|entry| {
            for record in entry.decode()? {
                restore(record);
            }
            Ok(())
        })?;
        let (sender, receiver) = mpsc::channel();
        let (synced_sender, synced) = watch::channel(Synced { position: last, full: false });
        let thread = writer::start(file, receiver, synced_sender)?;
        Ok((Self { sender, synced, thread: Some(thread) }, last))
    }

    /// Hands over what happened. Positions must be consecutive. It is on disk once
    /// [`Self::synced`] says so.
    pub(crate) fn append(&self, position: Position, records: Vec<Record>) {
        if self.sender.send(Message::Append(position, records)).is_err() {
            // The writer has ended: nothing that happens from here on is ever acknowledged.
            tracing::error!("the log is closed");
        }
    }

    /// How far the log is on disk.
    pub(crate) fn synced(&self) -> watch::Receiver<Synced> {
        self.synced.clone()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let ended = self.sender.send(Message::End).is_err();
        if let Some(thread) = self.thread.take()
            && !ended
            && thread.join().is_err()
        {
            tracing::error!("the log's thread panicked");
        }
    }
}
