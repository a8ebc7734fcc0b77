//! The thread that writes the log: groups of transitions, one sync each.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender},
    },
    thread,
    time::Duration,
};

use tokio::sync::watch;

use super::{
    applier::Behind,
    entry::{self, Position, Transition},
    error::end_process,
    log_file::LogFile,
};
use crate::state::{archive::Archived, time::Time, world::Record};

/// Most transitions of one group.
const GROUP_TRANSITIONS: usize = 1_024;
/// How long to wait before trying again when the disk is full.
pub(super) const FULL_RETRY: Duration = Duration::from_millis(200);

/// What the writer is told.
#[derive(Debug)]
pub(super) enum Message {
    Append {
        position: Position,
        records: Vec<Record>,
        archived: Vec<Archived>,
    },
    /// Runs that closed before are to be deleted.
    Prune(Time),
    End,
}

/// How far the log is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Synced {
    /// The last transition that is.
    pub(crate) position: Position,
    /// Whether the log cannot grow for want of room.
    pub(super) log_is_full: bool,
    /// The same of the runs' file.
    pub(super) runs_are_full: bool,
}

impl Synced {
    /// Whether nothing more can be stored for want of room.
    pub(crate) fn full(self) -> bool {
        self.log_is_full || self.runs_are_full
    }
}

/// Writes until the end. Whatever is on disk goes on to the runs' file.
pub(super) fn run(
    mut file: LogFile,
    receiver: &Receiver<Message>,
    synced: &watch::Sender<Synced>,
    applied: &AtomicU64,
    behind: &SyncSender<Behind>,
) {
    let mut ends = false;
    while !ends {
        let Ok(first) = receiver.recv() else { return };
        let mut group = Vec::new();
        let mut prune = None;
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Append { position, records, archived } => {
                    group.push(Transition { position, entry: entry::encode(records), archived });
                }
                Message::Prune(closed_before) => prune = Some(closed_before),
                Message::End => ends = true,
            }
            let more = !ends && group.len() < GROUP_TRANSITIONS;
            next = if more { receiver.try_recv().ok() } else { None };
        }
        if let Some(last) = group.last() {
            let last = last.position;
            write(&mut file, &group, synced, applied.load(Ordering::Acquire));
            synced.send_modify(|synced| {
                synced.position = last;
                synced.log_is_full = false;
            });
            pass_on(behind, Behind::Transitions(group));
        }
        if let Some(closed_before) = prune {
            pass_on(behind, Behind::Prune(closed_before));
        }
    }
}

fn pass_on(behind: &SyncSender<Behind>, message: Behind) {
    if behind.send(message).is_err() {
        // It ends after this thread, or with the process.
        tracing::error!("the thread of the runs' file has ended");
    }
}

/// Writes a group, waiting for room if there is none. Any other failure ends the process: what
/// memory says is then more than what the disk has, and nobody may see it.
fn write(file: &mut LogFile, group: &[Transition], synced: &watch::Sender<Synced>, applied: Position) {
    while let Err(error) = file.write(group, applied) {
        if !error.is_full() {
            end_process(&error);
        }
        if !synced.borrow().log_is_full {
            tracing::warn!("the disk is full: nothing is accepted until there is room");
            synced.send_modify(|synced| synced.log_is_full = true);
        }
        thread::sleep(FULL_RETRY);
    }
}
