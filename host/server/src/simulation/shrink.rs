//! Leaves out of a simulation that failed what its failure does not need.

use super::{
    Outcome,
    plan::{Plan, Trouble},
};

/// Simulations that are tried at most.
const TRIES: usize = 400;

/// A simulation that failed, as short as it was found.
#[derive(Debug)]
pub(super) struct Shrunk {
    pub(super) plan: Plan,
    pub(super) outcome: Outcome,
    tries: usize,
}

impl Shrunk {
    /// Leaves out kinds of trouble, then the end of the chaos, then calls of clients, while something is still violated.
    pub(super) fn of(plan: Plan, outcome: Outcome, run: impl Fn(Plan) -> Outcome) -> Self {
        let mut shrunk = Self { plan, outcome, tries: 0 };
        for trouble in Trouble::ALL {
            shrunk.attempt(&run, |plan| {
                plan.cuts.troubles.insert(trouble);
            });
        }
        let halves = |shrunk: &mut Self| {
            let chaos = shrunk.outcome.chaos;
            [chaos / 2, chaos * 3 / 4, chaos * 9 / 10]
                .into_iter()
                .any(|shorter| shrunk.attempt(&run, |plan| plan.cuts.chaos = Some(shorter)))
        };
        while halves(&mut shrunk) {}
        shrunk.leave_out_calls(&run);
        shrunk
    }

    /// Halves of the calls, then quarters, down to each alone.
    fn leave_out_calls(&mut self, run: &impl Fn(Plan) -> Outcome) {
        let mut portion = self.outcome.calls.len().div_ceil(2);
        while portion > 0 {
            let mut from = 0;
            while from < self.outcome.calls.len() {
                let end = (from + portion).min(self.outcome.calls.len());
                let calls = self.outcome.calls[from..end].to_vec();
                // What comes after takes the place of what is gone.
                if !self.attempt(run, |plan| plan.cuts.calls.extend(calls)) {
                    from += portion;
                }
            }
            portion = if portion == 1 { 0 } else { portion.div_ceil(2) };
        }
    }

    /// Keeps a change of the plan if something is violated then, too.
    fn attempt(&mut self, run: &impl Fn(Plan) -> Outcome, change: impl FnOnce(&mut Plan)) -> bool {
        if self.tries == TRIES {
            return false;
        }
        self.tries += 1;
        let mut plan = self.plan.clone();
        change(&mut plan);
        let outcome = run(plan.clone());
        let fails = outcome.violation.is_some();
        if fails {
            (self.plan, self.outcome) = (plan, outcome);
        }
        fails
    }
}
