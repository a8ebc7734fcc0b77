//! The thread that keeps the runs' file behind the log: large portions, one sync each, and the
//! log's checkpoints.

use std::{
    sync::{
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::{
    storage::{
        damages::Damages,
        entry::Transition,
        error::{StorageError, end_process},
        expiry::Expiry,
        log_file::Checkpointer,
        mend::Mend,
        runs_file::RunsFile,
        synced::Synced,
        writer::FULL_RETRY,
    },
    watched::Watched,
};

/// How long a portion gathers. Longer makes fewer, larger writes, and a longer start after a crash.
const PORTION_TIME: Duration = Duration::from_secs(1);
/// Bytes after which a portion is written at once.
const PORTION_BYTES: usize = 8 * 1024 * 1024;

/// A message from the thread that writes the log.
#[derive(Debug)]
pub(super) enum Behind {
    /// Transitions that are on disk in the log.
    Transitions(Vec<Transition>),
    /// Delete runs that closed before these times.
    Prune(Vec<Expiry>),
    /// Change what is stored of one run.
    Mend(Mend, oneshot::Sender<()>),
}

/// What one portion brings.
#[derive(Debug, Default)]
struct Portion {
    transitions: Vec<Transition>,
    bytes: usize,
    prune: Option<Vec<Expiry>>,
    mends: Vec<(Mend, oneshot::Sender<()>)>,
}

impl Portion {
    fn take(&mut self, message: Behind) {
        match message {
            Behind::Transitions(transitions) => {
                self.bytes += transitions.iter().map(|transition| transition.entry.len()).sum::<usize>();
                self.transitions.extend(transitions);
            }
            Behind::Prune(closed_before) => self.prune = Some(closed_before),
            Behind::Mend(mend, done) => self.mends.push((mend, done)),
        }
    }
}

/// Writes portions until the thread that writes the log ends, and then the rest.
pub(super) fn run(
    mut file: RunsFile,
    checkpointer: &Checkpointer,
    receiver: &Receiver<Behind>,
    synced: &Watched<Synced>,
    applied: &AtomicU64,
    backlog: &AtomicUsize,
    damages: &Damages,
) {
    let mut ends = false;
    while !ends {
        let Ok(first) = receiver.recv() else { return };
        let portion = gather(first, receiver, &mut ends);
        if ends {
            // If this fails, the next start takes the rest from the log.
            if let Err(error) = file.apply(&portion.transitions, synced.get().position) {
                tracing::warn!(%error, "failed to bring the runs' file to the end of the log");
            }
            return;
        }
        retried(synced, || file.apply(&portion.transitions, synced.get().position));
        for (mend, done) in portion.mends {
            retried(synced, || file.mend(&mend));
            if let Mend::Delete(number) = mend {
                damages.remove(number);
            }
            // The caller may have gone.
            let _ = done.send(());
        }
        applied.store(file.applied(), Ordering::Release);
        let bytes = portion.transitions.iter().map(|transition| transition.bytes).sum();
        backlog.fetch_sub(bytes, Ordering::Relaxed);
        if let Err(error) = checkpointer.checkpoint() {
            // The WAL of the log grows until a checkpoint works again.
            tracing::warn!(%error, "failed to move the log's WAL into its file");
        }
        for (namespace, closed_before) in portion.prune.iter().flatten() {
            while retried(synced, || file.prune(namespace, *closed_before)) {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a portion gathers changes nothing in it")]
fn gather(first: Behind, receiver: &Receiver<Behind>, ends: &mut bool) -> Portion {
    let until = Instant::now() + PORTION_TIME;
    let mut portion = Portion::default();
    let mut next = first;
    loop {
        portion.take(next);
        if portion.bytes >= PORTION_BYTES {
            break;
        }
        next = match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(next) => next,
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => {
                *ends = true;
                break;
            }
        };
    }
    portion
}

/// Repeats work until there is room for it. Any other failure ends the process: nothing is lost, because the log has
/// it.
fn retried<T>(synced: &Watched<Synced>, mut work: impl FnMut() -> Result<T, StorageError>) -> T {
    loop {
        match work() {
            Ok(done) => {
                if synced.get().runs_are_full {
                    synced.update(|synced| synced.runs_are_full = false);
                }
                return done;
            }
            Err(error) if error.is_full() => {
                if !synced.get().runs_are_full {
                    tracing::warn!("the disk is full: nothing is accepted until there is room");
                    synced.update(|synced| synced.runs_are_full = true);
                }
                thread::sleep(FULL_RETRY);
            }
            Err(error) => end_process(&error),
        }
    }
}
