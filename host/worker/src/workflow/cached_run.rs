//! Runs between their tasks, in the cache that the workers of a host share, and the claim of a task on
//! its run.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use host_wire::temporal::api::{
    common::v1::WorkflowExecution, workflowservice::v1::PollWorkflowTaskQueueResponse,
};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::Instant,
};

use super::{
    cache::{Begin, CacheLimits, RunCache, TaskKind},
    history::PolledHistory,
    pace::Pace,
    run::RunDriver,
};
use crate::{activity::local::LocalActivities, counters::CacheCounters};

/// The cache that all workers of a host share.
#[derive(Debug)]
pub(crate) struct SharedCache {
    runs: Mutex<RunCache<CachedRun, WaitingTask>>,
    counters: watch::Sender<CacheCounters>,
    /// Taken by a task that found no room for its guest, until it had it: others that find none wait for their turn.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

/// How long a query on its own may wait for its run: what clients of Temporal wait for an answer, unless they say
/// otherwise. The client of an older one is gone, or asks again.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// A workflow task, or a query on its own, and the slot in which it is worked on.
#[derive(Debug)]
pub(crate) struct PolledWorkflow {
    pub(crate) task: Box<PollWorkflowTaskQueueResponse>,
    pub(crate) slot: OwnedSemaphorePermit,
    /// When it came.
    pub(crate) received: Instant,
}

/// A task that waits for its run. It has no slot: else queries that wait for a few runs would take them all.
#[derive(Debug)]
pub(crate) struct WaitingTask {
    task: Box<PollWorkflowTaskQueueResponse>,
    received: Instant,
}

/// A run between two tasks.
pub(crate) struct CachedRun {
    pub(crate) driver: Box<RunDriver>,
    /// That of its workflow type.
    pub(crate) pace: Arc<Pace>,
    pub(crate) local: LocalActivities,
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
        Self {
            runs: Mutex::new(RunCache::new(limits)),
            counters: watch::Sender::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// The numbers of this cache, as they change.
    pub(crate) fn counters(&self) -> watch::Receiver<CacheCounters> {
        self.counters.subscribe()
    }

    /// Claims the run of a task. Nothing when another task has it: then this one waits in the cache, without its
    /// slot.
    pub(crate) fn claim(self: &Arc<Self>, polled: PolledWorkflow) -> Option<ClaimedTask> {
        let run_id = execution(&polled.task).run_id;
        let kind = if polled.is_query() { TaskKind::Query } else { TaskKind::Workflow };
        let PolledWorkflow { task, slot, received } = polled;
        let begun = self.update(|runs| runs.begin(&run_id, kind, WaitingTask { task, received }));
        let Begin::Start { task: WaitingTask { task, received }, run } = begun else { return None };
        let polled = PolledWorkflow { task, slot, received };
        let claim = RunClaim { cache: Arc::clone(self), run_id, is_handed_back: false };
        Some(ClaimedTask { claim, polled, run })
    }

    /// Drops the run that was idle for longest, if there is one, so that there is room for another guest.
    pub(crate) fn make_room(&self) {
        drop(self.update(RunCache::evict_one));
    }

    /// Changes the cache. What `change` returns is dropped after the lock is released: evicted runs take
    /// a while.
    fn update<T>(&self, change: impl FnOnce(&mut RunCache<CachedRun, WaitingTask>) -> T) -> T {
        let mut runs: MutexGuard<'_, _> = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut runs);
        let now = runs.counters();
        self.counters.send_if_modified(|counters| std::mem::replace(counters, now) != now);
        changed
    }
}

impl RunClaim {
    /// Puts the run back into the cache; without one, forgets it. Goes on with the task that waited longest,
    /// if there is one, in the slot of the one that is done.
    pub(crate) fn hand_back(
        mut self,
        run: Option<CachedRun>,
        slot: OwnedSemaphorePermit,
    ) -> Option<ClaimedTask> {
        let kept = run.map(CachedRun::with_bytes);
        let mut finished = self.cache.update(|runs| runs.finish(&self.run_id, kept));
        loop {
            let Some((waiting, run)) = finished.next else {
                self.is_handed_back = true;
                return None;
            };
            if !waiting.is_expired() {
                let WaitingTask { task, received } = waiting;
                let polled = PolledWorkflow { task, slot, received };
                return Some(ClaimedTask { claim: self, polled, run });
            }
            tracing::debug!(run_id = self.run_id, "a query waited too long for its run and is dropped");
            let kept = run.map(CachedRun::with_bytes);
            finished = self.cache.update(|runs| runs.finish(&self.run_id, kept));
        }
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

impl WaitingTask {
    /// Whether it is a query whose client has given up.
    fn is_expired(&self) -> bool {
        self.task.query.is_some() && self.received.elapsed() >= QUERY_TIMEOUT
    }
}

impl PolledWorkflow {
    /// Whether it is a query on its own, which does not advance the run.
    pub(crate) fn is_query(&self) -> bool {
        self.task.query.is_some()
    }
}

impl CachedRun {
    fn with_bytes(self) -> (Self, usize) {
        let bytes = self.driver.memory_bytes();
        (self, bytes)
    }

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

/// The workflow type of a task.
pub(crate) fn workflow_type(task: &PollWorkflowTaskQueueResponse) -> &str {
    task.workflow_type.as_ref().map_or("", |kind| &kind.name)
}

/// The run that a task belongs to.
pub(crate) fn execution(task: &PollWorkflowTaskQueueResponse) -> WorkflowExecution {
    task.workflow_execution.clone().unwrap_or_default()
}
