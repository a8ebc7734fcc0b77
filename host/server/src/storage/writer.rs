//! The thread that writes the log: groups of transitions, one sync each.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender},
    },
    thread,
    time::{Duration, Instant},
};

use host_telemetry as telemetry;
use tokio::sync::oneshot;

use crate::{
    entity::EntityRecord,
    execution::{archive::Archived, record::Record},
    storage::{
        applier::Behind,
        entry::{self, Position, Transition},
        error::end_process,
        expiry::Expiry,
        fail_point,
        log_file::LogFile,
        mend::Mend,
        synced::Synced,
    },
    watched::Watched,
};

/// Most transitions of one group.
const GROUP_TRANSITIONS: usize = 1_024;
/// Longest time that a group waits for transitions which are about to come.
const GATHER_TIME: Duration = Duration::from_micros(200);
/// Longest time that a group waits in which nothing is needed soon.
const LAZY_TIME: Duration = Duration::from_millis(5);
/// Bytes of transitions that may be on their way to `runs.sqlite`. Beyond that nothing is accepted, so that memory does
/// not grow with every client of a slow disk.
pub(crate) const BACKLOG_BYTES: usize = 256 * 1024 * 1024;
/// How long to wait before trying again when the disk is full.
pub(super) const FULL_RETRY: Duration = Duration::from_millis(200);

/// What writing a group is called in metrics.
const OPERATION: &str = "AppendLog";

/// One transition, as it is handed to storage.
#[derive(Debug)]
pub(crate) struct Append {
    /// The position after that of the last transition.
    pub(crate) position: Position,
    pub(crate) records: Vec<Record>,
    /// What happened to entities other than runs.
    pub(crate) others: Vec<EntityRecord>,
    /// Runs that may leave memory once this is in the runs' file.
    pub(crate) archived: Vec<Archived>,
    /// Change of the number of transitions that workers in the process are about to bring: positive when this one
    /// gave them workflow tasks, negative when it completed some.
    pub(crate) awaited: i64,
    /// Whether its sync may wait for further transitions until a call [hurries](Message::Hurry).
    pub(crate) lazy: bool,
}

impl Append {
    /// Bytes that it takes when it is stored, about.
    pub(super) fn bytes(&self) -> usize {
        let of_others = self.others.iter().map(|record| record.body.len());
        self.records.iter().map(Record::bytes).chain(of_others).sum()
    }
}

/// A message to the thread that writes the log.
#[derive(Debug)]
pub(super) enum Message {
    Append(Append),
    /// A call waits for what was appended.
    Hurry,
    /// Delete runs that closed before these times.
    Prune(Vec<Expiry>),
    /// Change what is stored of one run.
    Mend(Mend, oneshot::Sender<()>),
    End,
}

/// Writes until [`Message::End`], and passes what is on disk on to the thread of `runs.sqlite`.
pub(super) fn run(
    mut file: LogFile,
    receiver: &Receiver<Message>,
    synced: &Watched<Synced>,
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
            measured(group.transitions.len(), || {
                write(&mut file, &group.transitions, synced, applied.load(Ordering::Acquire));
            });
            fail_point::pass("log-synced");
            synced.update(|synced| {
                synced.position = last;
                synced.log_is_full = false;
            });
            pass_on(behind, Behind::Transitions(group.transitions));
        }
        for (mend, done) in group.mends {
            pass_on(behind, Behind::Mend(mend, done));
        }
        if let Some(closed_before) = group.prune {
            pass_on(behind, Behind::Prune(closed_before));
        }
    }
}

/// Transitions that are written in one SQLite transaction.
#[derive(Debug, Default)]
struct Group {
    transitions: Vec<Transition>,
    /// Transitions that workers in the process are about to bring, see [`Append::awaited`].
    awaited: i64,
    /// Whether a call waits for one of them.
    urgent: bool,
    prune: Option<Vec<Expiry>>,
    mends: Vec<(Mend, oneshot::Sender<()>)>,
    ends: bool,
}

impl Group {
    /// Waits for the first message, takes all further ones, and waits for the transitions that are to share the sync.
    /// Nothing when the sender is gone.
    #[expect(clippy::disallowed_methods, reason = "how long a group gathers changes nothing in it")]
    fn gather(receiver: &Receiver<Message>) -> Option<Self> {
        let mut group = Self::default();
        group.take(receiver.recv().ok()?);
        let mut since = Instant::now();
        while !group.ends && group.transitions.len() < GROUP_TRANSITIONS {
            let next = match receiver.try_recv() {
                Ok(next) => next,
                Err(_) => match receiver.recv_timeout(group.patience().saturating_sub(since.elapsed())) {
                    Ok(next) => next,
                    Err(_) => break,
                },
            };
            let was_urgent = group.urgent;
            group.take(next);
            if group.urgent && !was_urgent {
                since = Instant::now();
            }
        }
        Some(group)
    }

    /// How long it gathers, counted from its first message, or from the first that is urgent.
    fn patience(&self) -> Duration {
        match (self.urgent, self.awaited > 0) {
            (false, _) => LAZY_TIME,
            (true, true) => GATHER_TIME,
            (true, false) => Duration::ZERO,
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Append(append) => {
                let bytes = append.bytes();
                let Append { position, records, others, archived, awaited, lazy } = append;
                let runs = entry::encode_entities(position, entry::entities(&records, &others));
                let entry = entry::encode(position, records, others);
                self.transitions.push(Transition { position, entry, runs, archived, bytes });
                self.awaited += awaited;
                self.urgent |= !lazy;
            }
            Message::Hurry => self.urgent = true,
            Message::Prune(closed_before) => self.prune = Some(closed_before),
            Message::Mend(mend, done) => {
                self.mends.push((mend, done));
                self.urgent = true;
            }
            Message::End => self.ends = true,
        }
    }
}

/// Writes a group of so many transitions, and measures it.
#[expect(clippy::disallowed_methods, reason = "how long a group takes changes nothing in it")]
fn measured(transitions: usize, write: impl FnOnce()) {
    let began = Instant::now();
    write();
    telemetry::PERSISTENCE_REQUESTS.count([OPERATION]);
    telemetry::PERSISTENCE_LATENCY.took([OPERATION], began.elapsed());
    // At most `GROUP_TRANSITIONS`.
    telemetry::LOG_GROUP.sample([OPERATION], f64::from(u32::try_from(transitions).unwrap_or(u32::MAX)));
}

fn pass_on(behind: &SyncSender<Behind>, message: Behind) {
    if behind.send(message).is_err() {
        // It ends after this thread, or with the process.
        tracing::error!("the thread of the runs' file has ended");
    }
}

/// Writes a group, waiting for room if there is none. Any other failure ends the process: memory has then more than
/// the disk, and no call may see that.
fn write(file: &mut LogFile, group: &[Transition], synced: &Watched<Synced>, applied: Position) {
    while let Err(error) = file.write(group, applied) {
        if !error.is_full() {
            end_process(&error);
        }
        if !synced.get().log_is_full {
            tracing::warn!("the disk is full: nothing is accepted until there is room");
            synced.update(|synced| synced.log_is_full = true);
        }
        thread::sleep(FULL_RETRY);
    }
}
