//! The canary of a catalog: which new runs its module executes, and its state on disk.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use host_sandbox::Digest;

use super::{
    Candidate, Catalog, CatalogError,
    state::{Canary, State},
    stored_module,
};
use crate::modules::{
    LoadedModule,
    audit::AuditEntry,
    build_id,
    canary::{CanaryState, CanaryTurn},
};

/// How often the state is written while nothing happens: what a kill loses of counts and time.
const SAVE_INTERVAL: Duration = Duration::from_secs(5);

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
                && canary.state.takes(&digest, workflow_id)
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
        let counts = &mut canary.state.counts;
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
        drop(state);
        let word = |failed: bool| if failed { "failed" } else { "completed" };
        host_telemetry::CANARY_TASKS.add([word(task_failed)], u64::from(is_first));
        if let Some(failed) = run_failed {
            host_telemetry::CANARY_RUNS.count([word(failed)]);
        }
        if task_failed || run_failed == Some(true) {
            self.canary_failed.notify_one();
        }
    }

    /// Waits until a task or a run of the canary has failed.
    pub(crate) async fn canary_failed(&self) {
        self.canary_failed.notified().await;
    }

    /// The canary, and how far it is.
    #[must_use]
    pub fn canary(&self) -> Option<CanaryState> {
        self.state().canary.as_ref().map(|canary| canary.state.clone())
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
        store.write_canary(&state, Some(entry))?;
        self.state().canary = Some(canary(module, state));
        drop(store);
        self.changed();
        Ok(())
    }

    /// Goes on with the canary that was under way when the last host of the data folder ended. Gives its state.
    ///
    /// # Errors
    ///
    /// When the store cannot be used, or its module not be loaded. That module serves no new runs then.
    pub fn resume_canary(&self) -> Result<Option<CanaryState>, CatalogError> {
        let Some(state) = self.store().canary()? else { return Ok(None) };
        let candidate = self.kept_candidate(&state)?;
        let mut known = self.state();
        if check_news(&known, &candidate.module).is_err() {
            // It was promoted.
            return Ok(None);
        }
        known.canary = Some(canary(candidate.module, state.clone()));
        drop(known);
        self.changed();
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

    /// Adds the time that has passed, and says what becomes of the canary now. Nothing when there is none.
    ///
    /// # Errors
    ///
    /// When its state cannot be written; it goes on all the same.
    pub(crate) fn canary_turn(&self, save: bool) -> Result<Option<(CanaryState, CanaryTurn)>, CatalogError> {
        let mut store = self.store();
        let (state, turn, saves) = {
            let mut known = self.state();
            let Some(canary) = &mut known.canary else { return Ok(None) };
            let now = Instant::now();
            canary.state.pass(now.duration_since(canary.since));
            canary.since = now;
            let saves = save || now.duration_since(canary.saved) >= SAVE_INTERVAL;
            if saves {
                canary.saved = now;
            }
            let turn = canary.state.turn();
            // What is given up takes no more runs, also while that cannot be written.
            canary.is_over |= matches!(turn, CanaryTurn::GoBack(_));
            (canary.state.clone(), turn, saves)
        };
        if saves {
            store.write_canary(&state, None)?;
        }
        Ok(Some((state, turn)))
    }

    /// Begins the next step of a canary, if it is at this one.
    ///
    /// # Errors
    ///
    /// When that cannot be written: then nothing changes.
    pub(crate) fn step_canary(&self, from: &CanaryState, entry: &AuditEntry) -> Result<(), CatalogError> {
        let mut store = self.store();
        let next = {
            let known = self.state();
            let is_at =
                |canary: &&Canary| canary.state.digest == from.digest && canary.state.step == from.step;
            let Some(canary) = known.canary.as_ref().filter(is_at) else { return Ok(()) };
            CanaryState { step: from.step + 1, elapsed_ms: 0, ..canary.state.clone() }
        };
        store.write_canary(&next, Some(entry))?;
        let mut known = self.state();
        if let Some(canary) = &mut known.canary {
            canary.state.step = next.step;
            canary.state.elapsed_ms = 0;
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
        Ok(true)
    }
}

fn canary(module: Arc<LoadedModule>, state: CanaryState) -> Canary {
    let now = Instant::now();
    Canary { module, state, since: now, saved: now, is_over: false }
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
