//! All runs, and one transition of them: a request changes a run, which may change others.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    fmt,
};

use elsa::FrozenMap;
use host_wire::temporal::api::{
    common::v1::WorkflowExecution, enums::v1::EventType, taskqueue::v1::TaskQueue,
};

use super::{
    archive::Archive,
    error::Error,
    fact::{Fact, Note},
    limits,
    next_run::NewRun,
    run::{Birth, Run},
    step::{Effect, Step},
    time::Time,
};

/// Number of a run, in the order of their starts. What storage and task tokens call it.
pub(crate) type RunNumber = u64;

/// All runs. Those that are not in memory are brought in when somebody asks for them.
pub(crate) struct World {
    namespaces: BTreeSet<String>,
    archive: Box<dyn Archive>,
    runs: FrozenMap<RunNumber, Box<Run>>,
    /// The latest run of a namespace and workflow id, for runs that were started in this process and
    /// have not left memory; the archive knows the others.
    current: HashMap<(String, String), RunNumber>,
    /// The same by run id.
    by_run_id: HashMap<String, RunNumber>,
    next_number: RunNumber,
}

/// A task for a worker. Whether it is still wanted is checked when somebody takes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Task {
    Workflow { run: RunNumber, scheduled_event_id: i64, attempt: i32, queue: TaskQueue },
    Activity { run: RunNumber, scheduled_event_id: i64, attempt: i32, queue: String },
}

/// What happened to one run in a transition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) run: RunNumber,
    /// For the first record of a run.
    pub(crate) birth: Option<Birth>,
    pub(crate) facts: Vec<Fact>,
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
            Fact::Note(note) => {
                matches!(note, Note::TransientStarted(_) | Note::TaskInProcess(_) | Note::ActivityStarted(_))
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
            Fact::Note(Note::TransientFailed(_)) => Some(()),
            _ => None,
        })
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("next_number", &self.next_number).finish_non_exhaustive()
    }
}

impl World {
    /// Every run is in the archive, and `next_number` is that of the next to start.
    pub(crate) fn new(
        namespaces: impl IntoIterator<Item = String>,
        archive: Box<dyn Archive>,
        next_number: RunNumber,
    ) -> Self {
        Self {
            namespaces: namespaces.into_iter().collect(),
            archive,
            runs: FrozenMap::new(),
            current: HashMap::new(),
            by_run_id: HashMap::new(),
            next_number,
        }
    }

    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.namespaces.iter().map(String::as_str)
    }

    pub(crate) fn check_namespace(&self, namespace: &str) -> Result<(), Error> {
        if namespace.is_empty() {
            return Err(Error::invalid("Namespace not set on request."));
        }
        if self.namespaces.contains(namespace) {
            Ok(())
        } else {
            Err(Error::NamespaceNotFound(namespace.to_owned()))
        }
    }

    /// A run, in memory from now on.
    pub(crate) fn run(&self, number: RunNumber) -> Option<&Run> {
        if let Some(run) = self.runs.get(&number) {
            return Some(run);
        }
        // Numbers come back from outside, in tokens: one that was never given out is not looked for.
        let run = (number < self.next_number).then(|| self.archive.load(number)).flatten()?;
        Some(self.runs.insert(number, Box::new(run)))
    }

    fn run_mut(&mut self, number: RunNumber) -> Option<&mut Run> {
        self.run(number)?;
        self.runs.as_mut().get_mut(&number).map(Box::as_mut)
    }

    /// Runs that are in memory, in no order.
    pub(crate) fn runs(&mut self) -> impl Iterator<Item = (RunNumber, &Run)> {
        self.runs.as_mut().iter().map(|(number, run)| (*number, run.as_ref()))
    }

    /// The number that the next run gets.
    pub(crate) fn next_number(&self) -> RunNumber {
        self.next_number
    }

    /// The latest run of a workflow id.
    pub(crate) fn current(&self, namespace: &str, workflow_id: &str) -> Option<RunNumber> {
        let known = self.current.get(&(namespace.to_owned(), workflow_id.to_owned()));
        known.copied().or_else(|| self.archive.latest(namespace, workflow_id))
    }

    /// Forgets a run, which the archive must have.
    pub(crate) fn evict(&mut self, number: RunNumber) -> Option<Run> {
        let run = self.runs.as_mut().remove(&number)?;
        self.by_run_id.remove(&run.birth.run_id);
        let key = (run.birth.namespace.clone(), run.birth.workflow_id.clone());
        if self.current.get(&key) == Some(&number) {
            self.current.remove(&key);
        }
        Some(*run)
    }

    /// The run that a request names; without a run id the latest.
    pub(crate) fn find(
        &self,
        namespace: &str,
        execution: Option<&WorkflowExecution>,
    ) -> Result<RunNumber, Error> {
        self.check_namespace(namespace)?;
        let Some(execution) = execution else {
            return Err(Error::invalid("Execution is not set on request."));
        };
        if execution.workflow_id.is_empty() {
            return Err(Error::invalid("WorkflowId is not set on request."));
        }
        if !execution.run_id.is_empty() && !is_run_id(&execution.run_id) {
            return Err(Error::invalid("Invalid RunId."));
        }
        let found = if execution.run_id.is_empty() {
            self.current(namespace, &execution.workflow_id)
        } else {
            let known = self.by_run_id.get(&execution.run_id).copied();
            known.or_else(|| self.archive.with_run_id(&execution.run_id)).filter(|number| {
                self.run(*number).is_some_and(|run| {
                    run.birth.workflow_id == execution.workflow_id && run.birth.namespace == namespace
                })
            })
        };
        found.ok_or_else(|| Error::no_workflow(&execution.workflow_id))
    }

    /// The same, if that run is open. `first_run_id` keeps a request to one chain of runs.
    pub(crate) fn find_open(
        &self,
        namespace: &str,
        execution: Option<&WorkflowExecution>,
        first_run_id: &str,
    ) -> Result<RunNumber, Error> {
        let number = self.find(namespace, execution)?;
        let Some(run) = self.run(number) else { return Err(Error::completed()) };
        if !first_run_id.is_empty() && run.start.first_execution_run_id != first_run_id {
            return Err(Error::no_workflow(&run.birth.workflow_id));
        }
        if run.is_open() { Ok(number) } else { Err(Error::completed()) }
    }

    /// Tasks that wait for a worker, for queues to be filled after a restart.
    pub(crate) fn waiting_tasks(&mut self) -> Vec<Task> {
        let mut runs: Vec<_> = self.runs().filter(|(_, run)| run.is_open()).collect();
        runs.sort_unstable_by_key(|(number, _)| *number);
        let mut tasks = Vec::new();
        for (number, run) in runs {
            tasks.extend(workflow_task(number, run));
            tasks.extend(run.activities.keys().filter_map(|id| activity_task(number, run, *id)));
        }
        tasks
    }

    fn add(&mut self, number: RunNumber, run: Run) {
        let birth = &run.birth;
        self.current.insert((birth.namespace.clone(), birth.workflow_id.clone()), number);
        self.by_run_id.insert(birth.run_id.clone(), number);
        self.next_number = self.next_number.max(number + 1);
        self.runs.as_mut().insert(number, Box::new(run));
    }
}

/// One transition: the world, the time, a source of ids, and what came out so far.
pub(crate) struct Turn<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) now: Time,
    ids: &'a mut dyn FnMut() -> String,
    pub(crate) changes: Changes,
    effects: VecDeque<(RunNumber, Effect)>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(world: &'a mut World, now: Time, ids: &'a mut dyn FnMut() -> String) -> Self {
        Self { world, now, ids, changes: Changes::default(), effects: VecDeque::new() }
    }

    pub(crate) fn new_id(&mut self) -> String {
        (self.ids)()
    }

    /// Changes a run, and does everything that follows from it.
    pub(crate) fn step<R>(
        &mut self,
        number: RunNumber,
        change: impl FnOnce(&mut Step<'_>) -> R,
    ) -> Option<R> {
        let result = self.step_alone(number, change)?;
        self.settle();
        Some(result)
    }

    /// Starts a run; `first` happens to it before its first workflow task is scheduled.
    pub(crate) fn start(&mut self, new: NewRun, first: impl FnOnce(&mut Step<'_>)) -> RunNumber {
        let number = self.start_alone(new);
        self.step(number, |step| {
            first(step);
            step.schedule_task();
        });
        number
    }

    /// Adds a run with its first event. Its workflow task is the caller's to schedule.
    pub(super) fn start_alone(&mut self, new: NewRun) -> RunNumber {
        let number = self.world.next_number;
        self.world.add(number, Run::new(new.birth.clone()));
        self.changes.records.push(Record { run: number, birth: Some(new.birth), facts: Vec::new() });
        self.step_alone(number, |step| step.record_start(new.start, new.user_metadata));
        number
    }

    /// Changes a run and leaves what follows for [`Self::settle`].
    pub(super) fn step_alone<R>(
        &mut self,
        number: RunNumber,
        change: impl FnOnce(&mut Step<'_>) -> R,
    ) -> Option<R> {
        let run = self.world.run_mut(number)?;
        let mut step = Step::new(run, self.now, self.ids);
        let result = change(&mut step);
        if let Some(reason) = too_large(step.run) {
            step.terminate(reason, None, "history-service");
        }
        let Step { facts, effects, .. } = step;
        self.effects.extend(effects.into_iter().map(|effect| (number, effect)));
        if !facts.is_empty() {
            run.transitions += 1;
            self.changes.records.push(Record { run: number, birth: None, facts });
        }
        Some(result)
    }

    fn settle(&mut self) {
        while let Some((number, effect)) = self.effects.pop_front() {
            match effect {
                Effect::WorkflowTask => {
                    let run = self.world.run(number);
                    self.changes.tasks.extend(run.and_then(|run| workflow_task(number, run)));
                }
                Effect::Activity(id) => {
                    let run = self.world.run(number);
                    self.changes.tasks.extend(run.and_then(|run| activity_task(number, run, id)));
                }
                Effect::StartChild(id) => self.start_child(number, id),
                Effect::SignalExternal(id) => self.signal_external(number, id),
                Effect::CancelExternal(id) => self.cancel_external(number, id),
                Effect::Continue(new) => {
                    let number = self.start_alone(*new);
                    self.step_alone(number, |step| step.schedule_task());
                }
                Effect::Closed(children) => self.closed(number, children),
            }
        }
    }
}

fn workflow_task(number: RunNumber, run: &Run) -> Option<Task> {
    let task = run.task.as_ref().filter(|task| task.started.is_none())?;
    Some(Task::Workflow {
        run: number,
        scheduled_event_id: task.scheduled_event_id,
        attempt: task.attempt,
        queue: task.queue.clone(),
    })
}

fn activity_task(number: RunNumber, run: &Run, id: i64) -> Option<Task> {
    let activity = run.activities.get(&id)?;
    if activity.started.is_some() || activity.backing_off {
        return None;
    }
    Some(Task::Activity {
        run: number,
        scheduled_event_id: id,
        attempt: activity.attempt,
        queue: activity.scheduled.task_queue.clone().unwrap_or_default().name,
    })
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

/// Whether this has the form of a UUID.
fn is_run_id(run_id: &str) -> bool {
    run_id.len() == 36
        && run_id.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
