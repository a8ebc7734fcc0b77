//! What is behind the lock: the state, and what is known only while the process lives (queues,
//! deadlines, who waits for what).

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
};

use tokio::sync::Notify;

use super::{queries::Queries, queues::Queues};
use crate::{
    state::{
        time::Time,
        world::{Changes, RunNumber, World},
    },
    storage::Position,
};

/// See the module.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) world: World,
    pub(crate) queues: Queues,
    pub(crate) queries: Queries,
    last: Position,
    /// The last position at which something happened to a run since the process started.
    positions: HashMap<RunNumber, Position>,
    heap: BinaryHeap<Reverse<(Time, RunNumber)>>,
    /// The deadline of each run that the heap is about; others in the heap are outdated.
    deadlines: HashMap<RunNumber, Time>,
    watchers: HashMap<RunNumber, Arc<Notify>>,
    now: Time,
}

impl Kernel {
    pub(crate) fn new(world: World, last: Position) -> Self {
        Self {
            world,
            queues: Queues::default(),
            queries: Queries::default(),
            last,
            positions: HashMap::new(),
            heap: BinaryHeap::new(),
            deadlines: HashMap::new(),
            watchers: HashMap::new(),
            now: Time::default(),
        }
    }

    /// Fills queues and deadlines after a start; answers which runs have lost a worker.
    pub(crate) fn resume(&mut self, now: Time) -> Vec<RunNumber> {
        self.now = now;
        for task in self.world.waiting_tasks() {
            self.queues.push(&self.world, task, now);
        }
        let open = self.world.runs().filter(|(_, run)| run.is_open());
        let mut open: Vec<_> = open.map(|(number, run)| (number, run.has_lost_worker())).collect();
        open.sort_unstable();
        for (number, _) in &open {
            self.arm(*number);
        }
        open.into_iter().filter(|(_, lost)| *lost).map(|(number, _)| number).collect()
    }

    pub(crate) fn position(&self) -> Position {
        self.last
    }

    /// The position from which everything known about a run is on disk.
    pub(crate) fn position_of(&self, run: RunNumber) -> Position {
        self.positions.get(&run).copied().unwrap_or_default()
    }

    /// Takes note of a transition: its position, and whether there is an earlier deadline now.
    pub(crate) fn note_changes(&mut self, changes: &Changes, now: Time) -> (Position, bool) {
        self.now = now;
        self.last += 1;
        for task in &changes.tasks {
            self.queues.push(&self.world, task.clone(), now);
        }
        let mut sooner = false;
        let mut previous = None;
        for record in &changes.records {
            if previous == Some(record.run) {
                continue;
            }
            previous = Some(record.run);
            self.positions.insert(record.run, self.last);
            sooner |= self.arm(record.run);
            if let Some(watcher) = self.watchers.get(&record.run) {
                watcher.notify_waiters();
            }
        }
        (self.last, sooner)
    }

    /// Puts the run's next deadline into the heap; answers whether it is the first of all.
    fn arm(&mut self, number: RunNumber) -> bool {
        let next = self.world.run(number).and_then(|run| run.next_deadline()).map(|(time, _)| time);
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

    /// The same after its deadline was dealt with, whether or not that changed anything.
    pub(crate) fn rearm(&mut self, number: RunNumber) {
        self.arm(number);
    }

    /// A run with something due, or when to ask again.
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

    /// Told whenever something happens to the run.
    pub(crate) fn watch(&mut self, run: RunNumber) -> Arc<Notify> {
        self.watchers.entry(run).or_default().clone()
    }

    /// Forgets watchers and queues that nobody uses, and positions that are on disk.
    pub(crate) fn sweep(&mut self, synced: Position, now: Time) {
        self.watchers.retain(|_, watcher| Arc::strong_count(watcher) > 1);
        self.positions.retain(|_, position| *position > synced);
        self.queues.sweep(now);
    }
}
