//! Runs kept in memory between their workflow tasks, and which of them a task works on right now.
//!
//! At most one task works on a run; tasks that arrive meanwhile wait here. Idle runs
//! are evicted, least recently used first, by count and by bytes. Purely bookkeeping: what a run is,
//! and where evicted ones go, is the caller's business.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::counters::CacheCounters;

/// Direct queries that may wait for one run; the oldest is dropped then, and its client retries.
const MAX_WAITING_QUERIES: usize = 100;

/// Direct queries that may wait for all runs together. One more takes the place of another of its run, or is dropped
/// itself.
const MAX_WAITING_QUERIES_IN_ALL: usize = 1_000;

/// How much the cache keeps at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheLimits {
    /// Runs, idle ones and ones being worked on.
    pub(crate) runs: usize,
    /// Bytes of the idle runs.
    pub(crate) bytes: usize,
}

/// What a task does with its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskKind {
    /// Advances the run. A newer one makes an older one void.
    Workflow,
    /// Reads the run: a query on its own.
    Query,
}

/// The runs `R` of one host by run id, and the tasks `T` that wait for them.
#[derive(Debug)]
pub(crate) struct RunCache<R, T> {
    limits: CacheLimits,
    entries: HashMap<String, Entry<R, T>>,
    /// Idle runs, least recently used first.
    idle: BTreeMap<u64, String>,
    clock: u64,
    bytes: usize,
    evictions: u64,
    waiting_queries: usize,
}

#[derive(Debug)]
enum Entry<R, T> {
    Idle { run: R, bytes: usize, used: u64 },
    Busy(Waiting<T>),
}

#[derive(Debug)]
struct Waiting<T> {
    workflow_task: Option<T>,
    queries: VecDeque<T>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { workflow_task: None, queries: VecDeque::new() }
    }
}

/// What happens to a task that arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Begin<R, T> {
    /// The caller has the run now, and hands it back with [`RunCache::finish`]. No run: it was not
    /// cached.
    Start { task: T, run: Option<R> },
    /// The run is being worked on. The task waits, perhaps in the place of another.
    Queued { dropped: Option<T> },
}

/// What follows a task that is done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finished<R, T> {
    /// The task that waited longest; the run stays in the caller's hands for it.
    pub(crate) next: Option<(T, Option<R>)>,
    /// Runs that were evicted.
    pub(crate) evicted: Vec<R>,
}

impl<R, T> RunCache<R, T> {
    pub(crate) fn new(limits: CacheLimits) -> Self {
        Self {
            limits,
            entries: HashMap::new(),
            idle: BTreeMap::new(),
            clock: 0,
            bytes: 0,
            evictions: 0,
            waiting_queries: 0,
        }
    }

    pub(crate) fn counters(&self) -> CacheCounters {
        CacheCounters { runs: self.entries.len(), bytes: self.bytes, evictions: self.evictions }
    }

    /// A task for a run arrived.
    pub(crate) fn begin(&mut self, run_id: &str, kind: TaskKind, task: T) -> Begin<R, T> {
        match self.entries.get_mut(run_id) {
            None => {
                self.entries.insert(run_id.to_owned(), Entry::Busy(Waiting::default()));
                Begin::Start { task, run: None }
            }
            Some(Entry::Busy(waiting)) => {
                let before = waiting.queries.len();
                let mut dropped = waiting.push(kind, task);
                if self.waiting_queries >= MAX_WAITING_QUERIES_IN_ALL && waiting.queries.len() > before {
                    dropped = waiting.queries.pop_front();
                }
                self.waiting_queries += waiting.queries.len() - before;
                Begin::Queued { dropped }
            }
            Some(entry) => {
                let taken = std::mem::replace(entry, Entry::Busy(Waiting::default()));
                let run = self.release(taken);
                Begin::Start { task, run }
            }
        }
    }

    /// A task is done. `run` goes back into the cache with the bytes it takes, or is dropped by the
    /// caller because it cannot be trusted any more or has closed.
    pub(crate) fn finish(&mut self, run_id: &str, run: Option<(R, usize)>) -> Finished<R, T> {
        if let Some(Entry::Busy(waiting)) = self.entries.get_mut(run_id)
            && let Some((kind, task)) = waiting.pop()
        {
            self.waiting_queries -= usize::from(kind == TaskKind::Query);
            let next = Some((task, run.map(|(run, _)| run)));
            return Finished { next, evicted: Vec::new() };
        }
        self.entries.remove(run_id);
        if let Some((run, bytes)) = run {
            self.clock += 1;
            let used = self.clock;
            self.bytes += bytes;
            self.idle.insert(used, run_id.to_owned());
            self.entries.insert(run_id.to_owned(), Entry::Idle { run, bytes, used });
        }
        Finished { next: None, evicted: self.evict() }
    }

    /// Evicts the run that was idle for longest, if there is one.
    pub(crate) fn evict_one(&mut self) -> Option<R> {
        let (_, run_id) = self.idle.pop_first()?;
        let entry = self.entries.remove(&run_id)?;
        self.evictions += 1;
        self.release(entry)
    }

    fn evict(&mut self) -> Vec<R> {
        let mut evicted = Vec::new();
        while self.entries.len() > self.limits.runs || self.bytes > self.limits.bytes {
            let Some(run) = self.evict_one() else { break };
            evicted.push(run);
        }
        evicted
    }

    fn release(&mut self, entry: Entry<R, T>) -> Option<R> {
        match entry {
            Entry::Idle { run, bytes, used } => {
                self.idle.remove(&used);
                self.bytes -= bytes;
                Some(run)
            }
            Entry::Busy(_) => None,
        }
    }
}

impl<T> Waiting<T> {
    fn push(&mut self, kind: TaskKind, task: T) -> Option<T> {
        match kind {
            TaskKind::Workflow => self.workflow_task.replace(task),
            TaskKind::Query => {
                self.queries.push_back(task);
                if self.queries.len() > MAX_WAITING_QUERIES { self.queries.pop_front() } else { None }
            }
        }
    }

    fn pop(&mut self) -> Option<(TaskKind, T)> {
        let workflow_task = self.workflow_task.take().map(|task| (TaskKind::Workflow, task));
        workflow_task.or_else(|| self.queries.pop_front().map(|task| (TaskKind::Query, task)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a script on a cache of 2 runs and 100 bytes, and compares what each line answers.
    ///
    /// `task RUN NAME` and `query RUN NAME` begin, `keep RUN BYTES` and `drop RUN` finish.
    fn check(script: &[(&str, &str)]) {
        let mut cache = RunCache::<String, String>::new(CacheLimits { runs: 2, bytes: 100 });
        for (line, expected) in script {
            let words: Vec<&str> = line.split(' ').collect();
            let run_id = words[1];
            let actual = match words[0] {
                "task" => begin(&mut cache, run_id, TaskKind::Workflow, words[2]),
                "query" => begin(&mut cache, run_id, TaskKind::Query, words[2]),
                "keep" => {
                    let run = (run_id.to_uppercase(), words[2].parse().unwrap());
                    finish(cache.finish(run_id, Some(run)))
                }
                _ => finish(cache.finish(run_id, None)),
            };
            assert_eq!(&actual, expected, "{line}");
        }
    }

    fn begin(cache: &mut RunCache<String, String>, run_id: &str, kind: TaskKind, task: &str) -> String {
        match cache.begin(run_id, kind, task.to_owned()) {
            Begin::Start { run: Some(run), .. } => format!("has {run}"),
            Begin::Start { run: None, .. } => "missing".to_owned(),
            Begin::Queued { dropped: None } => "waits".to_owned(),
            Begin::Queued { dropped: Some(task) } => format!("waits for {task}"),
        }
    }

    fn finish(finished: Finished<String, String>) -> String {
        match (finished.next, finished.evicted.as_slice()) {
            (Some((task, Some(run))), _) => format!("{task} has {run}"),
            (Some((task, None)), _) => format!("{task} missing"),
            (None, []) => "idle".to_owned(),
            (None, evicted) => format!("evicts {}", evicted.join(" ")),
        }
    }

    #[test]
    fn a_run_is_in_one_hand_and_the_latest_task_waits() {
        check(&[
            ("task a t1", "missing"),
            ("task a t2", "waits"),
            ("task a t3", "waits for t2"),
            ("query a q1", "waits"),
            ("query a q2", "waits"),
            ("keep a 10", "t3 has A"),
            ("drop a", "q1 missing"),
            ("keep a 10", "q2 has A"),
            ("keep a 10", "idle"),
            ("task a t4", "has A"),
        ]);
    }

    #[test]
    fn the_least_recently_used_run_goes_first() {
        check(&[
            ("task a t", "missing"),
            ("keep a 10", "idle"),
            ("task b t", "missing"),
            ("keep b 10", "idle"),
            ("task a t", "has A"),
            ("keep a 10", "idle"),
            ("task c t", "missing"),
            ("keep c 10", "evicts B"),
            ("task b t", "missing"),
        ]);
    }

    #[test]
    fn bytes_count_as_well() {
        check(&[
            ("task a t", "missing"),
            ("keep a 60", "idle"),
            ("task b t", "missing"),
            ("keep b 50", "evicts A"),
            ("task b t", "has B"),
            ("keep b 101", "evicts B"),
            ("task c t", "missing"),
            ("keep c 100", "idle"),
        ]);
    }

    #[test]
    fn runs_that_are_worked_on_are_not_evicted() {
        check(&[
            ("task a t", "missing"),
            ("task b t", "missing"),
            ("task c t", "missing"),
            ("keep a 1", "evicts A"),
            ("keep b 1", "idle"),
            ("keep c 1", "idle"),
        ]);
    }

    #[test]
    fn room_is_made_by_the_run_that_is_idle_for_longest() {
        let mut cache = RunCache::<&str, ()>::new(CacheLimits { runs: 3, bytes: 100 });
        for run_id in ["a", "b", "c"] {
            cache.begin(run_id, TaskKind::Workflow, ());
        }
        assert_eq!(cache.evict_one(), None);
        cache.finish("b", Some(("B", 10)));
        cache.finish("a", Some(("A", 10)));
        assert_eq!([cache.evict_one(), cache.evict_one(), cache.evict_one()], [Some("B"), Some("A"), None]);
        assert_eq!(cache.counters(), CacheCounters { runs: 1, bytes: 0, evictions: 2 });
    }

    #[test]
    fn a_flood_of_queries_drops_the_oldest() {
        let mut cache = RunCache::<(), usize>::new(CacheLimits { runs: 1, bytes: 1 });
        cache.begin("a", TaskKind::Workflow, usize::MAX);
        for query in 0..MAX_WAITING_QUERIES {
            let begun = cache.begin("a", TaskKind::Query, query);
            assert_eq!(begun, Begin::Queued { dropped: None });
        }
        let begun = cache.begin("a", TaskKind::Query, MAX_WAITING_QUERIES);
        assert_eq!(begun, Begin::Queued { dropped: Some(0) });
    }

    #[test]
    fn queries_of_many_runs_are_bounded_together() {
        let mut cache = RunCache::<(), usize>::new(CacheLimits { runs: 1, bytes: 1 });
        for run in 0..=MAX_WAITING_QUERIES_IN_ALL {
            cache.begin(&run.to_string(), TaskKind::Workflow, usize::MAX);
        }
        for run in 0..MAX_WAITING_QUERIES_IN_ALL {
            let begun = cache.begin(&run.to_string(), TaskKind::Query, run);
            assert_eq!(begun, Begin::Queued { dropped: None });
        }
        let last = MAX_WAITING_QUERIES_IN_ALL.to_string();
        assert_eq!(cache.begin(&last, TaskKind::Query, 7), Begin::Queued { dropped: Some(7) });
        assert_eq!(cache.begin("0", TaskKind::Query, 8), Begin::Queued { dropped: Some(0) });
        assert_eq!(cache.finish("0", None).next, Some((8, None)));
        assert_eq!(cache.begin(&last, TaskKind::Query, 7), Begin::Queued { dropped: None });
    }
}
