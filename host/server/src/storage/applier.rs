//! The thread that keeps the runs' file behind the log: large portions, one sync each, and the
//! log's checkpoints.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    storage::{
        entry::Transition,
        error::{StorageError, end_process},
        log_file::Checkpointer,
        runs_file::RunsFile,
        synced::Synced,
        writer::FULL_RETRY,
    },
    time::Time,
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
    /// Delete runs that closed before this time.
    Prune(Time),
}

/// Writes portions until the thread that writes the log ends, and then the rest.
pub(super) fn run(
    mut file: RunsFile,
    checkpointer: &Checkpointer,
    receiver: &Receiver<Behind>,
    synced: &Watched<Synced>,
    applied: &AtomicU64,
) {
    let mut ends = false;
    while !ends {
        let Ok(first) = receiver.recv() else { return };
        let (portion, prune) = gather(first, receiver, &mut ends);
        if ends {
            // If this fails, the next start takes the rest from the log.
            if let Err(error) = file.apply(&portion, synced.get().position) {
                tracing::warn!(%error, "failed to bring the runs' file to the end of the log");
            }
            return;
        }
        retried(synced, || file.apply(&portion, synced.get().position));
        applied.store(file.applied(), Ordering::Release);
        if let Err(error) = checkpointer.checkpoint() {
            // The WAL of the log grows until a checkpoint works again.
            tracing::warn!(%error, "failed to move the log's WAL into its file");
        }
        if let Some(closed_before) = prune {
            while retried(synced, || file.prune(closed_before)) {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a portion gathers changes nothing in it")]
fn gather(first: Behind, receiver: &Receiver<Behind>, ends: &mut bool) -> (Vec<Transition>, Option<Time>) {
    let until = Instant::now() + PORTION_TIME;
    let (mut portion, mut bytes, mut prune) = (Vec::new(), 0, None);
    let mut next = first;
    loop {
        match next {
            Behind::Transitions(transitions) => {
                bytes += transitions.iter().map(|transition| transition.entry.len()).sum::<usize>();
                portion.extend(transitions);
            }
            Behind::Prune(closed_before) => prune = Some(closed_before),
        }
        if bytes >= PORTION_BYTES {
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
    (portion, prune)
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
