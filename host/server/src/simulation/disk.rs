//! Storage in memory, with the faults of a disk: syncs take time, room runs out, and a crash at any
//! step loses what was not synced, or all of it but the beginning.

mod entities;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use fuzz::Random;
use host_wire::temporal::api::taskqueue::v1::TaskQueueConfig;
use tokio::{
    sync::{Notify, oneshot},
    time::sleep,
};

use super::plan::Fault;
use crate::{
    entity::{Entity, EntityRecord},
    execution::{
        archive::{Archive, Archived, Stored, Unreadable},
        fact::{Fact, UnrecordedChange},
        record::{Record, RunIdentity, RunNumber},
        run::Run,
    },
    matching::queue_key::QueueKey,
    storage::{
        Append, Expiry, Found, Mend, Opened, Position, Row, Storage, StorageError, Synced, read_again,
    },
    time::Time,
    visibility::registry::Custom,
    watched::Watched,
};

/// Longest time that a group waits in which nothing is needed soon, as in the real writer.
const LAZY_TIME: Duration = Duration::from_millis(5);

/// What outlives a crash.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    /// The transition at position n is at n - 1.
    log: Vec<(Vec<Record>, Vec<EntityRecord>)>,
    /// How far `runs` is.
    applied: Position,
    runs: BTreeMap<RunNumber, StoredRun>,
    others: BTreeMap<Entity, Vec<Bytes>>,
    search_attributes: BTreeMap<String, Custom>,
    task_queues: Vec<(QueueKey, TaskQueueConfig)>,
}

#[derive(Debug, Default)]
struct StoredRun {
    records: Vec<Record>,
    /// Set while the run need not be in memory.
    archived: Option<Archived>,
}

/// Storage of one life of the service, between an opening and a crash.
#[derive(Clone, Debug)]
pub(super) struct SimulatedStorage(Arc<Life>);

#[derive(Debug)]
struct Life {
    disk: Disk,
    fault: Option<Fault>,
    state: Mutex<LifeState>,
    synced: Arc<Watched<Synced>>,
    arrived: Notify,
    hurried: Notify,
    /// Set once the process ended.
    crashed: Arc<Watched<bool>>,
}

#[derive(Debug)]
struct LifeState {
    pending: VecDeque<Append>,
    /// Of transitions that are synced and not applied: runs that may leave memory.
    archived: Vec<(Position, Vec<Archived>)>,
    urgent: bool,
    /// Each with the position behind which it is done.
    mends: Vec<(Position, Mend, oneshot::Sender<()>)>,
    /// Steps of the disk until the process ends by itself.
    steps: Option<u64>,
}

impl Disk {
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap()
    }

    /// Opens what is there, as the service does at its start. `steps`: after so many steps of the disk
    /// the process crashes.
    pub(super) fn open(
        &self,
        fault: Option<Fault>,
        steps: Option<u64>,
        random: Random,
    ) -> (Opened, SimulatedStorage) {
        let mut contents = self.lock();
        contents.apply_to_end(&mut Vec::new());
        let last = contents.applied;
        let mut in_memory = contents.in_memory();
        if fault == Some(Fault::ForgetsAnOpenRun) {
            in_memory.pop();
        }
        let deadlines = contents.deadlines();
        let schedules = contents.stored_schedules();
        let batches = contents.stored_batches();
        let deployments = contents.stored_deployments();
        let endpoints = contents.stored_endpoints();
        let namespaces = contents.stored_namespaces();
        let search_attributes = contents.search_attributes.clone();
        let task_queues = contents.task_queues.clone();
        let next_number = contents.runs.last_key_value().map_or(0, |(number, _)| number + 1);
        drop(contents);
        let storage = SimulatedStorage(Arc::new(Life {
            disk: self.clone(),
            fault,
            state: Mutex::new(LifeState {
                pending: VecDeque::new(),
                archived: Vec::new(),
                urgent: false,
                mends: Vec::new(),
                steps,
            }),
            synced: Arc::new(Watched::new(Synced { position: last, ..Synced::default() })),
            arrived: Notify::new(),
            hurried: Notify::new(),
            crashed: Arc::default(),
        }));
        tokio::spawn(write(storage.clone(), random.fork(1)));
        tokio::spawn(apply(storage.clone(), random.fork(2)));
        let archive = Box::new(self.clone());
        let found = Found {
            last,
            archive,
            next_number,
            in_memory,
            search_attributes,
            task_queues,
            deadlines,
            schedules,
            batches,
            deployments,
            endpoints,
            namespaces,
        };
        (Opened { storage: Box::new(storage.clone()), found }, storage)
    }
}

impl Contents {
    fn in_memory(&self) -> Vec<(RunNumber, Box<Run>)> {
        let runs = self.runs.iter().filter(|(_, run)| run.archived.is_none());
        runs.filter_map(|(number, run)| Some((*number, Box::new(Run::from_records(run.records.clone())?))))
            .collect()
    }

    fn deadlines(&self) -> Vec<(RunNumber, Time)> {
        let archived = self.runs.values().filter_map(|run| run.archived.as_ref());
        archived.filter_map(|archived| Some((archived.run, archived.deadline?))).collect()
    }

    /// Moves what the log has more to the runs.
    fn apply_to_end(&mut self, archived: &mut Vec<(Position, Vec<Archived>)>) {
        let from = usize::try_from(self.applied).unwrap();
        for (records, others) in &self.log[from..] {
            self.applied += 1;
            for record in records {
                let run = self.runs.entry(record.run).or_default();
                run.records.push(record.clone());
                run.archived = None;
            }
            for record in others {
                self.others.entry(record.entity).or_default().push(record.body.clone());
            }
            while archived.first().is_some_and(|(position, _)| *position == self.applied) {
                for archived in archived.remove(0).1 {
                    let run = archived.run;
                    self.runs.entry(run).or_default().archived = Some(archived);
                }
            }
        }
    }

    fn mend(&mut self, mend: Mend) {
        match mend {
            Mend::Close(archived) => {
                if let Some(run) = self.runs.get_mut(&archived.run) {
                    run.archived = Some(archived);
                }
            }
            Mend::Delete(number) => drop(self.runs.remove(&number)),
            Mend::DeleteRuns(namespace) => self.runs.retain(|_, run| {
                let identity = run.records.first().and_then(|record| record.identity.as_ref());
                identity.is_none_or(|identity| identity.namespace != namespace)
            }),
            Mend::DeleteSettings(namespace) => {
                self.search_attributes.remove(&namespace);
                self.task_queues.retain(|(key, _)| key.namespace != namespace);
            }
            Mend::SearchAttributes(of, custom) => drop(self.search_attributes.insert(of, custom)),
            Mend::TaskQueue(key, config) => {
                self.task_queues.retain(|(other, _)| *other != key);
                self.task_queues.push((key, *config));
            }
        }
    }

    fn last_with(&self, is_it: impl Fn(&RunIdentity) -> bool) -> Option<RunNumber> {
        let is_it = |run: &StoredRun| run.records.first()?.identity.as_ref().map(&is_it);
        self.runs.iter().rev().find(|(_, run)| is_it(run) == Some(true)).map(|(number, _)| *number)
    }
}

impl Archive for Disk {
    fn latest(&self, namespace: &str, workflow_id: &str) -> Result<Option<RunNumber>, Unreadable> {
        Ok(self.lock().last_with(|run| run.namespace == namespace && run.workflow_id == workflow_id))
    }

    fn with_run_id(&self, run_id: &str) -> Result<Option<RunNumber>, Unreadable> {
        Ok(self.lock().last_with(|run| run.run_id == run_id))
    }

    fn load(&self, number: RunNumber) -> Result<Stored, Unreadable> {
        let records = self.lock().runs.get(&number).map(|run| run.records.clone());
        let run = records.and_then(Run::from_records);
        Ok(run.map_or(Stored::Nothing, |run| Stored::Run(Box::new(run))))
    }
}

impl SimulatedStorage {
    fn state(&self) -> MutexGuard<'_, LifeState> {
        self.0.state.lock().unwrap()
    }

    /// A run as a restart would have it, with its records encoded and decoded.
    pub(super) fn read_again(&self, number: RunNumber) -> Option<Run> {
        let mut contents = self.0.disk.lock();
        contents.apply_to_end(&mut Vec::new());
        let records = contents.runs.get(&number)?.records.clone();
        Run::from_records(read_again(records))
    }

    /// Whether the process has ended; changes when it does.
    pub(super) fn crashed(&self) -> Arc<Watched<bool>> {
        self.0.crashed.clone()
    }

    /// Ends the process. Of what was not synced, the beginning may be on disk, in whole transitions.
    pub(super) fn crash(&self, random: &mut Random) {
        if self.0.crashed.get() {
            return;
        }
        let mut state = self.state();
        let kept = random.below(u64::try_from(state.pending.len()).unwrap() + 1);
        let kept: Vec<Append> = state.pending.drain(..usize::try_from(kept).unwrap()).collect();
        state.pending.clear();
        drop(state);
        if random.percent(30) {
            self.put(kept);
        }
        self.0.crashed.update(|crashed| *crashed = true);
    }

    fn put(&self, group: Vec<Append>) {
        let mut contents = self.0.disk.lock();
        for append in group {
            assert_eq!(append.position, u64::try_from(contents.log.len()).unwrap() + 1, "positions in order");
            let mut records = append.records;
            for record in &mut records {
                match self.0.fault {
                    Some(Fault::LosesAttempts) => record.facts.retain(|fact| {
                        !matches!(fact, Fact::Unrecorded(UnrecordedChange::ActivityStarted(_)))
                    }),
                    Some(Fault::ForgetsWorkers) => forget_workers(record),
                    _ => {}
                }
            }
            contents.log.push((records, append.others));
            if !append.archived.is_empty() {
                self.state().archived.push((append.position, append.archived));
            }
        }
    }

    /// One step of the disk; answers whether the process is still there.
    fn step(&self, random: &mut Random) -> bool {
        let ends = match &mut self.state().steps {
            Some(0) => true,
            Some(steps) => {
                *steps -= 1;
                false
            }
            None => false,
        };
        if ends {
            self.crash(random);
        }
        !self.0.crashed.get()
    }
}

impl Storage for SimulatedStorage {
    fn append(&self, append: Append) {
        if self.0.crashed.get() {
            return;
        }
        let mut state = self.state();
        state.urgent |= !append.lazy;
        if !append.lazy {
            self.0.hurried.notify_one();
        }
        if self.0.fault == Some(Fault::AcknowledgesEarly) {
            self.0.synced.update(|synced| synced.position = append.position);
        }
        state.pending.push_back(append);
        self.0.arrived.notify_one();
    }

    fn hurry(&self) {
        self.state().urgent = true;
        self.0.hurried.notify_one();
    }

    fn prune(&self, _closed_before: Vec<Expiry>) {}

    fn mend(&self, mend: Mend, done: oneshot::Sender<()>) {
        let mut state = self.state();
        state.urgent = true;
        let after = state.pending.back().map_or(0, |append| append.position);
        state.mends.push((after, mend, done));
        self.0.hurried.notify_one();
    }

    fn synced(&self) -> Arc<Watched<Synced>> {
        self.0.synced.clone()
    }

    fn backlog_bytes(&self) -> usize {
        0
    }

    fn applied(&self) -> Position {
        self.0.disk.lock().applied
    }

    fn list(
        &self,
        namespace: &str,
        before: RunNumber,
        each: &mut dyn FnMut(Row) -> bool,
    ) -> Result<(), StorageError> {
        let contents = self.0.disk.lock();
        let runs = contents.runs.range(..before).rev();
        let rows: Vec<Row> = runs
            .filter(|(_, run)| {
                run.records[0].identity.as_ref().is_some_and(|identity| identity.namespace == namespace)
            })
            .map(|(number, run)| (*number, run.archived.as_ref().map(|archived| *archived.info.clone())))
            .collect();
        // What it calls may read runs.
        drop(contents);
        for row in rows {
            if !each(row) {
                break;
            }
        }
        Ok(())
    }
}

/// Leaves out which workers are part of the process.
fn forget_workers(record: &mut Record) {
    for fact in &mut record.facts {
        match fact {
            Fact::Unrecorded(UnrecordedChange::ActivityStarted(started)) => started.in_process = false,
            Fact::Unrecorded(UnrecordedChange::TransientStarted(started)) => started.in_process = false,
            _ => {}
        }
    }
    record.facts.retain(|fact| !matches!(fact, Fact::Unrecorded(UnrecordedChange::TaskInProcess(_))));
}

/// Writes groups until the crash.
async fn write(storage: SimulatedStorage, mut random: Random) {
    loop {
        // The last group may have taken what this was told of.
        while storage.state().pending.is_empty() {
            tokio::select! {
                biased;
                _ = storage.0.crashed.wait_for(|crashed| crashed) => return,
                () = storage.0.arrived.notified() => {}
            }
        }
        if !storage.state().urgent {
            tokio::select! {
                biased;
                () = storage.0.hurried.notified() => {}
                () = sleep(LAZY_TIME) => {}
            }
        }
        if !storage.step(&mut random) {
            return;
        }
        if random.percent(1) {
            storage.0.synced.update(|synced| synced.log_is_full = true);
            sleep(Duration::from_millis(200 * (1 + random.below(10)))).await;
        }
        let group = storage.state().pending.len();
        storage.state().urgent = false;
        sleep(sync_time(&mut random)).await;
        if !storage.step(&mut random) {
            return;
        }
        let group: Vec<Append> = storage.state().pending.drain(..group).collect();
        let Some(last) = group.last().map(|append| append.position) else { continue };
        storage.put(group);
        if !storage.step(&mut random) {
            return;
        }
        storage.0.synced.update(|synced| {
            synced.position = synced.position.max(last);
            synced.log_is_full = false;
        });
    }
}

fn sync_time(random: &mut Random) -> Duration {
    match random.below(100) {
        0..5 => Duration::from_millis(50 + random.below(1_500)),
        5..30 => Duration::ZERO,
        _ => Duration::from_micros(200 + random.below(5_000)),
    }
}

/// Keeps the runs behind the log until the crash.
async fn apply(storage: SimulatedStorage, mut random: Random) {
    loop {
        sleep(Duration::from_millis(200 + random.below(2_000))).await;
        if !storage.step(&mut random) {
            return;
        }
        let mut archived = std::mem::take(&mut storage.state().archived);
        let mut contents = storage.0.disk.lock();
        contents.apply_to_end(&mut archived);
        let mut state = storage.state();
        state.archived.extend(archived);
        let applied = contents.applied;
        for (_, mend, done) in state.mends.extract_if(.., |(position, ..)| *position <= applied) {
            contents.mend(mend);
            // The caller may have gone.
            let _ = done.send(());
        }
    }
}
