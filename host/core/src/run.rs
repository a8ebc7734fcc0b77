//! One run: whose turn it is. Takes events and answers, and gives steps; what they do is said in `machines`.

use bytes::Bytes;
use host_wire::temporal::api::query::v1::WorkflowQueryResult;

use crate::{
    api::{Completion, LocalActivityResult, Query, Rejection, RunConfig, Step, Task, UpdateValidation},
    command::Command,
    error::Error,
    history::{LogicalTasks, Next, Position},
    machines::{Machines, NextActivation, record, replay},
    operations::update::UpdateRequest,
    queries::Queries,
};

/// One run of a workflow, driven by its worker: a value that neither waits nor knows anything but what it
/// is given.
#[derive(Debug)]
pub struct Run {
    phase: Phase,
    /// The first error: every later call gives it again.
    error: Option<Error>,
    queries: Queries,
    /// The workflow task must not wait any longer for local activities.
    heartbeat_is_due: bool,
    tasks: LogicalTasks,
    position: Position,
    machines: Machines,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No task is to be answered.
    Rest,
    /// The run applies history, and gives the next step.
    Work { task: TaskKind },
    /// The guest is activated.
    Activating { task: TaskKind },
    /// A copy of the guest validates the update at this place among the jobs.
    Validating { task: TaskKind, job: usize },
    /// A copy of the guest answers a query.
    Answering { task: TaskKind },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TaskKind {
    /// Answered with `RespondWorkflowTaskCompleted`.
    Workflow,
    /// A query on its own, answered with `RespondQueryTaskCompleted`.
    Query,
    /// A replay to the end of a history, not answered.
    Replay,
}

/// The outcome of applying the next logical task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replayed {
    /// It is applied.
    Task,
    /// More of history has to be fed.
    NeedEvents,
    /// History is at its end.
    Nothing,
}

impl Run {
    /// A run of which no history is known yet.
    #[must_use]
    pub fn new(config: RunConfig) -> Self {
        Self {
            phase: Phase::Rest,
            error: None,
            queries: Queries::default(),
            heartbeat_is_due: false,
            tasks: LogicalTasks::default(),
            position: Position::new(config),
            machines: Machines::default(),
        }
    }

    /// A task was polled for the run. Before its history is fed.
    ///
    /// # Errors
    ///
    /// When the last one is not answered yet, or a message of the task is no complete request to update.
    pub fn start_task(&mut self, task: Task) -> Result<(), Error> {
        if self.phase != Phase::Rest {
            return Err(Error::OutOfOrder { what: "a task before the last one was answered" });
        }
        let kind = match (&task.query, task.previous_started_event_id) {
            (Some(_), _) => TaskKind::Query,
            (None, None) => TaskKind::Replay,
            (None, Some(_)) => TaskKind::Workflow,
        };
        let has_updates = !task.messages.is_empty();
        for message in task.messages {
            self.machines.request_update(UpdateRequest::from_message(message)?);
        }
        self.queries = Queries::new(task.queries, task.query);
        self.position.start_task(task.previous_started_event_id);
        self.heartbeat_is_due = false;
        self.tasks.reopen(has_updates);
        self.phase = Phase::Work { task: kind };
        Ok(())
    }

    /// Takes more history: encoded `HistoryEvent` messages, in order. Events that are known are dropped, so
    /// that a page may overlap with those before. Events are read when they are needed.
    pub fn feed(&mut self, events: Vec<Bytes>, last_page: bool) {
        self.tasks.feed(events, last_page);
    }

    /// Says what the worker has to do now.
    ///
    /// # Errors
    ///
    /// When history and workflow do not agree, the history is broken or too new, the guest asked for
    /// something that cannot be, or the last step is not answered. Every later call gives the same error.
    pub fn next_step(&mut self) -> Result<Step, Error> {
        self.fail_once(Self::find_step)
    }

    /// Answers [`Step::Activate`] with the guest's commands, in order.
    ///
    /// # Errors
    ///
    /// See [`Run::next_step`].
    pub fn activated(&mut self, commands: Vec<Command>) -> Result<(), Error> {
        self.fail_once(|run| {
            let Phase::Activating { task } = run.phase else {
                return Err(Error::OutOfOrder { what: "commands without an activation" });
            };
            run.phase = Phase::Work { task };
            record::record(commands, &mut run.machines, &mut run.position)?;
            run.take_local_activity_answers()
        })
    }

    /// Answers [`Step::ValidateUpdate`] with the verdict of the guest's copy.
    ///
    /// # Errors
    ///
    /// See [`Run::next_step`].
    pub fn validated(&mut self, verdict: Result<(), Rejection>) -> Result<(), Error> {
        self.fail_once(|run| {
            let Phase::Validating { task, job } = run.phase else {
                return Err(Error::OutOfOrder { what: "a verdict without an update" });
            };
            run.phase = Phase::Work { task };
            run.machines.settle_update(job, verdict);
            Ok(())
        })
    }

    /// Answers [`Step::Query`] with the answer of the guest's copy.
    ///
    /// # Errors
    ///
    /// See [`Run::next_step`].
    pub fn answered(&mut self, answer: WorkflowQueryResult) -> Result<(), Error> {
        self.fail_once(|run| {
            let Phase::Answering { task } = run.phase else {
                return Err(Error::OutOfOrder { what: "an answer without a query" });
            };
            run.phase = Phase::Work { task };
            run.queries.answer(answer);
            run.take_local_activity_answers()
        })
    }

    /// Takes the end of a local activity that [`Step::LocalActivities`] asked for, at any time. Late ones are
    /// ignored.
    ///
    /// # Errors
    ///
    /// See [`Run::next_step`].
    pub fn local_activity_resolved(&mut self, result: LocalActivityResult) -> Result<(), Error> {
        self.fail_once(|run| {
            // Jobs have the order of a replay: behind those of the guest's answer, or of the next task's
            // events.
            run.machines.answer_local_activity(result);
            if matches!(run.phase, Phase::Work { .. }) { run.take_local_activity_answers() } else { Ok(()) }
        })
    }

    /// Makes the run answer its task although local activities run, and ask for another one: for a task that
    /// is about to time out.
    pub fn heartbeat(&mut self) {
        self.heartbeat_is_due = true;
    }

    /// The build id of the worker that executed the last task, as its `WorkflowTaskCompleted` event names it.
    /// In any format: other workers have formats of their own.
    #[must_use]
    pub fn named_build_id(&self) -> Option<&str> {
        self.position.version().map(|version| version.build_id.as_str())
    }

    /// Whether the run was reset after its last completed task.
    #[must_use]
    pub fn was_reset(&self) -> bool {
        self.position.was_reset()
    }

    /// The configuration that it was made with.
    #[must_use]
    pub fn config(&self) -> &RunConfig {
        self.position.config()
    }

    /// Whether the guest has ended the run, or history has.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.machines.has_ended() || self.position.is_closed()
    }

    /// Whether [`Step::Idle`] means that the task cannot be answered before a local activity closes, or
    /// [`heartbeat`](Run::heartbeat) is called.
    #[must_use]
    pub fn awaits_local_activities(&self) -> bool {
        self.phase != Phase::Rest && self.machines.awaits_local_activities()
    }

    /// Id of the last event that was applied; 0 before the first one.
    #[must_use]
    pub fn last_event_id(&self) -> i64 {
        self.position.last_event_id()
    }

    fn fail_once<T>(&mut self, action: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let result = action(self);
        if let Err(error) = &result {
            self.error = Some(error.clone());
        }
        result
    }

    fn find_step(&mut self) -> Result<Step, Error> {
        let task = match self.phase {
            Phase::Work { task } => task,
            Phase::Rest => return Ok(Step::Idle),
            Phase::Activating { .. } | Phase::Validating { .. } | Phase::Answering { .. } => {
                return Err(Error::OutOfOrder { what: "a step before the last one was answered" });
            }
        };
        loop {
            if let Some(requests) = self.machines.take_local_activity_requests() {
                return Ok(Step::LocalActivities(requests));
            }
            if self.machines.has_ended() && self.position.is_closed() {
                self.machines.drop_jobs();
            }
            if self.machines.has_jobs() {
                return Ok(self.activation_step(task));
            }
            match self.replay_next_task()? {
                Replayed::Task => self.take_local_activity_answers()?,
                Replayed::NeedEvents => return Ok(Step::NeedEvents),
                Replayed::Nothing if self.machines.has_jobs() => {}
                Replayed::Nothing => break,
            }
        }
        if let Some((id, query)) = self.queries.ask() {
            self.phase = Phase::Answering { task };
            let patches = self.machines.unannounced_patches().to_vec();
            let state = self.position.activation(Vec::new(), true, patches);
            return Ok(Step::Query(Box::new(Query { id, query, state })));
        }
        Ok(self.answer_step(task))
    }

    /// Applies the next logical task, once it is there.
    fn replay_next_task(&mut self) -> Result<Replayed, Error> {
        if self.position.is_closed() {
            self.position.end_replay();
            return Ok(Replayed::Nothing);
        }
        match self.tasks.next()? {
            Next::NeedEvents => Ok(Replayed::NeedEvents),
            Next::Over => {
                self.position.end_replay();
                self.machines.release_found_if_idle(&mut self.position)?;
                Ok(Replayed::Nothing)
            }
            Next::Task(task) => {
                replay::replay(&task, &mut self.machines, &mut self.position)?;
                Ok(Replayed::Task)
            }
        }
    }

    fn take_local_activity_answers(&mut self) -> Result<(), Error> {
        self.machines.take_local_activity_answers(&mut self.position)
    }

    /// The guest's turn, or that of a copy that looks at an update.
    fn activation_step(&mut self, task: TaskKind) -> Step {
        let is_replaying = self.position.is_replaying();
        match self.machines.next_activation() {
            NextActivation::Validate { job, update, preceding } => {
                let patches = self.machines.unannounced_patches().to_vec();
                let preceding = (job > 0).then(|| self.position.activation(preceding, is_replaying, patches));
                self.phase = Phase::Validating { task, job };
                Step::ValidateUpdate(Box::new(UpdateValidation { update: *update, preceding }))
            }
            NextActivation::Activate { jobs, patches } => {
                self.phase = Phase::Activating { task };
                self.position.activate();
                Step::Activate(self.position.activation(jobs, is_replaying, patches))
            }
        }
    }

    /// All of history is applied and every query is asked: the answer to the task, if it is time for it.
    fn answer_step(&mut self, task: TaskKind) -> Step {
        if let Some(answer) = self.queries.take_own_answer() {
            self.phase = Phase::Rest;
            return Step::RespondQuery(Box::new(answer));
        }
        let outstanding = self.machines.awaits_local_activities();
        match task {
            // An answered query must not wait for a local activity.
            TaskKind::Workflow if outstanding && !self.heartbeat_is_due && !self.queries.has_answers() => {
                Step::Idle
            }
            TaskKind::Workflow if !self.position.is_closed() || self.queries.has_answers() => {
                self.phase = Phase::Rest;
                Step::Respond(Box::new(Completion {
                    commands: self.machines.take_commands(),
                    messages: self.machines.take_messages(),
                    query_results: self.queries.take_answers(),
                    sdk_metadata: self.position.complete(),
                    force_create_new_workflow_task: outstanding,
                    ends_run: self.machines.has_ended(),
                }))
            }
            TaskKind::Workflow | TaskKind::Query | TaskKind::Replay => {
                self.phase = Phase::Rest;
                Step::Idle
            }
        }
    }
}
