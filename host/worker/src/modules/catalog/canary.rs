//! The canary of a catalog: which new runs its module executes, and its state on disk.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use host_sandbox::Digest;
use tokio::sync::watch;

use super::{
    Candidate, Catalog, CatalogError,
    state::{Canary, State},
    stored_module,
};
use crate::modules::{
    LoadedModule,
    audit::AuditEntry,
    build_id,
    canary::{CanaryCounts, CanaryState, CanaryTurn},
};

/// How often the state is written while nothing happens: what a kill loses of counts and time.
const SAVE_INTERVAL: Duration = Duration::from_secs(5);
/// How long until what could not be done with a canary is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// What became of a workflow task on a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskOutcome {
    /// It was completed, and the run goes on.
    Completed,
    /// It was completed, and ended its run.
    Ended {
        /// Whether the run failed.
        failed: bool,
    },
    /// The module failed it.
    Failed,
}

/// Whether a host keeps the time of a canary: one of those on a data folder does, and all count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    Time,
    NoTime,
}

impl Catalog {
    /// Checks that a module would change what serves.
    ///
    /// # Errors
    ///
    /// When it serves all of its types already.
    pub(crate) fn check_news(&self, module: &LoadedModule) -> Result<(), CatalogError> {
        check_news(&self.state(), module)
    }

    /// The module for the first task of a run: that of the canary for its part of them, else the one that serves the type.
    pub(crate) fn for_new_run(&self, workflow_type: &str, workflow_id: &str) -> Option<Arc<LoadedModule>> {
        let state = self.state();
        let served = state.serving(workflow_type)?;
        let canary = state.canary.as_ref().filter(|canary| {
            let digest = canary.module.digest();
            !canary.is_over
                && runs(&state, &canary.module, workflow_type)
                && canary.stored.takes(&digest, workflow_id)
        });
        Some(Arc::clone(canary.map_or(&served.module, |canary| &canary.module)))
    }

    /// Whether a module is the canary.
    pub(crate) fn is_canary(&self, digest: &Digest) -> bool {
        self.state().canary.as_ref().is_some_and(|canary| canary.module.digest() == *digest)
    }

    /// Counts a task of the canary; one of another module is none of it. `is_first`: whether it is the task's first attempt.
    pub(crate) fn count_task(&self, digest: &Digest, is_first: bool, outcome: TaskOutcome) {
        let mut state = self.state();
        let Some(canary) = state.canary.as_mut().filter(|canary| canary.module.digest() == *digest) else {
            return;
        };
        let was_enough = canary.is_enough();
        let counts = &mut canary.counts;
        let task_failed = outcome == TaskOutcome::Failed;
        counts.tasks += u64::from(is_first);
        counts.failed_tasks += u64::from(is_first && task_failed);
        let run_failed = match outcome {
            TaskOutcome::Ended { failed } => {
                counts.runs += 1;
                counts.failed_runs += u64::from(failed);
                Some(failed)
            }
            TaskOutcome::Completed | TaskOutcome::Failed => None,
        };
        let is_enough_now = canary.is_enough() != was_enough;
        drop(state);
        let word = |failed: bool| if failed { "failed" } else { "completed" };
        host_telemetry::CANARY_TASKS.add([word(task_failed)], u64::from(is_first));
        if let Some(failed) = run_failed {
            host_telemetry::CANARY_RUNS.count([word(failed)]);
        }
        if task_failed || run_failed == Some(true) || is_enough_now {
            self.canary_news.send_replace(());
        }
    }

    /// Changes when there may be something to do for the canary.
    pub(crate) fn canary_news(&self) -> watch::Receiver<()> {
        self.canary_news.subscribe()
    }

    /// How long until the canary is looked at, where nothing of it is news. Nothing: there is none.
    pub(crate) fn canary_pause(&self) -> Option<Duration> {
        let canary = self.canary()?;
        if canary.turn() != CanaryTurn::GoOn {
            return Some(RETRY_INTERVAL);
        }
        Some(canary.time_left().unwrap_or(SAVE_INTERVAL).min(SAVE_INTERVAL))
    }

    /// The canary, and how far it is.
    #[must_use]
    pub fn canary(&self) -> Option<CanaryState> {
        self.state().canary.as_ref().map(Canary::state)
    }

    /// Has a candidate execute a part of the new runs.
    ///
    /// # Errors
    ///
    /// When there is a canary, no module serves its types or it does so itself, or it cannot be kept: then nothing changes.
    pub fn begin_canary(
        &self,
        candidate: Candidate,
        state: CanaryState,
        entry: &AuditEntry,
    ) -> Result<(), CatalogError> {
        let Candidate { path, signed, module, .. } = candidate;
        let mut store = self.store();
        {
            let known = self.state();
            if let Some(canary) = &known.canary {
                return Err(CatalogError::CanaryRuns { digest: canary.module.digest() });
            }
            let types: Vec<&str> = module.types().collect();
            if known.files_that_serve(&types).is_empty() {
                return Err(CatalogError::NoFile { path });
            }
            check_news(&known, &module)?;
        }
        store.keep(&module.digest(), &signed.bytes, signed.signature.as_deref())?;
        store.begin_canary(&state, entry)?;
        self.state().canary = Some(Canary::new(module, state));
        drop(store);
        self.changed();
        self.canary_news.send_replace(());
        Ok(())
    }

    /// Goes on with the canary of the store: one that was under way when the last host of the data folder ended, or that
    /// another host has begun. Gives its state.
    ///
    /// # Errors
    ///
    /// When the store cannot be used, or its module not be loaded. That module serves no new runs then.
    pub fn resume_canary(&self) -> Result<Option<CanaryState>, CatalogError> {
        let Some(state) = self.store().canary()? else { return Ok(None) };
        let candidate = self.kept_candidate(&state)?;
        // It may have ended while it was loaded.
        let store = self.store();
        let Some(state) = store.canary()?.filter(|now| now.digest == state.digest) else { return Ok(None) };
        let mut known = self.state();
        if check_news(&known, &candidate.module).is_err() {
            // It was promoted.
            return Ok(None);
        }
        known.canary = Some(Canary::new(candidate.module, state.clone()));
        drop(known);
        drop(store);
        self.changed();
        self.canary_news.send_replace(());
        Ok(Some(state))
    }

    /// The module of the canary as a candidate for all new runs.
    ///
    /// # Errors
    ///
    /// When there is none, or its module cannot be loaded.
    pub fn canary_candidate(&self) -> Result<Candidate, CatalogError> {
        let state = self.canary().ok_or(CatalogError::NoCanary)?;
        self.kept_candidate(&state)
    }

    fn kept_candidate(&self, state: &CanaryState) -> Result<Candidate, CatalogError> {
        let digest = build_id::parse_digest(&state.digest).ok_or(CatalogError::NoCanary)?;
        let kept = stored_module(&self.store(), &digest)?.ok_or(CatalogError::NotAdmitted { digest })?;
        self.candidate_of((&state.file).into(), kept)
    }

    /// Says what becomes of the canary now, and writes its counts and time where that was not done for a while or is asked
    /// for. Nothing when there is none.
    ///
    /// # Errors
    ///
    /// When they cannot be written; it goes on all the same.
    pub(crate) fn canary_turn(&self, save: bool) -> Result<Option<(CanaryState, CanaryTurn)>, CatalogError> {
        let (state, turn, saves) = {
            let mut known = self.state();
            let Some(canary) = &mut known.canary else { return Ok(None) };
            let state = canary.state();
            let turn = state.turn();
            // What is given up takes no more runs, also while that cannot be written.
            canary.is_over |= matches!(turn, CanaryTurn::GoBack(_));
            (state, turn, save || canary.saved.elapsed() >= SAVE_INTERVAL)
        };
        if saves {
            self.save_canary(&state.digest, Keeps::Time)?;
        }
        Ok(Some((state, turn)))
    }

    /// This host keeps the time of the canary from now on.
    pub(crate) fn keep_canary_time(&self) {
        if let Some(canary) = &mut self.state().canary {
            canary.saved = Instant::now();
        }
    }

    /// Writes what was counted here, for the host that keeps the canary's time.
    ///
    /// # Errors
    ///
    /// When it cannot be written: then it is tried with the next one.
    pub(crate) fn add_canary_counts(&self) -> Result<(), CatalogError> {
        let counted = {
            let state = self.state();
            let canary = state.canary.as_ref().filter(|canary| canary.counts != CanaryCounts::default());
            canary.map(|canary| canary.stored.digest.clone())
        };
        counted.map_or(Ok(()), |digest| self.save_canary(&digest, Keeps::NoTime))
    }

    /// Adds what was counted here, and the time that has passed, to what the store has.
    fn save_canary(&self, digest: &str, keeps: Keeps) -> Result<(), CatalogError> {
        let mut store = self.store();
        let (counts, since, now) = {
            let mut known = self.state();
            let Some(canary) = known.canary_of(digest) else { return Ok(()) };
            let now = Instant::now();
            (std::mem::take(&mut canary.counts), std::mem::replace(&mut canary.saved, now), now)
        };
        let add = |state: &mut CanaryState| {
            let time = if keeps == Keeps::Time { now.duration_since(since) } else { Duration::ZERO };
            state.add(counts, time);
            true
        };
        let written = store.update_canary(digest, add, None);
        let mut known = self.state();
        let Some(canary) = known.canary_of(digest) else { return Ok(()) };
        match written {
            Ok(stored) => canary.stored = stored.unwrap_or_else(|| canary.stored.clone()),
            Err(error) => {
                canary.counts = canary.counts + counts;
                canary.saved = since;
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Takes note of how many runs of a canary have timed out.
    ///
    /// # Errors
    ///
    /// When that cannot be written: then it is as before.
    pub(crate) fn count_timed_out(
        &self,
        digest: &str,
        count: impl FnOnce(&mut CanaryState) -> bool,
    ) -> Result<(), CatalogError> {
        let mut store = self.store();
        let Some(stored) = store.update_canary(digest, count, None)? else { return Ok(()) };
        let mut known = self.state();
        let Some(canary) = known.canary_of(digest) else { return Ok(()) };
        let new = stored.counts.timed_out_runs.saturating_sub(canary.stored.counts.timed_out_runs);
        canary.stored = stored;
        drop(known);
        if new > 0 {
            host_telemetry::CANARY_RUNS.add(["timed_out"], new);
            self.canary_news.send_replace(());
        }
        Ok(())
    }

    /// Begins the next step of a canary, if it is at this one.
    ///
    /// # Errors
    ///
    /// When that cannot be written: then nothing changes.
    pub(crate) fn step_canary(&self, from: &CanaryState, entry: &AuditEntry) -> Result<(), CatalogError> {
        let mut store = self.store();
        let next = |state: &mut CanaryState| {
            let is_at = state.step == from.step;
            if is_at {
                (state.step, state.elapsed_ms) = (from.step + 1, 0);
            }
            is_at
        };
        let Some(stored) = store.update_canary(&from.digest, next, Some(entry))? else { return Ok(()) };
        if let Some(canary) = self.state().canary_of(&from.digest) {
            (canary.stored, canary.saved) = (stored, Instant::now());
        }
        Ok(())
    }

    /// Ends a canary: its module executes no new runs any more. Whether there was one of this digest.
    ///
    /// # Errors
    ///
    /// When that cannot be written: then it goes on after a restart.
    pub(crate) fn end_canary(&self, digest: &str, entry: &AuditEntry) -> Result<bool, CatalogError> {
        let mut store = self.store();
        let is_this = |state: &CanaryState| state.digest == digest;
        let in_memory = self.canary().filter(is_this).is_some();
        if !in_memory && store.canary()?.filter(is_this).is_none() {
            return Ok(false);
        }
        store.end_canary(entry)?;
        self.state().canary = None;
        drop(store);
        // Tasks that it failed wait for another module.
        self.changed();
        self.canary_news.send_replace(());
        Ok(true)
    }
}

/// Whether a module would run a type, if it served.
fn runs(state: &State, module: &LoadedModule, workflow_type: &str) -> bool {
    let defines = |name: &str| module.types().any(|own| own == name);
    defines(workflow_type) || state.defining(workflow_type).is_none() && defines("")
}

/// Refuses a module that serves all of its types already.
fn check_news(state: &State, module: &LoadedModule) -> Result<(), CatalogError> {
    let is_served =
        |name: &str| state.defining(name).is_some_and(|served| served.module.digest() == module.digest());
    if module.types().all(is_served) {
        return Err(CatalogError::Serves { digest: module.digest() });
    }
    Ok(())
}
