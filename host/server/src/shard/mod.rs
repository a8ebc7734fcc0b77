//! The state behind the lock: executions, and what lives in memory only (queues, queries, deadlines, watchers).

mod archive;
pub(crate) mod context;
pub(crate) mod deadlines;
pub(crate) mod deployments;
#[cfg(test)]
mod gate_tests;
#[cfg(test)]
mod load_tests;
mod loads;
mod metrics;
mod namespaces;
mod task_queues;
#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap},
    sync::Arc,
};

use tokio::sync::Notify;

use crate::{
    execution::{
        activity,
        archive::{Archived, may_leave},
        executions::{Drops, Executions},
        loading::{Found, Needed},
        nexus,
        record::RunNumber,
        restart,
        run::Run,
        transition::{self, Changes},
        workflow_task,
    },
    matching::{queries::Queries, queues::Queues, updates::Updates, workers::registry::Workers},
    storage::Position,
    time::Time,
};

/// Most runs that leave memory in one sweep, which holds the lock for some microseconds for each.
const LEAVING_RUNS: usize = 100;

/// The last change of a run.
#[derive(Clone, Copy, Debug)]
struct Touched {
    position: Position,
    /// Whether the run leaves memory once the runs' file has this position.
    leaves: bool,
}

/// Executions, queues, queries and deadlines.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) executions: Executions,
    pub(crate) queues: Queues,
    pub(crate) queries: Queries,
    pub(crate) updates: Updates,
    pub(crate) workers: Workers,
    last: Position,
    /// The last position when runs were last dropped from memory. The archive must have it before it is read.
    dropped_at: Position,
    /// The last change of each run that the runs' file does not have yet, and runs that were loaded and not changed.
    touched: HashMap<RunNumber, Touched>,
    heap: BinaryHeap<Reverse<(Time, RunNumber)>>,
    /// The next deadline of each run. Entries of the heap with another time are outdated.
    deadlines: HashMap<RunNumber, Time>,
    watchers: HashMap<RunNumber, Arc<Notify>>,
    now: Time,
}

impl Shard {
    pub(crate) fn new(executions: Executions, last: Position) -> Self {
        Self {
            executions,
            queues: Queues::default(),
            queries: Queries::default(),
            updates: Updates::default(),
            workers: Workers::default(),
            last,
            dropped_at: 0,
            touched: HashMap::new(),
            heap: BinaryHeap::new(),
            deadlines: HashMap::new(),
            watchers: HashMap::new(),
            now: Time::default(),
        }
    }

    /// Fills queues and deadlines after a start, from the runs in memory and from the deadlines of others; answers
    /// which runs have lost a worker.
    pub(crate) fn resume(&mut self, deadlines: Vec<(RunNumber, Time)>, now: Time) -> Vec<RunNumber> {
        self.now = now;
        for (number, time) in deadlines {
            self.deadlines.insert(number, time);
            self.heap.push(Reverse((time, number)));
        }
        let mut open: Vec<_> = self.executions.iter().filter(|(_, run)| run.is_open()).collect();
        open.sort_unstable_by_key(|(number, _)| *number);
        let mut tasks = Vec::new();
        for (number, run) in &open {
            tasks.extend(workflow_task::task::of(*number, run));
            let activities = run.activities().iter();
            tasks.extend(activities.filter_map(|it| activity::task::of(*number, run, it.scheduled_event_id)));
            let executions = &self.executions;
            tasks.extend(run.nexus().iter().filter_map(|it| {
                let (endpoints, namespaces) = (&executions.endpoints, &executions.namespaces);
                // Without an endpoint the call fails at its next attempt.
                nexus::task::of(endpoints, namespaces, *number, run, it.scheduled_event_id).ok()?
            }));
        }
        let lost = open.iter().filter(|(_, run)| restart::has_lost_worker(run));
        let lost = lost.map(|(number, _)| *number).collect();
        let open: Vec<_> = open.into_iter().map(|(number, _)| number).collect();
        for task in tasks {
            self.queues.push(&self.executions, &self.queries, task, self.last, now);
        }
        for number in open {
            self.arm(number);
        }
        lost
    }

    pub(crate) fn position(&self) -> Position {
        self.last
    }

    /// Forgets what a transition did that panicked.
    pub(crate) fn drop_transition(&mut self, touched: &transition::Touched, message: &str) {
        self.executions.drop_transition(touched, message);
        self.dropped_at = self.last;
        // What lived in memory only is gone: callers that wait for it are to see that.
        touched.changed.iter().for_each(|number| self.notify(*number));
    }

    /// What the archive has for a caller. It is not written again when the run leaves memory unchanged.
    pub(crate) fn loaded(&mut self, needed: &Needed, found: Found, drops: Drops) {
        if let Some(number) = self.executions.loaded(needed, found, drops) {
            self.touched.entry(number).or_insert(Touched { position: 0, leaves: true });
        }
    }

    /// The position that the archive must have before it is read.
    pub(crate) fn dropped_at(&self) -> Position {
        self.dropped_at
    }

    /// The position from which everything known about a run is on disk.
    pub(crate) fn position_of(&self, run: RunNumber) -> Position {
        self.touched.get(&run).map_or(0, |touched| touched.position)
    }

    /// Puts the tasks of a transition into their queues, watches the deadlines of its runs and notifies their watchers.
    pub(crate) fn note_changes(&mut self, changes: &Changes, now: Time) -> Noted {
        self.now = now;
        self.last += 1;
        let mut awaited = -i64::try_from(changes.closed_tasks()).unwrap_or(i64::MAX);
        for task in &changes.tasks {
            let (executions, queries) = (&self.executions, &self.queries);
            awaited += i64::from(self.queues.push(executions, queries, task.clone(), self.last, now));
        }
        let mut sooner = !changes.others.is_empty();
        let mut archived = Vec::new();
        let runs: BTreeSet<RunNumber> = changes.records.iter().map(|record| record.run).collect();
        for &number in &runs {
            let closed = self.executions.get(number).filter(|run| !run.is_open());
            archived.extend(closed.map(|run| Archived::new(number, run)));
            let touched = Touched { position: self.last, leaves: closed.is_some() };
            self.touched.insert(number, touched);
        }
        for number in runs.union(&changes.changed_in_memory) {
            sooner |= self.arm(*number);
            self.notify(*number);
        }
        self.decide_updates(changes);
        Noted { position: self.last, sooner, archived, awaited, lazy: changes.only_starts() }
    }

    /// Does the same for a transition that changed only what lives in memory; answers whether there is an earlier
    /// deadline now.
    pub(crate) fn note_changes_in_memory(&mut self, changes: &Changes, now: Time) -> bool {
        self.now = now;
        for task in &changes.tasks {
            let position = self.position_of(task.run());
            self.queues.push(&self.executions, &self.queries, task.clone(), position, now);
        }
        let mut sooner = false;
        for number in &changes.changed_in_memory {
            sooner |= self.arm(*number);
            self.notify(*number);
        }
        self.decide_updates(changes);
        sooner
    }

    fn decide_updates(&mut self, changes: &Changes) {
        for (number, end) in &changes.decided_updates {
            self.updates.decide(*number, end.as_ref());
        }
    }

    fn notify(&self, number: RunNumber) {
        if let Some(watcher) = self.watchers.get(&number) {
            watcher.notify_waiters();
        }
    }

    /// Puts the run's next deadline into the heap; answers whether it is the first of all.
    fn arm(&mut self, number: RunNumber) -> bool {
        let next = self.executions.get(number).and_then(Run::next_deadline).map(|(time, _)| time);
        let Some(next) = next else {
            self.deadlines.remove(&number);
            return false;
        };
        if self.deadlines.insert(number, next) == Some(next) {
            return false;
        }
        let first = self.heap.peek().is_none_or(|Reverse((time, _))| next < *time);
        self.heap.push(Reverse((next, number)));
        first
    }

    /// Watches the next deadline of a run, after the last one was handled.
    pub(crate) fn rearm(&mut self, number: RunNumber) {
        self.arm(number);
    }

    /// The deadlines of a run could not be handled now: they are tried again at this time.
    pub(crate) fn put_off(&mut self, number: RunNumber, until: Time) {
        self.deadlines.insert(number, until);
        self.heap.push(Reverse((until, number)));
    }

    /// A run was deleted.
    pub(crate) fn forget(&mut self, number: RunNumber) {
        self.executions.delete(number);
        self.deadlines.remove(&number);
        self.notify(number);
    }

    /// A run whose deadline has passed; else the time of the first deadline.
    pub(crate) fn due(&mut self, now: Time) -> Result<RunNumber, Option<Time>> {
        while let Some(Reverse((time, number))) = self.heap.peek().copied() {
            let valid = self.deadlines.get(&number) == Some(&time);
            if valid && time > now {
                return Err(Some(time));
            }
            self.heap.pop();
            if valid {
                self.deadlines.remove(&number);
                return Ok(number);
            }
        }
        Err(None)
    }

    /// Whether no worker has a task, and none waits for a worker. Runs that left memory only wait.
    pub(crate) fn is_idle(&self) -> bool {
        let is_busy = |run: &Run| {
            run.workflow_tasks().task().is_some()
                || run.activities().iter().any(|it| it.started.is_some() || it.waits_for_worker())
                || run.nexus().iter().any(|it| it.current_call().is_some())
        };
        !self.executions.iter().any(|(_, run)| run.is_open() && is_busy(run))
    }

    /// Notified whenever the run changes.
    pub(crate) fn watch(&mut self, run: RunNumber) -> Arc<Notify> {
        self.watchers.entry(run).or_default().clone()
    }

    /// Updates are lost with runs that are read again, after a panic, or deleted.
    fn release_lost_updates(&mut self) {
        if self.updates.open_count() > 0 {
            let runs = self.executions.iter();
            let pending = runs.flat_map(|(_, run)| run.updates().pending().iter().map(|it| it.number));
            let pending: BTreeSet<_> = pending.collect();
            self.updates.retain(|number| pending.contains(&number));
        }
    }

    /// Removes watchers and queues without users, and evicts runs that wait or are closed and that the runs' file
    /// has up to `applied`.
    pub(crate) fn sweep(&mut self, applied: Position, now: Time) -> Swept {
        self.watchers.retain(|_, watcher| Arc::strong_count(watcher) > 1);
        self.release_lost_updates();
        self.queues.sweep(now);
        self.workers.sweep(now);
        let mut evicted = Vec::new();
        let executions = &mut self.executions;
        self.touched.retain(|number, touched| {
            let behind = touched.position <= applied;
            if behind && touched.leaves {
                if evicted.len() == LEAVING_RUNS {
                    return true;
                }
                match executions.evict(*number) {
                    Some(run) => evicted.push(run),
                    // A caller needs it: next time.
                    None if executions.get(*number).is_some() => return true,
                    None => {}
                }
            }
            !behind
        });
        let touched = &self.touched;
        let leaving = self.executions.iter().filter(|(number, _)| !touched.contains_key(number));
        let leaving = leaving.filter(|(_, run)| may_leave(run, now)).take(LEAVING_RUNS);
        let archived: Vec<_> = leaving.map(|(number, run)| Archived::new(number, run)).collect();
        if !archived.is_empty() {
            self.last += 1;
            let touched = Touched { position: self.last, leaves: true };
            self.touched.extend(archived.iter().map(|archived| (archived.run, touched)));
        }
        Swept { evicted, archived, position: self.last }
    }
}

/// Runs that a sweep moved towards the archive.
#[derive(Debug)]
pub(crate) struct Swept {
    /// Runs that left memory, to be dropped outside the lock.
    pub(crate) evicted: Vec<Run>,
    /// Runs that may leave memory in a later sweep, once storage has these rows.
    pub(crate) archived: Vec<Archived>,
    /// The position of these rows.
    pub(crate) position: Position,
}

impl Swept {
    /// Whether the sweep stopped at [`LEAVING_RUNS`].
    pub(crate) fn has_more(&self) -> bool {
        self.evicted.len() == LEAVING_RUNS || self.archived.len() == LEAVING_RUNS
    }
}

/// What storage and the deadlines must know of a transition.
#[derive(Debug)]
pub(crate) struct Noted {
    pub(crate) position: Position,
    /// Whether there is an earlier deadline now.
    pub(crate) sooner: bool,
    /// Rows of the runs that it closed.
    pub(crate) archived: Vec<Archived>,
    /// By how many the workflow tasks changed that workers of this process are about to complete.
    pub(crate) awaited: i64,
    /// Whether no answer waits for it.
    pub(crate) lazy: bool,
}
