//! What is known of runs that may leave their module: which modules did not take them, and how often their own has
//! failed the same task.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use host_sandbox::Digest;

/// Failures of one task, all alike, after which the run may move to a newer module.
const FAILURES_TO_HEAL: u32 = 3;

/// Runs of which each is remembered. Beyond, all are forgotten: a run is then tried again on a module that did not take
/// it, or counted anew.
const MAX_RUNS: usize = 100_000;

/// What is known of runs that may leave their module.
#[derive(Debug)]
pub(crate) struct Moves {
    heals: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By run id, the module that did not replay the run, or did not complete its task.
    declined: HashMap<String, Digest>,
    /// By run id.
    failing: HashMap<String, Failing>,
}

#[derive(Debug)]
struct Failing {
    /// The `WorkflowTaskStarted` event of the task before: names the task through all of its attempts.
    after: i64,
    module: Digest,
    message: String,
    times: u32,
}

impl Moves {
    /// `heals`: whether a run whose module fails it may move by itself.
    pub(crate) fn new(heals: bool) -> Self {
        Self { heals, state: Mutex::default() }
    }

    pub(crate) fn heals(&self) -> bool {
        self.heals
    }

    /// Whether a run did not fit a module before.
    pub(crate) fn has_declined(&self, run_id: &str, module: &Digest) -> bool {
        self.state().declined.get(run_id) == Some(module)
    }

    /// A run did not fit a module. It is not tried on that one again.
    pub(crate) fn decline(&self, run_id: &str, module: Digest) {
        bounded(&mut self.state().declined).insert(run_id.to_owned(), module);
    }

    /// A module failed a task of a run. Whether that happened so often, and always alike, that the run may leave it.
    pub(crate) fn failed(&self, run_id: &str, after: i64, module: Digest, message: &str) -> bool {
        let mut state = self.state();
        let known = state.failing.get_mut(run_id);
        let alike =
            |known: &&mut Failing| known.after == after && known.module == module && known.message == message;
        if let Some(known) = known.filter(|known| alike(known)) {
            known.times += 1;
            return known.times >= FAILURES_TO_HEAL;
        }
        let failing = Failing { after, module, message: message.to_owned(), times: 1 };
        bounded(&mut state.failing).insert(run_id.to_owned(), failing);
        false
    }

    /// A task of a run was executed.
    pub(crate) fn executed(&self, run_id: &str) {
        self.state().failing.remove(run_id);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done where this is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bounded<T>(runs: &mut HashMap<String, T>) -> &mut HashMap<String, T> {
    if runs.len() >= MAX_RUNS {
        runs.clear();
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Digest = Digest([1; 32]);
    const B: Digest = Digest([2; 32]);

    #[test]
    fn the_third_failure_of_a_task_counts_if_all_are_alike() {
        let moves = Moves::new(true);
        let failed = |after, module, message| moves.failed("run", after, module, message);
        assert_eq!([failed(3, A, "x"), failed(3, A, "x"), failed(3, A, "x")], [false, false, true]);
        assert_eq!([failed(3, A, "y"), failed(3, A, "x"), failed(3, A, "x")], [false; 3], "other messages");
        assert_eq!([failed(6, A, "x"), failed(6, A, "x")], [false; 2], "another task");
        assert_eq!([failed(6, B, "x"), failed(6, B, "x")], [false; 2], "another module");
        moves.executed("run");
        assert_eq!([failed(6, B, "x"), failed(6, B, "x"), failed(6, B, "x")], [false, false, true]);
        assert!(!moves.failed("other", 6, B, "x"));
    }

    #[test]
    fn a_module_that_did_not_take_a_run_is_not_tried_again() {
        let moves = Moves::new(true);
        moves.decline("run", A);
        assert!(moves.has_declined("run", &A) && !moves.has_declined("run", &B));
        assert!(!moves.has_declined("other", &A));
        moves.decline("run", B);
        assert!(moves.has_declined("run", &B));
    }
}
