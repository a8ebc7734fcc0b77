//! Runs between their tasks, in the cache that the workers of a host share, and the claim of a task on
//! its run.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use host_wire::temporal::api::{
    common::v1::WorkflowExecution, workflowservice::v1::PollWorkflowTaskQueueResponse,
};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::{
    cache::{Begin, CacheLimits, RunCache, TaskKind},
    history::PolledHistory,
    run::RunDriver,
};
use crate::counters::CacheCounters;

/// The cache that all workers of a host share.
#[derive(Debug)]
pub(crate) struct SharedCache {
    runs: Mutex<RunCache<CachedRun, PolledWorkflow>>,
    counters: watch::Sender<CacheCounters>,
}

/// A workflow task, or a query on its own, and the slot in which it is worked on.
#[derive(Debug)]
pub(crate) struct PolledWorkflow {
    pub(crate) task: Box<PollWorkflowTaskQueueResponse>,
    pub(crate) slot: OwnedSemaphorePermit,
}

/// A run between two tasks.
pub(crate) struct CachedRun {
    pub(crate) driver: Box<RunDriver>,
    /// The highest event id that it has been fed.
    pub(crate) known: i64,
    /// The `WorkflowTaskStarted` event of the last task that the service took.
    pub(crate) last_started: i64,
}

/// A task that has its run to itself.
#[derive(Debug)]
pub(crate) struct ClaimedTask {
    pub(crate) claim: RunClaim,
    pub(crate) polled: PolledWorkflow,
    /// Nothing when the run was not cached.
    pub(crate) run: Option<CachedRun>,
}

/// The right to work on a run. Other tasks of the run wait until it is handed back. Dropping it gives
/// the run up, and the tasks that wait for it: they time out.
#[derive(Debug)]
pub(crate) struct RunClaim {
    cache: Arc<SharedCache>,
    run_id: String,
    is_handed_back: bool,
}

impl SharedCache {
    pub(crate) fn new(limits: CacheLimits) -> Self {
        Self { runs: Mutex::new(RunCache::new(limits)), counters: watch::Sender::default() }
    }

    /// The numbers of this cache, as they change.
    pub(crate) fn counters(&self) -> watch::Receiver<CacheCounters> {
        self.counters.subscribe()
    }

    /// Claims the run of a task. Nothing when another task has it: then this one waits in the cache.
    pub(crate) fn claim(self: &Arc<Self>, polled: PolledWorkflow) -> Option<ClaimedTask> {
        let run_id = execution(&polled.task).run_id;
        let kind = if polled.is_query() { TaskKind::Query } else { TaskKind::Workflow };
        let begun = self.update(|runs| runs.begin(&run_id, kind, polled));
        let Begin::Start { task: polled, run } = begun else { return None };
        let claim = RunClaim { cache: Arc::clone(self), run_id, is_handed_back: false };
        Some(ClaimedTask { claim, polled, run })
    }

    /// Changes the cache. What `change` returns is dropped after the lock is released: evicted runs take
    /// a while.
    fn update<T>(&self, change: impl FnOnce(&mut RunCache<CachedRun, PolledWorkflow>) -> T) -> T {
        let mut runs: MutexGuard<'_, _> = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut runs);
        let now = runs.counters();
        self.counters.send_if_modified(|counters| std::mem::replace(counters, now) != now);
        changed
    }
}

impl RunClaim {
    /// Puts the run back into the cache; without one, forgets it. Goes on with the task that waited longest,
    /// if there is one.
    pub(crate) fn hand_back(mut self, run: Option<CachedRun>) -> Option<ClaimedTask> {
        let kept = run.map(|run| {
            let bytes = run.driver.memory_bytes();
            (run, bytes)
        });
        let finished = self.cache.update(|runs| runs.finish(&self.run_id, kept));
        let Some((polled, run)) = finished.next else {
            self.is_handed_back = true;
            return None;
        };
        Some(ClaimedTask { claim: self, polled, run })
    }
}

impl Drop for RunClaim {
    fn drop(&mut self) {
        while !self.is_handed_back {
            let finished = self.cache.update(|runs| runs.finish(&self.run_id, None));
            self.is_handed_back = finished.next.is_none();
        }
    }
}

impl PolledWorkflow {
    /// Whether it is a query on its own, which does not advance the run.
    pub(crate) fn is_query(&self) -> bool {
        self.task.query.is_some()
    }
}

impl CachedRun {
    /// Whether the task is the next one of this run as it stands. It is not when another worker
    /// executed tasks in between, or when the service holds less than the run was fed.
    pub(crate) fn continues_with(
        &self,
        task: &PollWorkflowTaskQueueResponse,
        polled: &PolledHistory,
    ) -> bool {
        self.last_started == task.previous_started_event_id && polled.begins_after(self.known)
    }
}

impl fmt::Debug for CachedRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedRun")
            .field("known", &self.known)
            .field("last_started", &self.last_started)
            .finish_non_exhaustive()
    }
}

/// The run that a task belongs to.
pub(crate) fn execution(task: &PollWorkflowTaskQueueResponse) -> WorkflowExecution {
    task.workflow_execution.clone().unwrap_or_default()
}
