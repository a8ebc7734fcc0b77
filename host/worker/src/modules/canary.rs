//! A canary: a candidate that executes a part of the new runs, in steps, and is watched meanwhile. Which runs, how it is
//! judged, and what is kept of it; `swap` carries it out.

mod share;
mod timed_out;

use std::time::Duration;

use host_sandbox::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
pub use share::{BadShare, Share};
pub use timed_out::TimedOutRuns;

use super::policy::SwapPolicy;

/// Steps of a plan.
pub const MAX_STEPS: usize = 100;

/// How a candidate gets more and more of the new runs, and what ends that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CanaryPlan {
    /// One after another.
    pub steps: Vec<CanaryStep>,
    /// The candidate is given up when more of its workflow tasks fail.
    pub max_failed_tasks: Share,
    /// The candidate is given up when more of its runs fail.
    pub max_failed_runs: Share,
    /// Fewer tasks, or runs, say nothing: no rate is looked at, and no step ends.
    pub min_count: u64,
    /// The policy of the swap at the end. Nothing: that of the host.
    pub policy: Option<SwapPolicy>,
}

/// A step of a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CanaryStep {
    /// The part of the new runs that the candidate executes.
    pub share: Share,
    /// How long, in milliseconds. Nothing: until it is promoted or stopped by hand; all runs without an end are a promotion.
    pub lasts_ms: Option<u64>,
}

/// What became of workflow tasks and runs that a candidate executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CanaryCounts {
    /// Workflow tasks, by their first attempt.
    pub tasks: u64,
    /// Those that failed by a fault of the guest, a limit, or a difference from history.
    pub failed_tasks: u64,
    /// Runs that ended by themselves or timed out.
    pub runs: u64,
    /// Those that failed or timed out.
    pub failed_runs: u64,
    /// Those that timed out: at their run or execution timeout, which the service ends them at.
    #[serde(default)]
    pub timed_out_runs: u64,
}

/// A canary, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CanaryState {
    /// The SHA-256 of the candidate's bytes.
    pub digest: String,
    /// The file that it came from.
    pub file: String,
    /// The user and process that asked for it.
    pub who: String,
    /// Steps and bounds.
    pub plan: CanaryPlan,
    /// The step that goes on, from 0.
    pub step: usize,
    /// How long it has gone on while a host ran, in milliseconds. A clock that is set does not change it.
    pub elapsed_ms: u64,
    /// What became of its tasks and runs.
    pub counts: CanaryCounts,
    /// Which runs that timed out are counted.
    #[serde(default)]
    pub timed_out: TimedOutRuns,
}

/// Why a plan is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPlan {
    /// There are no steps, or too many.
    #[error("a canary has 1 to {MAX_STEPS} steps, not {0}")]
    Steps(usize),
    /// The share does not grow.
    #[error("step {0} gives the candidate no more of the new runs than the one before")]
    DoesNotGrow(usize),
    /// Only the last step goes on until it is ended by hand.
    #[error("step {0} has no duration, and another step follows")]
    Endless(usize),
}

/// What becomes of a canary now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CanaryTurn {
    /// It goes on as it is.
    GoOn,
    /// The next step begins.
    Step,
    /// The candidate takes all new runs.
    Promote,
    /// The candidate takes none any more, for this reason.
    GoBack(String),
}

impl CanaryPlan {
    /// Checks that each step but the last has an end, and that shares grow.
    ///
    /// # Errors
    ///
    /// When they do not.
    pub fn check(&self) -> Result<(), BadPlan> {
        let steps = &self.steps;
        if steps.is_empty() || steps.len() > MAX_STEPS {
            return Err(BadPlan::Steps(steps.len()));
        }
        let number = |place: usize| place + 1;
        if let Some(place) = steps.windows(2).position(|pair| pair[0].share >= pair[1].share) {
            return Err(BadPlan::DoesNotGrow(number(place + 1)));
        }
        let endless = steps.iter().take(steps.len() - 1).position(|step| step.lasts_ms.is_none());
        endless.map_or(Ok(()), |place| Err(BadPlan::Endless(number(place))))
    }
}

impl CanaryState {
    /// The part of the new runs that the candidate executes now.
    #[must_use]
    pub fn share(&self) -> Share {
        self.plan.steps.get(self.step).map_or(Share::NONE, |step| step.share)
    }

    /// Adds what was counted, and the time that has passed.
    pub(crate) fn add(&mut self, counts: CanaryCounts, time: Duration) {
        self.counts = self.counts + counts;
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.elapsed_ms = self.elapsed_ms.saturating_add(milliseconds);
    }

    /// Counts the runs that timed out, when so many did in the present window. Whether anything changed.
    pub(crate) fn count_timed_out(&mut self, in_window: u64) -> bool {
        let before = self.timed_out;
        let all = self.timed_out.all(in_window);
        let new = all.saturating_sub(self.counts.timed_out_runs);
        let counts = CanaryCounts { runs: new, failed_runs: new, timed_out_runs: new, ..Default::default() };
        self.counts = self.counts + counts;
        new > 0 || self.timed_out != before
    }

    /// How long until its step is over, if nothing fails. Nothing when it goes on until it has more tasks, or until a person
    /// ends it.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let lasts = self.plan.steps.get(self.step)?.lasts_ms?;
        let is_enough = self.counts.tasks >= self.plan.min_count;
        (is_enough && self.elapsed_ms < lasts).then(|| Duration::from_millis(lasts - self.elapsed_ms))
    }

    /// What becomes of it now.
    #[must_use]
    pub fn turn(&self) -> CanaryTurn {
        let CanaryPlan { steps, max_failed_tasks, max_failed_runs, min_count, .. } = &self.plan;
        let CanaryCounts { tasks, failed_tasks, runs, failed_runs, .. } = self.counts;
        let rates = [
            ("workflow tasks", failed_tasks, tasks, *max_failed_tasks),
            ("runs", failed_runs, runs, *max_failed_runs),
        ];
        for (what, failed, all, bound) in rates {
            if all >= *min_count && bound.is_passed(failed, all) {
                return CanaryTurn::GoBack(format!("{failed} of {all} {what} failed, and {bound} may"));
            }
        }
        let Some(step) = steps.get(self.step) else { return CanaryTurn::GoOn };
        let is_over = step.lasts_ms.is_some_and(|lasts| self.elapsed_ms >= lasts);
        match steps.get(self.step + 1) {
            // Time alone shows nothing.
            _ if tasks < *min_count => CanaryTurn::GoOn,
            Some(next) if is_over && next.is_promotion() => CanaryTurn::Promote,
            Some(_) if is_over => CanaryTurn::Step,
            None if step.is_promotion() || is_over && step.share == Share::ALL => CanaryTurn::Promote,
            Some(_) | None => CanaryTurn::GoOn,
        }
    }

    /// Whether the candidate executes new runs of a workflow id. The same on every host, and with a larger share for all of
    /// before too.
    #[must_use]
    pub fn takes(&self, digest: &Digest, workflow_id: &str) -> bool {
        let mut hash = Sha256::new();
        // With the digest, so that not the same workflows try every candidate first.
        hash.update(digest.0);
        hash.update(workflow_id.as_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        let (first, _) = hash.split_at(4);
        let place = first.iter().fold(0_u64, |place, byte| place << 8 | u64::from(*byte));
        self.share().holds(place, 1 << 32)
    }
}

impl std::ops::Add for CanaryCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            tasks: self.tasks + other.tasks,
            failed_tasks: self.failed_tasks + other.failed_tasks,
            runs: self.runs + other.runs,
            failed_runs: self.failed_runs + other.failed_runs,
            timed_out_runs: self.timed_out_runs + other.timed_out_runs,
        }
    }
}

impl CanaryStep {
    fn is_promotion(&self) -> bool {
        self.share == Share::ALL && self.lasts_ms.is_none()
    }
}

#[cfg(test)]
mod tests;
