//! One run: takes events, gives steps. Dispatch only: what events do stands in `apply`, what commands
//! do in `issue`, and both leave it to the file of each kind.

use std::sync::Arc;

use bytes::Bytes;
use host_wire::temporal::api::{
    common::v1::{Memo, RetryPolicy, SearchAttributes},
    deployment::v1::WorkerDeploymentVersion,
    query::v1::WorkflowQueryResult,
};
use prost_types::Timestamp;

use crate::{
    apply::Applied,
    command::Command,
    error::Error,
    event::Event,
    flags::Flags,
    job::{Activation, Job},
    local_activities::LocalActivities,
    operations::Operations,
    patches::KnownPatches,
    queries::Queries,
    step::{Completion, LocalActivityResult, Query, Rejection, RunConfig, Step, Task, UpdateValidation},
    tasks::Tasks,
    updates::{UpdateRequest, Updates},
    workflow_tasks::WorkflowTasks,
};

/// One run of a workflow, driven by its worker: a value that neither waits nor looks at anything but
/// what it is given.
#[derive(Debug)]
pub struct Run {
    pub(crate) config: RunConfig,
    phase: Phase,
    /// What went wrong: nothing works after it.
    error: Option<Error>,
    queries: Queries,
    /// A local activity must not wait any longer for the workflow task to be answered.
    heartbeat_is_due: bool,

    pub(crate) tasks: Tasks,
    /// The events of the task in hand; kept for its allocation.
    pub(crate) taken: Vec<Event>,
    pub(crate) workflow_tasks: WorkflowTasks,
    pub(crate) operations: Operations,
    pub(crate) local_activities: LocalActivities,
    pub(crate) updates: Updates,
    pub(crate) patches: KnownPatches,
    pub(crate) flags: Flags,
    pub(crate) sequence: Sequence,

    /// The `WorkflowTaskStarted` event of the last completed task, as the polled task says.
    pub(crate) previous_started_event_id: Option<i64>,
    pub(crate) is_replaying: bool,
    pub(crate) last_event_id: i64,
    pub(crate) time: Option<Timestamp>,
    pub(crate) started: Option<Started>,
    pub(crate) version: Option<Arc<WorkerDeploymentVersion>>,
    /// The last completion that was looked at.
    pub(crate) completed_event_id: i64,
    pub(crate) was_reset: bool,
    /// The guest has ended the run.
    pub(crate) is_ended: bool,
    /// History has the end of the run.
    pub(crate) is_closed: bool,

    /// For the next activation.
    pub(crate) jobs: Vec<Job>,
    pub(crate) found_patches: Vec<String>,
    /// Numbers of the updates whose handlers the current activation starts.
    pub(crate) starting_updates: Vec<u32>,
}

/// What a continuation as new inherits.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) memo: Option<Memo>,
    pub(crate) retry_policy: Option<RetryPolicy>,
    /// With what the guest has upserted since.
    pub(crate) search_attributes: Option<SearchAttributes>,
}

/// The last sequence number of each kind.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    pub(crate) activity: u32,
    pub(crate) timer: u32,
    pub(crate) child_workflow: u32,
    pub(crate) external_signal: u32,
    pub(crate) external_cancel: u32,
    pub(crate) nexus: u32,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No task is to be answered.
    Rest,
    /// The next step is ours.
    Work { task: TaskKind },
    /// The guest runs.
    Activating { task: TaskKind },
    /// A copy of the guest looks at the update that is at this place among the jobs.
    Validating { task: TaskKind, job: usize },
    /// A copy of the guest answers a query.
    Answering { task: TaskKind },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TaskKind {
    /// Answered with a completion.
    Workflow,
    /// Answered with the answer of the query that it is.
    Query,
    /// Not answered.
    Replay,
}

impl Run {
    /// A run nothing is known of yet.
    #[must_use]
    pub fn new(config: RunConfig) -> Self {
        Self {
            config,
            phase: Phase::Rest,
            error: None,
            queries: Queries::default(),
            heartbeat_is_due: false,
            tasks: Tasks::default(),
            taken: Vec::new(),
            completed_event_id: 0,
            workflow_tasks: WorkflowTasks::default(),
            operations: Operations::default(),
            local_activities: LocalActivities::default(),
            updates: Updates::default(),
            patches: KnownPatches::default(),
            flags: Flags::default(),
            sequence: Sequence::default(),
            previous_started_event_id: None,
            is_replaying: false,
            last_event_id: 0,
            time: None,
            started: None,
            version: None,
            was_reset: false,
            is_ended: false,
            is_closed: false,
            jobs: Vec::new(),
            found_patches: Vec::new(),
            starting_updates: Vec::new(),
        }
    }

    /// A task was polled for the run. Before its history is fed.
    ///
    /// # Errors
    ///
    /// When the last one is not answered yet, or the task makes no sense.
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
            self.updates.requested.push(UpdateRequest::from_message(message)?);
        }
        self.queries = Queries::new(task.queries, task.query);
        self.previous_started_event_id = task.previous_started_event_id;
        self.is_replaying = task.previous_started_event_id != Some(0);
        self.heartbeat_is_due = false;
        self.tasks.reopen(has_updates);
        self.phase = Phase::Work { task: kind };
        Ok(())
    }

    /// More history: encoded `HistoryEvent` messages, in order. Events that are known are dropped, so
    /// that a page may overlap with what was fed before. Nothing is read before it is needed.
    pub fn feed(&mut self, events: Vec<Bytes>, last_page: bool) {
        self.tasks.feed(events, last_page);
    }

    /// What is to be done now.
    ///
    /// # Errors
    ///
    /// When history and workflow do not agree, or either makes no sense. The run is of no use then;
    /// every later call gives the same error.
    pub fn next_step(&mut self) -> Result<Step, Error> {
        self.fail_once(Self::find_step)
    }

    /// Answers [`Step::Activate`]: what the guest asked for.
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
            run.issue(commands)?;
            run.apply_deferred()
        })
    }

    /// Answers [`Step::ValidateUpdate`].
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
            run.settle_update(job, verdict);
            Ok(())
        })
    }

    /// Answers [`Step::Query`].
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
            run.apply_deferred()
        })
    }

    /// A local activity that [`Step::LocalActivities`] asked for is over. At any time; what is late is
    /// ignored.
    ///
    /// # Errors
    ///
    /// See [`Run::next_step`].
    pub fn local_activity_resolved(&mut self, result: LocalActivityResult) -> Result<(), Error> {
        self.fail_once(|run| {
            // Jobs keep the order of a replay: behind those of the guest's answer, or of the next
            // task's events.
            run.local_activities.deferred.push(result);
            if matches!(run.phase, Phase::Work { .. }) { run.apply_deferred() } else { Ok(()) }
        })
    }

    /// The task is about to time out while local activities run: answers it, and asks for another one.
    pub fn heartbeat(&mut self) {
        self.heartbeat_is_due = true;
    }

    /// The build id of what executed the task that was applied last, as its `WorkflowTaskCompleted`
    /// event names it. A foreign format counts as unnamed; that is the caller's to see.
    #[must_use]
    pub fn named_build_id(&self) -> Option<&str> {
        self.version.as_ref().map(|version| version.build_id.as_str())
    }

    /// Whether the run was reset after its last completed task.
    #[must_use]
    pub fn was_reset(&self) -> bool {
        self.was_reset
    }

    /// What it was made with.
    #[must_use]
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Whether the guest has ended the run, or history has.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.is_ended || self.is_closed
    }

    /// Whether the task cannot be answered before a local activity is over, or
    /// [`heartbeat`](Run::heartbeat) is called: what [`Step::Idle`] means then.
    #[must_use]
    pub fn awaits_local_activities(&self) -> bool {
        self.phase != Phase::Rest && self.local_activities.are_outstanding()
    }

    /// The last event that was applied.
    #[must_use]
    pub fn last_event_id(&self) -> i64 {
        self.last_event_id
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
            if let Some(requests) = self.local_activities.take_requests(&self.operations.local_activities) {
                return Ok(Step::LocalActivities(requests));
            }
            if self.is_ended && self.is_closed {
                // What came between the guest's end and the event of it, nobody is left to hear.
                self.jobs.clear();
            }
            if !self.jobs.is_empty() {
                return Ok(self.activation_step(task));
            }
            match self.apply_next_task()? {
                Applied::Task => self.apply_deferred()?,
                Applied::NeedEvents => return Ok(Step::NeedEvents),
                Applied::Nothing if self.jobs.is_empty() => break,
                Applied::Nothing => {}
            }
        }
        if let Some((id, query)) = self.queries.ask() {
            self.phase = Phase::Answering { task };
            let state = self.activation(Vec::new(), true);
            return Ok(Step::Query(Box::new(Query { id, query, state })));
        }
        Ok(self.answer_step(task))
    }

    /// Everything is applied and asked: what answers the task, if anything does yet.
    fn answer_step(&mut self, task: TaskKind) -> Step {
        if let Some(answer) = self.queries.take_own_answer() {
            self.phase = Phase::Rest;
            return Step::RespondQuery(Box::new(answer));
        }
        let outstanding = self.local_activities.are_outstanding();
        match task {
            // An answered query must not wait for a local activity.
            TaskKind::Workflow if outstanding && !self.heartbeat_is_due && !self.queries.has_answers() => {
                Step::Idle
            }
            TaskKind::Workflow if !self.is_closed || self.queries.has_answers() => {
                self.phase = Phase::Rest;
                Step::Respond(Box::new(self.completion(outstanding)))
            }
            TaskKind::Workflow | TaskKind::Query | TaskKind::Replay => {
                self.phase = Phase::Rest;
                Step::Idle
            }
        }
    }

    fn completion(&mut self, force_create_new_workflow_task: bool) -> Completion {
        self.version.clone_from(&self.config.version);
        self.was_reset = false;
        Completion {
            commands: self.operations.take_commands(),
            messages: std::mem::take(&mut self.updates.outbox),
            query_results: self.queries.take_answers(),
            sdk_metadata: self.flags.metadata(&self.config),
            force_create_new_workflow_task,
            ends_run: self.is_ended,
        }
    }

    /// The guest's turn: first the copies that look at updates, then the guest itself.
    fn activation_step(&mut self, task: TaskKind) -> Step {
        self.jobs.sort_by_key(Job::rank);
        for (index, job) in self.jobs.iter().enumerate() {
            let Job::Update(update) = job else { continue };
            if self.needs_validation(&update.protocol_instance_id) {
                let update = (**update).clone();
                let preceding = self.jobs[..index].to_vec();
                let preceding = (index > 0).then(|| self.activation(preceding, self.is_replaying));
                self.phase = Phase::Validating { task, job: index };
                return Step::ValidateUpdate(Box::new(UpdateValidation { update, preceding }));
            }
        }
        let jobs = std::mem::take(&mut self.jobs);
        self.note_starting_updates(&jobs);
        self.local_activities.activation_index += 1;
        self.phase = Phase::Activating { task };
        if !self.is_replaying {
            self.version.clone_from(&self.config.version);
        }
        let mut activation = self.activation(jobs, self.is_replaying);
        activation.patches = std::mem::take(&mut self.found_patches);
        Step::Activate(activation)
    }

    fn activation(&self, jobs: Vec<Job>, is_replaying: bool) -> Activation {
        let tasks = &self.workflow_tasks;
        Activation {
            time: self.time.unwrap_or_default(),
            history_length: u32::try_from(self.last_event_id).unwrap_or_default(),
            history_size_bytes: tasks.history_size_bytes,
            continue_as_new_suggested: tasks.continue_as_new_suggested,
            continue_as_new_reasons: tasks.continue_as_new_reasons.clone(),
            target_deployment_version_changed: tasks.target_deployment_version_changed,
            version: self.version.clone(),
            is_replaying,
            patches: self.found_patches.clone(),
            jobs,
        }
    }
}
