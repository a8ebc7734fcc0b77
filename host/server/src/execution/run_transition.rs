//! The change of one run within a transition: what is recorded, and what that asks of other runs and of workers.

use std::ops::Deref;

use host_wire::{
    EventAttributes, event_type,
    temporal::api::{
        common::v1::{Link, WorkerVersionStamp},
        history::v1::HistoryEvent,
        sdk::v1::UserMetadata,
    },
};

use crate::{
    execution::{
        child::state::Child,
        event::{EventKind, kind},
        fact::{Fact, Recorded, UnrecordedChange},
        run::Run,
        successor::NewRun,
        update::state::{PendingUpdate, UpdateEnd, UpdateNumber},
        worker::Worker,
        workflow_task::attributes::{scheduled_attributes, started_attributes},
    },
    time::Time,
};

/// What a change asks of others, to be done in the same transition.
#[derive(Debug)]
pub(crate) enum Effect {
    /// The run's workflow task wants a worker.
    WorkflowTask,
    /// The current attempt of this activity wants a worker.
    Activity(i64),
    /// The Nexus operation of this scheduled event has to call its handler.
    Nexus(i64),
    /// The child of this initiated event is to be started.
    StartChild(i64),
    /// The external signal of this initiated event is to be delivered.
    SignalExternal(i64),
    /// The external cancellation of this initiated event is to be delivered.
    CancelExternal(i64),
    /// The next run of the same workflow id starts.
    Continue(Box<NewRun>),
    /// The run is closed: its parent and these children are to hear of it.
    Closed(Vec<Child>),
}

/// A run that is being changed. Reads go to the [`Run`] itself; it changes through what is recorded here.
pub(crate) struct RunTransition<'a> {
    run: &'a mut Run,
    now: Time,
    ids: &'a mut dyn FnMut() -> String,
    facts: Vec<Fact>,
    effects: Vec<Effect>,
    /// Whether something changed that lives in memory only.
    changed_in_memory: bool,
    /// Updates that do not wait for a verdict any more, each with its end if it was not accepted.
    decided_updates: Vec<(UpdateNumber, Option<UpdateEnd>)>,
    /// Whether the run closed and another follows it.
    is_followed: bool,
    /// While commands are recorded: whether one of them wants a workflow task after them.
    commands_want_task: Option<bool>,
}

impl Deref for RunTransition<'_> {
    type Target = Run;

    fn deref(&self) -> &Run {
        self.run
    }
}

impl<'a> RunTransition<'a> {
    pub(crate) fn new(run: &'a mut Run, now: Time, ids: &'a mut dyn FnMut() -> String) -> Self {
        Self {
            run,
            now,
            ids,
            facts: Vec::new(),
            effects: Vec::new(),
            changed_in_memory: false,
            decided_updates: Vec::new(),
            is_followed: false,
            commands_want_task: None,
        }
    }

    /// Ends the change.
    pub(crate) fn end(mut self) -> RunChanges {
        while !self.run.is_open()
            && let Some(pending) = self.run.updates().pending().first()
        {
            let update_id = pending.update_id.clone();
            self.take_update(&update_id, Some(UpdateEnd::of_closed_run(self.is_followed)));
        }
        if !self.facts.is_empty() {
            self.run.end_transition();
        }
        RunChanges {
            facts: self.facts,
            effects: self.effects,
            changed_in_memory: self.changed_in_memory,
            decided_updates: self.decided_updates,
        }
    }

    /// Changes what lives in memory only.
    pub(crate) fn in_memory<R>(&mut self, change: impl FnOnce(&mut Run) -> R) -> R {
        self.changed_in_memory = true;
        change(self.run)
    }

    /// Takes an update that waits for a verdict. Without an end, it is accepted.
    pub(crate) fn take_update(&mut self, update_id: &str, end: Option<UpdateEnd>) -> Option<PendingUpdate> {
        let index = self.run.updates().pending().iter().position(|it| it.update_id == update_id)?;
        let pending = self.in_memory(|run| run.updates_mut().pending_mut().remove(index));
        self.decided_updates.push((pending.number, end));
        Some(pending)
    }

    pub(crate) fn now(&self) -> Time {
        self.now
    }

    pub(crate) fn new_id(&mut self) -> String {
        (self.ids)()
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Until [`Self::end_commands`], workflow tasks are not scheduled but wanted.
    pub(crate) fn begin_commands(&mut self, wants_task: bool) {
        self.commands_want_task = Some(wants_task);
    }

    /// Answers whether one of the commands wants a workflow task.
    pub(crate) fn end_commands(&mut self) -> bool {
        self.commands_want_task.take().unwrap_or_default()
    }

    /// Puts off a workflow task until all commands are recorded; false if none are being recorded.
    pub(crate) fn defer_task(&mut self) -> bool {
        if let Some(wanted) = &mut self.commands_want_task {
            *wanted = true;
        }
        self.commands_want_task.is_some()
    }

    /// Keeps a change that is not part of the history.
    pub(crate) fn unrecorded(&mut self, change: UnrecordedChange) {
        self.store_before_others();
        self.push(Fact::Unrecorded(change));
    }

    /// Records an event now; answers its id, 0 while it is buffered.
    pub(crate) fn record(&mut self, attributes: EventAttributes) -> i64 {
        self.record_event(self.now, attributes, None, Vec::new())
    }

    /// Records an event that happened earlier.
    pub(crate) fn record_at(&mut self, time: Time, attributes: EventAttributes) -> i64 {
        self.record_event(time, attributes, None, Vec::new())
    }

    /// Records an event that follows from a command, to be flushed after the events of all commands.
    pub(crate) fn record_after_commands(&mut self, attributes: EventAttributes) {
        self.store_before_others();
        let event = event(0, self.now, attributes);
        self.push(Fact::Buffered(Recorded::new(event)));
    }

    /// Records an event with the `user_metadata` of its command.
    pub(crate) fn record_with(
        &mut self,
        attributes: EventAttributes,
        user_metadata: Option<UserMetadata>,
    ) -> i64 {
        self.record_event(self.now, attributes, user_metadata, Vec::new())
    }

    /// Records the first event of a run, with what its request has beside it.
    pub(crate) fn record_first(
        &mut self,
        attributes: EventAttributes,
        user_metadata: Option<UserMetadata>,
        links: Vec<Link>,
    ) -> i64 {
        self.record_event(self.now, attributes, user_metadata, links)
    }

    /// Records an event with the `links` of its request.
    pub(crate) fn record_linked(&mut self, attributes: EventAttributes, links: Vec<Link>) -> i64 {
        self.record_event(self.now, attributes, None, links)
    }

    /// As [`Self::record_linked`], of an event that happened earlier.
    pub(crate) fn record_linked_at(
        &mut self,
        time: Time,
        attributes: EventAttributes,
        links: Vec<Link>,
    ) -> i64 {
        self.record_event(time, attributes, None, links)
    }

    fn record_event(
        &mut self,
        time: Time,
        attributes: EventAttributes,
        user_metadata: Option<UserMetadata>,
        links: Vec<Link>,
    ) -> i64 {
        let kind = kind(&attributes);
        if kind == EventKind::Closing {
            self.is_followed = is_followed(&attributes);
        } else {
            self.store_before_others();
        }
        let buffered = kind == EventKind::Buffered && self.run.workflow_tasks().started_task().is_some();
        let event_id = if buffered { 0 } else { self.run.history().next_event_id() };
        let event = event(event_id, time, attributes);
        let recorded = Recorded::new(HistoryEvent { user_metadata, links, ..event });
        if kind == EventKind::Closing {
            let children = self.run.children().iter().map(|(_, child)| child.clone()).collect();
            self.effect(Effect::Closed(children));
        }
        self.push(if buffered { Fact::Buffered(recorded) } else { Fact::Event(recorded) });
        event_id
    }

    /// Takes over an event of another run, which is the next of this one.
    pub(crate) fn take_over(&mut self, event: Recorded) {
        self.push(Fact::Event(event));
    }

    /// Moves a buffered event into the history.
    pub(crate) fn record_flushed(&mut self, event: HistoryEvent) {
        self.store_before_others();
        self.push(Fact::Flushed(Recorded::new(event)));
    }

    /// Records the events of a speculative workflow task: it is one as any other from here on. `identity` and `version`
    /// are what its started event says of the worker.
    pub(crate) fn store_speculative_task(&mut self, identity: &str, version: Option<WorkerVersionStamp>) {
        let Some(task) = self.run.workflow_tasks().speculative().cloned() else { return };
        let scheduled = scheduled_attributes(self.run, task.queue.clone(), task.attempt);
        let started = task.started.map(|started| {
            let worker = Worker { identity: identity.to_owned(), version, ..started.worker.clone() };
            let id = task.scheduled_event_id;
            (started_attributes(self.run, id, &worker, &started.request_id), started)
        });
        self.in_memory(|run| run.workflow_tasks_mut().set_speculative(None));
        self.record_at(task.scheduled_time, scheduled);
        if let Some((attributes, started)) = started {
            let event_id = self.record_at(started.time, attributes);
            if started.worker.in_process {
                self.unrecorded(UnrecordedChange::TaskInProcess(event_id));
            }
        } else {
            self.in_memory(|run| run.workflow_tasks_mut().expire_unstarted());
        }
    }

    /// Nothing is recorded past a speculative workflow task: it becomes one as any other first. A closing event takes
    /// the place of one that no worker has.
    fn store_before_others(&mut self) {
        self.store_speculative_task("", None);
    }

    fn push(&mut self, fact: Fact) {
        self.run.apply(&fact);
        self.facts.push(fact);
    }
}

/// Everything that came out of the change of a run.
#[derive(Debug)]
pub(crate) struct RunChanges {
    pub(crate) facts: Vec<Fact>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) changed_in_memory: bool,
    pub(crate) decided_updates: Vec<(UpdateNumber, Option<UpdateEnd>)>,
}

/// Whether another run of the same workflow id follows the one that an event closes.
fn is_followed(closing: &EventAttributes) -> bool {
    use EventAttributes as A;
    match closing {
        A::WorkflowExecutionContinuedAsNewEventAttributes(_) => true,
        A::WorkflowExecutionCompletedEventAttributes(a) => !a.new_execution_run_id.is_empty(),
        A::WorkflowExecutionFailedEventAttributes(a) => !a.new_execution_run_id.is_empty(),
        A::WorkflowExecutionTimedOutEventAttributes(a) => !a.new_execution_run_id.is_empty(),
        _ => false,
    }
}

fn event(event_id: i64, time: Time, attributes: EventAttributes) -> HistoryEvent {
    // Workers of before these event types are told to skip them.
    let worker_may_ignore = matches!(
        attributes,
        EventAttributes::WorkflowExecutionOptionsUpdatedEventAttributes(_)
            | EventAttributes::NexusOperationCancelRequestCompletedEventAttributes(_)
            | EventAttributes::NexusOperationCancelRequestFailedEventAttributes(_)
    );
    HistoryEvent {
        event_id,
        event_time: Some(time.into()),
        event_type: event_type(&attributes).into(),
        task_id: event_id,
        worker_may_ignore,
        attributes: Some(attributes),
        ..HistoryEvent::default()
    }
}
