//! One transition: a request or a deadline changes a run, which may change others.

use std::collections::VecDeque;

use host_wire::temporal::api::enums::v1::EventType;

use crate::{
    execution::{
        executions::Executions,
        fact::{Fact, UnrecordedChange},
        record::{Record, RunNumber},
        run::Run,
        run_transition::{Effect, RunTransition},
        successor::NewRun,
        task::{Task, activity_task, workflow_task},
    },
    limits,
    time::Time,
};

/// One transition: the executions, the time, a source of ids, and what came out so far.
pub(crate) struct Transition<'a> {
    pub(crate) executions: &'a mut Executions,
    pub(crate) now: Time,
    ids: &'a mut dyn FnMut() -> String,
    pub(crate) changes: Changes,
    effects: VecDeque<(RunNumber, Effect)>,
}

/// Everything that came out of a transition.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) records: Vec<Record>,
    pub(crate) tasks: Vec<Task>,
}

impl Changes {
    /// Whether all that happened is that workers got tasks, which nobody waits to be on disk.
    pub(crate) fn only_starts(&self) -> bool {
        let mut facts = self.records.iter().flat_map(|record| &record.facts);
        facts.all(|fact| match fact {
            Fact::Event(recorded) => recorded.event.event_type() == EventType::WorkflowTaskStarted,
            Fact::Unrecorded(note) => {
                matches!(
                    note,
                    UnrecordedChange::TransientStarted(_)
                        | UnrecordedChange::TaskInProcess(_)
                        | UnrecordedChange::ActivityStarted(_)
                )
            }
            Fact::Buffered(_) | Fact::Flushed(_) => false,
        })
    }

    /// One for each workflow task that was completed, or failed.
    pub(crate) fn closed_tasks(&self) -> impl Iterator<Item = ()> {
        let facts = self.records.iter().flat_map(|record| &record.facts);
        facts.filter_map(|fact| match fact {
            Fact::Event(recorded) => matches!(
                recorded.event.event_type(),
                EventType::WorkflowTaskCompleted
                    | EventType::WorkflowTaskFailed
                    | EventType::WorkflowTaskTimedOut
            )
            .then_some(()),
            Fact::Unrecorded(UnrecordedChange::TransientFailed(_)) => Some(()),
            _ => None,
        })
    }
}

impl<'a> Transition<'a> {
    pub(crate) fn new(executions: &'a mut Executions, now: Time, ids: &'a mut dyn FnMut() -> String) -> Self {
        Self { executions, now, ids, changes: Changes::default(), effects: VecDeque::new() }
    }

    pub(crate) fn new_id(&mut self) -> String {
        (self.ids)()
    }

    /// Changes a run, and does everything that follows from it.
    pub(crate) fn change<R>(
        &mut self,
        number: RunNumber,
        change: impl FnOnce(&mut RunTransition<'_>) -> R,
    ) -> Option<R> {
        let result = self.change_alone(number, change)?;
        self.settle();
        Some(result)
    }

    /// Starts a run; `first` happens to it before its first workflow task is scheduled.
    pub(crate) fn start(&mut self, new: NewRun, first: impl FnOnce(&mut RunTransition<'_>)) -> RunNumber {
        let number = self.start_alone(new);
        self.change(number, |run| {
            first(run);
            run.schedule_task();
        });
        number
    }

    /// Adds a run with its first event. Its workflow task is the caller's to schedule.
    pub(crate) fn start_alone(&mut self, new: NewRun) -> RunNumber {
        let number = self.executions.next_number;
        self.executions.add(number, Run::new(new.identity.clone()));
        self.changes.records.push(Record { run: number, identity: Some(new.identity), facts: Vec::new() });
        self.change_alone(number, |run| run.record_start(new.start, new.user_metadata));
        number
    }

    /// Changes a run and leaves what follows for [`Self::settle`].
    pub(crate) fn change_alone<R>(
        &mut self,
        number: RunNumber,
        change: impl FnOnce(&mut RunTransition<'_>) -> R,
    ) -> Option<R> {
        let run = self.executions.run_mut(number)?;
        let mut change_of_run = RunTransition::new(run, self.now, self.ids);
        let result = change(&mut change_of_run);
        if let Some(reason) = too_large(change_of_run.state) {
            change_of_run.terminate(reason, None, "history-service");
        }
        let RunTransition { facts, effects, .. } = change_of_run;
        self.effects.extend(effects.into_iter().map(|effect| (number, effect)));
        if !facts.is_empty() {
            run.transitions += 1;
            self.changes.records.push(Record { run: number, identity: None, facts });
        }
        Some(result)
    }

    fn settle(&mut self) {
        while let Some((number, effect)) = self.effects.pop_front() {
            match effect {
                Effect::WorkflowTask => {
                    let run = self.executions.run(number);
                    self.changes.tasks.extend(run.and_then(|run| workflow_task(number, run)));
                }
                Effect::Activity(id) => {
                    let run = self.executions.run(number);
                    self.changes.tasks.extend(run.and_then(|run| activity_task(number, run, id)));
                }
                Effect::StartChild(id) => self.start_child(number, id),
                Effect::SignalExternal(id) => self.signal_external(number, id),
                Effect::CancelExternal(id) => self.cancel_external(number, id),
                Effect::Continue(new) => {
                    let number = self.start_alone(*new);
                    self.change_alone(number, |run| run.schedule_task());
                }
                Effect::Closed(children) => self.closed(number, children),
            }
        }
    }
}

fn too_large(run: &Run) -> Option<&'static str> {
    if !run.is_open() {
        None
    } else if run.history.len() > limits::HISTORY_EVENTS {
        Some("Workflow history count exceeds limit.")
    } else if run.history_bytes > limits::HISTORY_BYTES {
        Some("Workflow history size exceeds limit.")
    } else {
        None
    }
}
