//! The thread that writes the log: groups of transitions, one sync each.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{
    applier::Behind,
    entry::{self, Position, Transition},
    error::end_process,
    fail_point,
    log_file::LogFile,
};
use crate::state::{archive::Archived, time::Time, world::Record};

/// Most transitions of one group.
const GROUP_TRANSITIONS: usize = 1_024;
/// Longest time that a group waits for transitions which are about to come.
const GATHER_TIME: Duration = Duration::from_micros(200);
/// How long to wait before trying again when the disk is full.
pub(super) const FULL_RETRY: Duration = Duration::from_millis(200);

/// What the writer is told.
#[derive(Debug)]
pub(super) enum Message {
    Append {
        position: Position,
        records: Vec<Record>,
        archived: Vec<Archived>,
        awaited: i64,
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
        let Some(group) = Group::gather(receiver) else { return };
        ends = group.ends;
        if let Some(last) = group.transitions.last() {
            let last = last.position;
            fail_point::pass("log-gathered");
            write(&mut file, &group.transitions, synced, applied.load(Ordering::Acquire));
            fail_point::pass("log-synced");
            synced.send_modify(|synced| {
                synced.position = last;
                synced.log_is_full = false;
            });
            pass_on(behind, Behind::Transitions(group.transitions));
        }
        if let Some(closed_before) = group.prune {
            pass_on(behind, Behind::Prune(closed_before));
        }
    }
}

/// What is written together.
#[derive(Debug, Default)]
struct Group {
    transitions: Vec<Transition>,
    /// Transitions that are about to come and need no sync of their own.
    awaited: i64,
    prune: Option<Time>,
    ends: bool,
}

impl Group {
    /// Waits for something, takes all that is there, and waits a little for what is about to come.
    #[expect(clippy::disallowed_methods, reason = "how long a group gathers changes nothing in it")]
    fn gather(receiver: &Receiver<Message>) -> Option<Self> {
        let mut group = Self::default();
        group.take(receiver.recv().ok()?);
        let until = Instant::now() + GATHER_TIME;
        while !group.ends && group.transitions.len() < GROUP_TRANSITIONS {
            let next = match receiver.try_recv() {
                Ok(next) => next,
                Err(_) if group.awaited <= 0 => break,
                Err(_) => match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(next) => next,
                    Err(_) => break,
                },
            };
            group.take(next);
        }
        Some(group)
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Append { position, records, archived, awaited } => {
                self.transitions.push(Transition { position, entry: entry::encode(records), archived });
                self.awaited += awaited;
            }
            Message::Prune(closed_before) => self.prune = Some(closed_before),
            Message::End => self.ends = true,
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
