//! How much the runs of this process may write to the host's log.
//!
//! A limit per activation is none: a workflow that fails is tried again, and logs again. So the bytes are counted by
//! run and minute, whichever attempt or guest they come from, as they are written.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Bytes that one run may write to the log in [`WINDOW`].
pub(super) const MAX_BYTES: usize = 256 << 10;

/// The time after which a run may write again.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// Runs that are counted at one time. When there are more, counting begins anew for all.
const MAX_RUNS: usize = 10_000;

/// Bytes of a line beside the texts in it: time, level, names of fields.
const LINE_BYTES: usize = 128;

/// The budgets of this process's runs.
static BUDGETS: LazyLock<Mutex<LogBudgets>> = LazyLock::new(Mutex::default);

/// What is to be done with an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Write,
    /// Write it, and before it that so many entries were dropped in an earlier window.
    WriteAfter {
        dropped: u64,
    },
    /// The first one that is dropped in this window: say so.
    DropFirst,
    Drop,
}

/// Decides about an entry of a run with so many bytes of text.
pub(super) fn admit(run_id: &str, bytes: usize) -> Verdict {
    // A panic cannot leave a budget half changed.
    let mut budgets = BUDGETS.lock().unwrap_or_else(PoisonError::into_inner);
    budgets.admit(run_id, bytes, Instant::now())
}

#[derive(Debug, Default)]
struct LogBudgets {
    runs: HashMap<String, Budget>,
}

#[derive(Debug)]
struct Budget {
    since: Instant,
    bytes: usize,
    dropped: u64,
}

impl LogBudgets {
    fn admit(&mut self, run_id: &str, bytes: usize, now: Instant) -> Verdict {
        if !self.runs.contains_key(run_id) {
            self.make_room(now);
        }
        let fresh = || Budget { since: now, bytes: 0, dropped: 0 };
        let budget = self.runs.entry(run_id.to_owned()).or_insert_with(fresh);
        let mut dropped_before = 0;
        if now.duration_since(budget.since) >= WINDOW {
            dropped_before = budget.dropped;
            *budget = fresh();
        }
        let wanted = budget.bytes.saturating_add(bytes).saturating_add(LINE_BYTES);
        if wanted > MAX_BYTES {
            budget.dropped += 1;
            return if budget.dropped == 1 { Verdict::DropFirst } else { Verdict::Drop };
        }
        budget.bytes = wanted;
        match dropped_before {
            0 => Verdict::Write,
            dropped => Verdict::WriteAfter { dropped },
        }
    }

    fn make_room(&mut self, now: Instant) {
        if self.runs.len() >= MAX_RUNS {
            self.runs.retain(|_, budget| now.duration_since(budget.since) < WINDOW);
        }
        if self.runs.len() >= MAX_RUNS {
            self.runs.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_writes_so_much_in_a_minute_and_says_once_that_it_is_cut() {
        let mut budgets = LogBudgets::default();
        let start = Instant::now();
        let entry = 1_000 - LINE_BYTES;
        let mut written = 0;
        let mut first = 0;
        for number in 0..10_000 {
            // Attempts and guests come and go: the run is the same.
            let now = start + WINDOW * number / 20_000;
            match budgets.admit("run", entry, now) {
                Verdict::Write => written += 1_000,
                Verdict::DropFirst => first += 1,
                Verdict::Drop => {}
                Verdict::WriteAfter { .. } => panic!("the minute is not over"),
            }
        }
        assert_eq!((written, first), (MAX_BYTES / 1_000 * 1_000, 1));
        assert_eq!(budgets.admit("other", entry, start), Verdict::Write);
        let dropped = 10_000 - u64::try_from(MAX_BYTES / 1_000).unwrap();
        assert_eq!(budgets.admit("run", entry, start + WINDOW), Verdict::WriteAfter { dropped });
        assert_eq!(budgets.admit("run", entry, start + WINDOW), Verdict::Write);
    }

    #[test]
    fn an_entry_is_never_larger_than_the_budget() {
        let mut budgets = LogBudgets::default();
        assert_eq!(budgets.admit("run", usize::MAX, Instant::now()), Verdict::DropFirst);
    }

    #[test]
    fn any_number_of_runs_takes_so_much_memory() {
        let mut budgets = LogBudgets::default();
        for number in 0..2 * MAX_RUNS + 1 {
            budgets.admit(&number.to_string(), 1, Instant::now());
        }
        assert!(budgets.runs.len() <= MAX_RUNS);
    }
}
