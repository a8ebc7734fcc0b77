//! The thread that writes: groups of entries, one sync each.

use std::{
    sync::mpsc::Receiver,
    thread::{self, JoinHandle},
    time::Duration,
};

use prost::Message as _;
use rusqlite::ErrorCode;
use tokio::sync::watch;

use super::{
    StorageError,
    entry::{Entry, Position},
    file::File,
};
use crate::state::world::Record;

/// Most entries of one group.
const GROUP_ENTRIES: usize = 1_024;
/// How long to wait before trying again when the disk is full.
const FULL_RETRY: Duration = Duration::from_millis(200);

/// What the writer is told.
#[derive(Debug)]
pub(super) enum Message {
    Append(Position, Vec<Record>),
    End,
}

/// How far the log is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Synced {
    /// The last entry that is.
    pub(crate) position: Position,
    /// Whether the next cannot be for want of room.
    pub(crate) full: bool,
}

pub(super) fn start(
    file: File,
    receiver: Receiver<Message>,
    synced: watch::Sender<Synced>,
) -> Result<JoinHandle<()>, StorageError> {
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || run(file, &receiver, &synced))
        .map_err(StorageError::Thread)
}

fn run(mut file: File, receiver: &Receiver<Message>, synced: &watch::Sender<Synced>) {
    let mut group = Vec::new();
    let mut ends = false;
    while !ends {
        let Ok(first) = receiver.recv() else { return };
        ends = gather(&mut group, first, receiver);
        if let Some((last, _)) = group.last() {
            let last: Position = *last;
            write(&mut file, &group, synced);
            synced.send_replace(Synced { position: last, full: false });
            group.clear();
        }
    }
}

/// Takes what is waiting; answers whether it is the end.
fn gather(group: &mut Vec<(Position, Vec<u8>)>, first: Message, receiver: &Receiver<Message>) -> bool {
    let mut next = Some(first);
    while let Some(message) = next {
        match message {
            Message::Append(position, records) => {
                group.push((position, Entry::new(records).encode_to_vec()));
            }
            Message::End => return true,
        }
        next = if group.len() < GROUP_ENTRIES { receiver.try_recv().ok() } else { None };
    }
    false
}

/// Writes a group, waiting for room if there is none. Any other failure ends the process: what
/// memory says is then more than what the disk has, and nobody may see it.
fn write(file: &mut File, group: &[(Position, Vec<u8>)], synced: &watch::Sender<Synced>) {
    loop {
        let Err(error) = file.write(group) else { return };
        if error.sqlite_error_code() != Some(ErrorCode::DiskFull) {
            tracing::error!(%error, "failed to write the log: the process ends, to be started again");
            std::process::abort();
        }
        if !synced.borrow().full {
            tracing::warn!("the disk is full: nothing is accepted until there is room");
            synced.send_modify(|synced| synced.full = true);
        }
        thread::sleep(FULL_RETRY);
    }
}
