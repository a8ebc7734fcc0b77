//! What a check found out, put together.

use serde::{Deserialize, Serialize};

use super::{
    changes::Change,
    verdict::{CheckedRun, RunVerdict, Tally},
};

/// Runs that a report names; more are counted. Bounds what a check of many runs keeps in memory.
pub const MAX_LISTED_RUNS: usize = 1_000;

/// What a check of a candidate found out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GateReport {
    /// How the candidate differs from the module that serves its types now.
    pub changes: Vec<Change>,
    /// How many open runs got which verdict.
    pub runs: Tally,
    /// Runs that do not agree, the first [`MAX_LISTED_RUNS`].
    pub disagree: Vec<CheckedRun>,
    /// Further runs that do not agree.
    pub omitted: u64,
}

impl GateReport {
    /// A report of a candidate with these differences, before any run is checked.
    #[must_use]
    pub fn new(changes: Vec<Change>) -> Self {
        Self { changes, ..Self::default() }
    }

    /// The same with so many runs named at most, for places where it is kept.
    #[must_use]
    pub fn shortened(&self, runs: usize) -> Self {
        let mut shortened = self.clone();
        shortened.disagree.truncate(runs);
        shortened.omitted += (self.disagree.len() - shortened.disagree.len()) as u64;
        shortened
    }

    /// Adds a run.
    pub fn add(&mut self, run: &CheckedRun) {
        self.runs.add(&run.verdict);
        match run.verdict {
            RunVerdict::Agrees => {}
            RunVerdict::Differs { .. } | RunVerdict::CannotTell { .. } => {
                if self.disagree.len() < MAX_LISTED_RUNS {
                    self.disagree.push(run.clone());
                } else {
                    self.omitted += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::verdict::WhyUnknown;

    #[test]
    fn runs_are_named_up_to_a_bound_and_counted_beyond() {
        let mut report = GateReport::default();
        let run = |verdict| CheckedRun {
            workflow_id: String::new(),
            run_id: String::new(),
            workflow_type: String::new(),
            verdict,
        };
        for _ in 0..MAX_LISTED_RUNS + 2 {
            report.add(&run(RunVerdict::unknown(WhyUnknown::Gone, "")));
            report.add(&run(RunVerdict::Agrees));
        }
        assert_eq!((report.disagree.len(), report.omitted), (MAX_LISTED_RUNS, 2));
        let shortened = report.shortened(10);
        assert_eq!((shortened.disagree.len(), shortened.omitted), (10, MAX_LISTED_RUNS as u64 - 8));
        assert_eq!(report.runs.checked(), 2 * (MAX_LISTED_RUNS as u64 + 2));
    }
}
