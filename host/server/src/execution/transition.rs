//! One transition: a request or a deadline changes a run, which may change others.

use std::collections::{BTreeSet, VecDeque};

use host_wire::temporal::api::enums::v1::EventType;

use crate::{
    batch::{
        record::{BatchBody, BatchNumber},
        state::Batch,
    },
    deployment::state::{Deployment, DeploymentNumber},
    entity::{EntityKind, EntityRecord},
    execution::{
        executions::Executions,
        fact::{Fact, Recorded, UnrecordedChange},
        record::{Record, RunIdentity, RunNumber},
        run::Run,
        run_transition::{Effect, RunChanges, RunTransition},
        successor::NewRun,
        task::Task,
        update::state::{UpdateEnd, UpdateNumber},
    },
    namespace::{
        namespaces::Namespace,
        record::{NamespaceBody, NamespaceNumber},
    },
    nexus::endpoint::{Endpoint, EndpointNumber},
    schedule::{
        record::{ScheduleBody, ScheduleIdentity, ScheduleNumber},
        state::Schedule,
    },
    time::Time,
};

/// A transition in the making. All runs that it needs are in memory: it looked them up before.
pub(crate) struct Transition<'a> {
    executions: &'a mut Executions,
    now: Time,
    ids: &'a mut dyn FnMut() -> String,
    changes: Changes,
    effects: VecDeque<(RunNumber, Effect)>,
    touched: Touched,
}

/// The runs that a transition touched, to bring them back when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Runs that it changed.
    pub(crate) changed: BTreeSet<RunNumber>,
    /// Runs that it started, each with the run that was the latest of the workflow id before, if that was known.
    pub(crate) started: Vec<(RunNumber, Option<RunNumber>)>,
    /// The run that is being changed.
    pub(crate) changing: Option<RunNumber>,
    /// Schedules as they were before each change; none for those that it created.
    pub(crate) schedules: Vec<(ScheduleNumber, Option<Schedule>)>,
    /// Batch operations, likewise.
    pub(crate) batches: Vec<(BatchNumber, Option<Batch>)>,
    /// Deployments, likewise.
    pub(crate) deployments: Vec<(DeploymentNumber, Option<Deployment>)>,
    /// Nexus endpoints, likewise.
    pub(crate) endpoints: Vec<(EndpointNumber, Option<Endpoint>)>,
    /// Namespaces, likewise, by name.
    pub(crate) namespaces: Vec<(String, Option<(NamespaceNumber, Namespace)>)>,
}

/// Everything that came out of a transition.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) records: Vec<Record>,
    /// What happened to schedules, batch operations, deployments and the like.
    pub(crate) others: Vec<EntityRecord>,
    pub(crate) tasks: Vec<Task>,
    /// Runs of which something changed that lives in memory only.
    pub(crate) changed_in_memory: BTreeSet<RunNumber>,
    /// Updates that do not wait for a verdict any more, each with its end if it was not accepted.
    pub(crate) decided_updates: Vec<(UpdateNumber, Option<UpdateEnd>)>,
}

impl<'a> Transition<'a> {
    pub(crate) fn new(executions: &'a mut Executions, now: Time, ids: &'a mut dyn FnMut() -> String) -> Self {
        Self {
            executions,
            now,
            ids,
            changes: Changes::default(),
            effects: VecDeque::new(),
            touched: Touched::default(),
        }
    }

    pub(crate) fn executions(&self) -> &Executions {
        self.executions
    }

    pub(crate) fn now(&self) -> Time {
        self.now
    }

    pub(crate) fn new_id(&mut self) -> String {
        (self.ids)()
    }

    /// A run that was looked up before the transition.
    ///
    /// # Panics
    ///
    /// When it is not in memory.
    pub(crate) fn run(&self, number: RunNumber) -> &Run {
        self.executions.get(number).unwrap_or_else(|| not_looked_up(number))
    }

    /// Changes a run. What follows for other runs is left for [`super::effects::settle`].
    ///
    /// # Panics
    ///
    /// When the run is not in memory.
    pub(crate) fn change<R>(
        &mut self,
        number: RunNumber,
        change: impl FnOnce(&mut RunTransition<'_>) -> R,
    ) -> R {
        let run = self.executions.get_mut(number).unwrap_or_else(|| not_looked_up(number));
        self.touched.changed.insert(number);
        self.touched.changing = Some(number);
        let mut changed = RunTransition::new(run, self.now, self.ids);
        let result = change(&mut changed);
        let RunChanges { facts, effects, changed_in_memory, decided_updates } = changed.end();
        self.touched.changing = None;
        self.changes.decided_updates.extend(decided_updates);
        if changed_in_memory {
            self.changes.changed_in_memory.insert(number);
        }
        self.effects.extend(effects.into_iter().map(|effect| (number, effect)));
        if !facts.is_empty() {
            self.changes.records.push(Record { run: number, identity: None, facts });
        }
        result
    }

    /// Adds a run with its first event. Its workflow task is the caller's to schedule.
    pub(crate) fn start(&mut self, new: NewRun) -> RunNumber {
        let number = self.add(new.identity);
        let event = host_wire::EventAttributes::WorkflowExecutionStartedEventAttributes(new.start);
        self.change(number, |run| run.record_first(event, new.user_metadata, new.links));
        number
    }

    /// Keeps a schedule that was created or changed.
    pub(crate) fn put_schedule(&mut self, mut schedule: Schedule) {
        let schedules = &mut self.executions.schedules;
        let names = &schedule.identity;
        let number = schedules.number_of(&names.namespace, &names.schedule_id);
        let number = number.unwrap_or(schedules.next_number());
        let before = schedules.get(number);
        let body = schedule.changes_since(before);
        self.touched.schedules.push((number, before.cloned()));
        schedules.set(number, schedule);
        if let Some(body) = body {
            self.changes.others.push(EntityRecord::new(number, &body));
        }
    }

    /// Deletes a schedule.
    pub(crate) fn delete_schedule(&mut self, names: &ScheduleIdentity) {
        let schedules = &mut self.executions.schedules;
        let Some(number) = schedules.number_of(&names.namespace, &names.schedule_id) else { return };
        self.touched.schedules.push((number, schedules.remove(number)));
        let body =
            ScheduleBody { identity: Some(names.clone()), is_deleted: true, ..ScheduleBody::default() };
        self.changes.others.push(EntityRecord::new(number, &body));
    }

    /// Keeps a batch operation that was started or got on.
    pub(crate) fn put_batch(&mut self, number: BatchNumber, mut batch: Batch) {
        let batches = &mut self.executions.batches;
        let before = batches.get(number);
        let body = batch.changes_since(before);
        self.touched.batches.push((number, before.cloned()));
        batches.set(number, batch);
        if let Some(body) = body {
            self.changes.others.push(EntityRecord::new(number, &body));
        }
    }

    /// Forgets a batch operation.
    pub(crate) fn delete_batch(&mut self, number: BatchNumber) {
        let batch = self.executions.batches.remove(number);
        let identity = batch.as_ref().map(|batch| batch.identity.clone());
        let body = BatchBody { identity, is_deleted: true, ..BatchBody::default() };
        self.touched.batches.push((number, batch));
        self.changes.others.push(EntityRecord::new(number, &body));
    }

    /// Keeps a namespace that was registered or changed.
    pub(crate) fn put_namespace(&mut self, number: NamespaceNumber, namespace: Namespace) {
        let name = namespace.info.name.clone();
        let namespaces = &mut self.executions.namespaces;
        let before = namespaces.get(&name).map(|(number, before)| (number, before.clone()));
        self.touched.namespaces.push((name, before));
        self.changes.others.push(EntityRecord::new(number, &namespace.body()));
        namespaces.set(number, namespace);
    }

    /// A namespace is being deleted: nothing starts in it from here on.
    pub(crate) fn leave_namespace(&mut self, number: NamespaceNumber, namespace: Namespace) {
        let name = namespace.info.name.clone();
        self.put_namespace(number, namespace);
        // A kind more has to say here how its entities leave with their namespace.
        for kind in EntityKind::ALL {
            match kind {
                EntityKind::Schedule => {
                    for schedule_id in self.executions.schedules.ids(&name) {
                        let namespace = name.clone();
                        let names =
                            ScheduleIdentity { namespace, schedule_id, ..ScheduleIdentity::default() };
                        self.delete_schedule(&names);
                    }
                }
                EntityKind::Batch => {
                    let numbers = self.executions.batches.numbers(&name);
                    numbers.into_iter().for_each(|number| self.delete_batch(number));
                }
                // In the background: there may be many. The namespace itself goes last.
                EntityKind::Run | EntityKind::SearchAttributes | EntityKind::Namespace => {}
                EntityKind::Deployment => {
                    let numbers = self.executions.deployments.numbers(&name);
                    numbers.into_iter().for_each(|number| self.delete_deployment(number));
                }
                // A namespace that is the target of one is not deleted.
                EntityKind::Endpoint => {}
            }
        }
    }

    /// Nothing of a namespace is left.
    pub(crate) fn remove_namespace(&mut self, name: &str) {
        let Some((number, namespace)) = self.executions.namespaces.remove(name) else { return };
        let body = NamespaceBody { is_deleted: true, ..namespace.body() };
        self.touched.namespaces.push((name.to_owned(), Some((number, namespace))));
        self.changes.others.push(EntityRecord::new(number, &body));
    }

    /// Keeps a deployment that came to be or was changed.
    pub(crate) fn put_deployment(&mut self, number: DeploymentNumber, deployment: Deployment) {
        let deployments = &mut self.executions.deployments;
        let before = deployments.get(number).cloned();
        if before.as_ref() == Some(&deployment) {
            return;
        }
        self.changes.others.push(EntityRecord::new(number, &deployment));
        self.touched.deployments.push((number, before));
        deployments.set(number, deployment);
    }

    /// Deletes a deployment.
    pub(crate) fn delete_deployment(&mut self, number: DeploymentNumber) {
        let deployment = self.executions.deployments.remove(number);
        let Deployment { namespace, name, .. } = deployment.clone().unwrap_or_default();
        let body = Deployment { namespace, name, is_deleted: true, ..Deployment::default() };
        self.touched.deployments.push((number, deployment));
        self.changes.others.push(EntityRecord::new(number, &body));
    }

    /// Keeps a Nexus endpoint that was created or updated.
    pub(crate) fn put_endpoint(&mut self, number: EndpointNumber, endpoint: Endpoint) {
        let endpoints = &mut self.executions.endpoints;
        self.touched.endpoints.push((number, endpoints.get(number).cloned()));
        self.changes.others.push(EntityRecord::new(number, &endpoint));
        endpoints.set(number, endpoint);
    }

    /// Deletes a Nexus endpoint.
    pub(crate) fn delete_endpoint(&mut self, number: EndpointNumber) {
        let endpoint = self.executions.endpoints.remove(number);
        let body = Endpoint { is_deleted: true, ..endpoint.clone().unwrap_or_default() };
        self.touched.endpoints.push((number, endpoint));
        self.changes.others.push(EntityRecord::new(number, &body));
    }

    /// Adds a run that has the events of another. What follows from them is the caller's to do.
    pub(crate) fn take_over(&mut self, identity: RunIdentity, events: Vec<Recorded>) -> RunNumber {
        let number = self.add(identity);
        self.change(number, |run| events.into_iter().for_each(|event| run.take_over(event)));
        number
    }

    fn add(&mut self, identity: RunIdentity) -> RunNumber {
        let before = self.executions.known_latest(&identity);
        let number = self.executions.start(Run::new(identity.clone()));
        self.touched.started.push((number, before));
        self.changes.records.push(Record { run: number, identity: Some(identity), facts: Vec::new() });
        number
    }

    /// A task for the queues.
    pub(crate) fn push_task(&mut self, task: Option<Task>) {
        self.changes.tasks.extend(task);
    }

    /// A changed run whose buffered events exceed their limit.
    pub(in crate::execution) fn over_buffer_limit(&self) -> Option<RunNumber> {
        let mut changed = self.changes.records.iter().map(|record| record.run);
        changed.find(|number| self.executions.get(*number).is_some_and(|run| run.buffer().is_over_limit()))
    }

    pub(in crate::execution) fn next_effect(&mut self) -> Option<(RunNumber, Effect)> {
        self.effects.pop_front()
    }

    /// What came out of it, and the runs that it touched.
    pub(crate) fn end(self) -> (Changes, Touched) {
        (self.changes, self.touched)
    }
}

fn not_looked_up(number: RunNumber) -> ! {
    panic!("run {number} was not looked up before the transition")
}

impl Changes {
    /// Whether there is nothing for the log.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.others.is_empty()
    }

    /// Whether all that happened is that workers got tasks, which no answer waits for.
    pub(crate) fn only_starts(&self) -> bool {
        if !self.others.is_empty() {
            return false;
        }
        let mut facts = self.records.iter().flat_map(|record| &record.facts);
        facts.all(|fact| match fact {
            Fact::Event(recorded) => recorded.event.event_type() == EventType::WorkflowTaskStarted,
            Fact::Unrecorded(change) => matches!(
                change,
                UnrecordedChange::TransientStarted(_)
                    | UnrecordedChange::TaskInProcess(_)
                    | UnrecordedChange::ActivityStarted(_)
            ),
            Fact::Buffered(_) | Fact::Flushed(_) => false,
        })
    }

    /// How many workflow tasks were completed, failed or timed out.
    pub(crate) fn closed_tasks(&self) -> usize {
        let facts = self.records.iter().flat_map(|record| &record.facts);
        facts
            .filter(|fact| match fact {
                Fact::Event(recorded) => matches!(
                    recorded.event.event_type(),
                    EventType::WorkflowTaskCompleted
                        | EventType::WorkflowTaskFailed
                        | EventType::WorkflowTaskTimedOut
                ),
                Fact::Unrecorded(change) => matches!(change, UnrecordedChange::TransientFailed(_)),
                Fact::Buffered(_) | Fact::Flushed(_) => false,
            })
            .count()
    }
}
