//! Checks the open runs of a service on a module.

use std::{num::NonZeroUsize, sync::Arc, thread};

use host_service::WorkflowService;
use tokio::task::{JoinError, JoinSet};
use tonic::Status;

use super::{
    replayed::Replays,
    runs::{OpenRun, OpenRuns, RunSelection},
    verdict::{CheckedRun, RunVerdict, Tally, WhyUnknown},
};
use crate::{
    modules::LoadedModule,
    workflow::{Lane, SandboxThreads},
};

/// Runs that are fetched and replayed at once, per processor: while some wait for the service, others are replayed.
const RUNS_PER_CPU: usize = 4;
/// Most runs at once. Each holds a guest and a page of history. Fewer than the places of slow work, so that none is
/// refused.
const MAX_RUNS: usize = 32;

/// Checks the open runs of a service on a module, and changes neither.
#[derive(Clone)]
pub struct Gate {
    replays: Replays,
}

/// Why a check did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// The service does not list runs: it cannot be reached, or does not take the filter.
    #[error("list open runs: {}", .0.message())]
    List(Status),
}

/// How far a check is.
#[derive(Debug)]
#[non_exhaustive]
pub enum GateProgress<'a> {
    /// It begins; the service counted about so many runs, if it counts.
    Begins {
        /// Runs to check.
        about: Option<u64>,
    },
    /// A run was checked.
    Checked(&'a CheckedRun),
}

impl Gate {
    /// A check of the open runs of a namespace. A check that runs beside workers takes [`Lane::Slow`].
    #[must_use]
    pub fn new(
        service: Arc<dyn WorkflowService>,
        namespace: impl Into<String>,
        module: Arc<LoadedModule>,
        threads: Arc<SandboxThreads>,
        lane: Lane,
    ) -> Self {
        let (namespace, explained) = (namespace.into(), Arc::default());
        Self { replays: Replays { service, namespace, module, threads, lane, explained } }
    }

    /// The guests that are alive at one time while a check goes on: what the engine of the module needs room for.
    #[must_use]
    pub fn guests() -> usize {
        let cpus = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        (cpus * RUNS_PER_CPU).min(MAX_RUNS)
    }

    /// Replays the selected runs. Says how far it is after every run.
    ///
    /// # Errors
    ///
    /// When the service does not list runs. What goes wrong with one run is its verdict.
    pub async fn check(
        &self,
        selection: &RunSelection,
        mut progress: impl FnMut(GateProgress<'_>),
    ) -> Result<Tally, GateError> {
        let Replays { service, namespace, module, .. } = &self.replays;
        let types: Vec<&str> = module.types().collect();
        let mut runs = OpenRuns::new(Arc::clone(service), namespace.clone(), &types, selection);
        progress(GateProgress::Begins { about: runs.count().await });
        let mut tally = Tally::default();
        let mut done = |run: CheckedRun| {
            tally.add(&run.verdict);
            progress(GateProgress::Checked(&run));
        };
        let mut checks = JoinSet::new();
        loop {
            let page = runs.next().await.map_err(GateError::List)?;
            if page.is_empty() {
                break;
            }
            for run in page {
                if checks.len() >= Self::guests()
                    && let Some(ended) = checks.join_next().await
                {
                    done(ended.unwrap_or_else(lost));
                }
                checks.spawn(checked(self.replays.clone(), run));
            }
        }
        while let Some(ended) = checks.join_next().await {
            done(ended.unwrap_or_else(lost));
        }
        Ok(tally)
    }
}

async fn checked(replays: Replays, run: OpenRun) -> CheckedRun {
    let verdict = replays.verdict(&run).await;
    let OpenRun { execution, workflow_type } = run;
    CheckedRun { workflow_id: execution.workflow_id, run_id: execution.run_id, workflow_type, verdict }
}

/// A run whose check panicked: a bug of the host. Which run it was is not known any more.
fn lost(error: JoinError) -> CheckedRun {
    let verdict = RunVerdict::unknown(WhyUnknown::Host, error.to_string());
    CheckedRun { workflow_id: String::new(), run_id: String::new(), workflow_type: String::new(), verdict }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("module", &self.replays.module).finish_non_exhaustive()
    }
}
