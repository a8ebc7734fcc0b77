//! All schedules.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    error::Error,
    schedule::{
        record::{ScheduleIdentity, ScheduleNumber},
        state::Schedule,
    },
    time::Time,
};

/// All schedules, and when each is due.
#[derive(Debug, Default)]
pub(crate) struct Schedules {
    by_number: BTreeMap<ScheduleNumber, Schedule>,
    by_id: HashMap<(String, String), ScheduleNumber>,
    /// Schedules that cannot be read, by namespace and id, with the reason.
    damaged: BTreeMap<(String, String), (ScheduleNumber, String)>,
    next_number: ScheduleNumber,
    wakeups: BTreeSet<(Time, ScheduleNumber)>,
    wakeup_of: HashMap<ScheduleNumber, Time>,
    /// The schedule that started each workflow which may be running: namespace, workflow id.
    started: HashMap<(String, String), BTreeSet<ScheduleNumber>>,
}

/// A schedule as storage has it.
#[derive(Clone, Debug)]
pub(crate) enum StoredSchedule {
    Sound(Box<Schedule>),
    /// It cannot be read, with the reason.
    Damaged(ScheduleIdentity, String),
}

impl Schedules {
    /// The schedules that a start finds.
    pub(crate) fn new(found: Vec<(ScheduleNumber, StoredSchedule)>) -> Self {
        let mut all = Self::default();
        for (number, stored) in found {
            all.next_number = all.next_number.max(number + 1);
            match stored {
                StoredSchedule::Sound(schedule) => {
                    let may_have_missed = !schedule.info().running_workflows.is_empty();
                    all.set(number, *schedule);
                    if may_have_missed {
                        all.wake_at(number, Some(Time::default()));
                    }
                }
                StoredSchedule::Damaged(names, reason) => {
                    all.damaged.insert((names.namespace, names.schedule_id), (number, reason));
                }
            }
        }
        all
    }

    pub(crate) fn get(&self, number: ScheduleNumber) -> Option<&Schedule> {
        self.by_number.get(&number)
    }

    /// The schedule with this id; none if there is none.
    ///
    /// # Errors
    ///
    /// When it is damaged.
    pub(crate) fn find(
        &self,
        namespace: &str,
        id: &str,
    ) -> Result<Option<(ScheduleNumber, &Schedule)>, Error> {
        let key = (namespace.to_owned(), id.to_owned());
        if let Some((_, reason)) = self.damaged.get(&key) {
            return Err(Error::DamagedSchedule { id: key.1, reason: reason.clone() });
        }
        let number = self.by_id.get(&key).copied();
        Ok(number.and_then(|number| Some((number, self.by_number.get(&number)?))))
    }

    /// The number of a schedule, also of a damaged one.
    pub(crate) fn number_of(&self, namespace: &str, id: &str) -> Option<ScheduleNumber> {
        let key = (namespace.to_owned(), id.to_owned());
        self.damaged.get(&key).map(|(number, _)| *number).or_else(|| self.by_id.get(&key).copied())
    }

    /// Schedules of a namespace before a number, the latest first.
    pub(crate) fn before(
        &self,
        namespace: &str,
        number: ScheduleNumber,
    ) -> impl Iterator<Item = (ScheduleNumber, &Schedule)> {
        let earlier = self.by_number.range(..number).rev();
        earlier
            .filter(move |(_, schedule)| schedule.identity.namespace == namespace)
            .map(|(number, schedule)| (*number, schedule))
    }

    /// The schedule that started a workflow which has not closed as far as it knows.
    pub(crate) fn that_started(
        &self,
        namespace: &str,
        workflow_id: &str,
        first_run_id: &str,
    ) -> Option<&Schedule> {
        let candidates = self.started.get(&(namespace.to_owned(), workflow_id.to_owned()))?;
        let mut candidates = candidates.iter().filter_map(|number| self.by_number.get(number));
        candidates.find(|schedule| schedule.is_running(workflow_id, first_run_id))
    }

    /// The ids of schedules of a namespace, damaged ones too.
    pub(crate) fn ids(&self, namespace: &str) -> Vec<String> {
        let sound = self.before(namespace, ScheduleNumber::MAX);
        let sound = sound.map(|(_, schedule)| schedule.identity.schedule_id.clone());
        let damaged = self.damaged.keys().filter(|(of, _)| of == namespace).map(|(_, id)| id.clone());
        sound.chain(damaged).collect()
    }

    /// The number that the next schedule gets.
    pub(crate) fn next_number(&self) -> ScheduleNumber {
        self.next_number
    }

    /// A schedule that is due; else the time of the first that will be.
    pub(crate) fn due(&self, now: Time) -> Result<ScheduleNumber, Option<Time>> {
        match self.wakeups.first() {
            Some((time, number)) if *time <= now => Ok(*number),
            first => Err(first.map(|(time, _)| *time)),
        }
    }

    /// A step of a schedule failed: it is tried again at this time.
    pub(crate) fn put_off(&mut self, number: ScheduleNumber, until: Time) {
        if self.by_number.contains_key(&number) {
            self.wake_at(number, Some(until));
        }
    }

    /// The end of a workflow may not be heard of: its run was damaged and is gone. The next step looks.
    pub(crate) fn doubt(&mut self, namespace: &str, workflow_id: &str) {
        let candidates = self.started.get(&(namespace.to_owned(), workflow_id.to_owned()));
        for number in candidates.into_iter().flatten().copied().collect::<Vec<_>>() {
            if let Some(schedule) = self.by_number.get_mut(&number) {
                schedule.is_unverified = true;
            }
            self.wake_at(number, Some(Time::default()));
        }
    }

    /// A schedule is created or changed.
    pub(crate) fn set(&mut self, number: ScheduleNumber, schedule: Schedule) {
        self.remove(number);
        self.next_number = self.next_number.max(number + 1);
        let namespace = &schedule.identity.namespace;
        self.by_id.insert((namespace.clone(), schedule.identity.schedule_id.clone()), number);
        for it in &schedule.info().running_workflows {
            let key = (namespace.clone(), it.workflow_id.clone());
            self.started.entry(key).or_default().insert(number);
        }
        self.wake_at(number, schedule.wakeup());
        self.by_number.insert(number, schedule);
    }

    /// A schedule is deleted.
    pub(crate) fn remove(&mut self, number: ScheduleNumber) -> Option<Schedule> {
        self.wake_at(number, None);
        self.damaged.retain(|_, (damaged, _)| *damaged != number);
        let schedule = self.by_number.remove(&number)?;
        let namespace = &schedule.identity.namespace;
        self.by_id.remove(&(namespace.clone(), schedule.identity.schedule_id.clone()));
        for it in &schedule.info().running_workflows {
            let key = (namespace.clone(), it.workflow_id.clone());
            if let Some(numbers) = self.started.get_mut(&key) {
                numbers.remove(&number);
                if numbers.is_empty() {
                    self.started.remove(&key);
                }
            }
        }
        Some(schedule)
    }

    fn wake_at(&mut self, number: ScheduleNumber, time: Option<Time>) {
        let before = match time {
            Some(time) => self.wakeup_of.insert(number, time),
            None => self.wakeup_of.remove(&number),
        };
        if let Some(before) = before {
            self.wakeups.remove(&(before, number));
        }
        if let Some(time) = time {
            self.wakeups.insert((time, number));
        }
    }
}
