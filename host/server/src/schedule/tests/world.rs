//! Schedules and the runs that they start, without a service around them: a clock that is set, and what a restart would
//! read.

use std::collections::BTreeMap;

use host_wire::{
    EventAttributes, duration_to_proto,
    temporal::api::{
        common::v1::{Payload, Payloads, WorkflowType},
        enums::v1::ScheduleOverlapPolicy as Overlap,
        failure::v1::Failure,
        history::v1::{WorkflowExecutionCompletedEventAttributes, WorkflowExecutionFailedEventAttributes},
        schedule::v1::{
            IntervalSpec, Schedule as Message, ScheduleAction, SchedulePatch, SchedulePolicies, ScheduleSpec,
            ScheduleState, schedule_action::Action,
        },
        taskqueue::v1::TaskQueue,
        workflow::v1::NewWorkflowExecutionInfo,
    },
};
use prost::Message as _;

use crate::{
    entity::EntityBody as _,
    execution::{
        close::terminate, effects::settle, executions::Executions, record::RunNumber, run::Run,
        run_transition::RunTransition, transition::Transition,
    },
    schedule::{
        apply,
        change::prepare,
        record::{ScheduleBody, ScheduleIdentity, ScheduleNumber},
        request,
        schedules::{Schedules, StoredSchedule},
        state::Schedule,
        step::{self, Change, Wake},
        update::{Update, definition},
    },
    time::Time,
};

pub(super) const SECOND: i64 = 1_000_000_000;
const NAMESPACE: &str = "default";
/// The schedule of tests that have one.
pub(super) const ID: &str = "s";

pub(super) struct World {
    pub(super) executions: Executions,
    pub(super) now: Time,
    ids: u64,
    requests: u64,
    /// What storage would have.
    stored: BTreeMap<ScheduleNumber, Vec<ScheduleBody>>,
}

impl World {
    /// Nothing, at a time in seconds since 1970.
    pub(super) fn at(seconds: i64) -> Self {
        Self {
            executions: Executions::new([NAMESPACE.to_owned()], 0),
            now: Time(seconds * SECOND),
            ids: 0,
            requests: 0,
            stored: BTreeMap::new(),
        }
    }

    fn transition<R>(&mut self, change: impl FnOnce(&mut Transition<'_>) -> R) -> R {
        let mut ids = || {
            self.ids += 1;
            format!("00000000-0000-0000-0000-{:012}", self.ids)
        };
        let mut transition = Transition::new(&mut self.executions, self.now, &mut ids);
        let result = change(&mut transition);
        settle(&mut transition);
        let (changes, _) = transition.end();
        for record in changes.others {
            // As it is after it was written and read.
            let body = ScheduleBody::decode(record.body).unwrap();
            let stored = self.stored.entry(record.entity.number).or_default();
            if body.replaces_all() {
                stored.clear();
            }
            stored.push(body);
        }
        result
    }

    pub(super) fn create(&mut self, message: &Message, patch: SchedulePatch) {
        let spec = request::check(message, self.now).unwrap();
        let identity = ScheduleIdentity {
            namespace: NAMESPACE.to_owned(),
            schedule_id: ID.to_owned(),
            ..ScheduleIdentity::default()
        };
        let definition = definition(&spec, message, None, None);
        let state = message.state.clone().unwrap_or_default();
        let schedule = Schedule::new(identity, definition, spec, state, self.now);
        let plan = step::plan(&self.executions, &schedule, patch, self.now).unwrap();
        self.transition(|transition| apply::apply(transition, plan));
    }

    fn change(&mut self, change: impl Change) {
        self.requests += 1;
        let request = format!("request-{}", self.requests);
        let plan = prepare(&self.executions, (NAMESPACE, ID, &request), None, change, self.now).unwrap();
        self.transition(|transition| apply::apply(transition, plan.unwrap()));
    }

    pub(super) fn patch(&mut self, patch: SchedulePatch) {
        self.change(patch);
    }

    pub(super) fn update(&mut self, message: &Message) {
        let spec = request::check(message, self.now).unwrap().into();
        self.change(Update { spec, schedule: message.clone(), memo: None, search_attributes: None });
    }

    pub(super) fn schedule(&self) -> Option<&Schedule> {
        self.executions.schedules.find(NAMESPACE, ID).unwrap().map(|(_, schedule)| schedule)
    }

    /// Takes the steps that are due now.
    pub(super) fn settle(&mut self) {
        for steps in 0.. {
            assert!(steps < 100_000, "the schedule is due for ever");
            let Ok(number) = self.executions.schedules.due(self.now) else { return };
            let schedule = self.executions.schedules.get(number).unwrap();
            let plan = step::plan(&self.executions, schedule, Wake, self.now).unwrap();
            self.transition(|transition| apply::apply(transition, plan));
        }
    }

    /// Time passes. The clock is looked at whenever something is due, as the service does it.
    pub(super) fn pass(&mut self, seconds: i64) {
        let until = Time(self.now.0 + seconds * SECOND);
        self.settle();
        while let Err(Some(next)) = self.executions.schedules.due(self.now)
            && next <= until
        {
            self.now = next;
            self.settle();
        }
        self.now = until;
    }

    /// The process ends and another begins, which has what was stored.
    pub(super) fn restart(&mut self) {
        let stored = self.stored.iter().filter_map(|(number, bodies)| {
            let schedule = Schedule::from_records(bodies.iter().cloned())?;
            Some((*number, StoredSchedule::Sound(Box::new(schedule))))
        });
        self.executions.schedules = Schedules::new(stored.collect());
    }

    /// The records that a start would read.
    pub(super) fn stored(&self) -> usize {
        self.stored.values().map(Vec::len).sum()
    }

    /// Runs in the order of their starts.
    pub(super) fn runs(&self) -> Vec<(RunNumber, &Run)> {
        let mut runs: Vec<_> = self.executions.iter().collect();
        runs.sort_unstable_by_key(|(number, _)| *number);
        runs
    }

    /// The ids of open workflows.
    pub(super) fn open(&self) -> Vec<&str> {
        self.runs()
            .iter()
            .filter(|(_, run)| run.is_open())
            .map(|(_, run)| &*run.identity().workflow_id)
            .collect()
    }

    /// The latest open run ends.
    fn end(&mut self, end: impl FnOnce(&mut RunTransition<'_>)) {
        let number = self.runs().iter().rev().find(|(_, run)| run.is_open()).unwrap().0;
        self.transition(|transition| transition.change(number, end));
        self.settle();
    }

    pub(super) fn complete(&mut self, result: &str) {
        let payload = Payload { data: result.to_owned().into(), ..Payload::default() };
        let completed = WorkflowExecutionCompletedEventAttributes {
            result: Some(Payloads { payloads: vec![payload] }),
            ..Default::default()
        };
        self.end(|run| {
            run.record(EventAttributes::WorkflowExecutionCompletedEventAttributes(Box::new(completed)));
        });
    }

    pub(super) fn fail(&mut self, message: &str) {
        let failed = WorkflowExecutionFailedEventAttributes {
            failure: Some(Failure { message: message.to_owned(), ..Failure::default() }),
            ..Default::default()
        };
        self.end(|run| {
            run.record(EventAttributes::WorkflowExecutionFailedEventAttributes(Box::new(failed)));
        });
    }

    pub(super) fn terminate(&mut self) {
        self.end(|run| terminate::terminate(run, "", None, ""));
    }
}

/// A schedule of workflows `w`.
pub(super) fn message(spec: ScheduleSpec, policy: Overlap) -> Message {
    let workflow = NewWorkflowExecutionInfo {
        workflow_id: "w".to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() }),
        ..NewWorkflowExecutionInfo::default()
    };
    Message {
        spec: Some(spec),
        action: Some(ScheduleAction { action: Some(Action::StartWorkflow(workflow)) }),
        policies: Some(SchedulePolicies { overlap_policy: policy.into(), ..SchedulePolicies::default() }),
        state: Some(ScheduleState::default()),
    }
}

pub(super) fn every(seconds: u64) -> ScheduleSpec {
    let interval = Some(duration_to_proto(std::time::Duration::from_secs(seconds)));
    ScheduleSpec { interval: vec![IntervalSpec { interval, phase: None }], ..ScheduleSpec::default() }
}
