//! One workflow task after another of one run: takes the run out of the cache or replays it, drives it
//! to its answer, sends that, and puts the run back.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use host_core::{Completion, RunConfig, Task};
use host_service::CLIENT_NAME;
use host_wire::temporal::api::{
    common::v1::WorkflowExecution, query::v1::WorkflowQueryResult,
    workflowservice::v1::PollWorkflowTaskQueueResponse,
};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;

use crate::{
    cache::{Begin, RunCache, TaskKind},
    catalog::Catalog,
    connection::Connection,
    history::{Events, HistorySource, Polled, Supply},
    module::LoadedModule,
    module_choice::ModuleChoice,
    report::{Reporter, Sent},
    run::{Advance, RunDriver, RunIdentity},
    run_failure::RunFailure,
    task_error::{TaskError, Verdict},
    threads::SandboxThreads,
};

/// The cache that all workers of a host share.
pub(crate) type SharedCache = Arc<Mutex<RunCache<CachedRun, PolledWorkflow>>>;

/// A workflow task, or a query on its own, and the slot in which it is worked on.
#[derive(Debug)]
pub(crate) struct PolledWorkflow {
    pub(crate) task: Box<PollWorkflowTaskQueueResponse>,
    pub(crate) slot: OwnedSemaphorePermit,
}

/// A run between two tasks.
pub(crate) struct CachedRun {
    driver: Box<RunDriver>,
    /// The highest event id that it has been fed.
    known: i64,
    /// The `WorkflowTaskStarted` event of the last task that the service took.
    last_started: i64,
}

/// What is left to do after [`WorkflowTasks::process`].
#[derive(Debug)]
pub(crate) enum Ended {
    /// Nothing.
    Done,
    /// No module here executes it: keep it for when one arrives.
    Park(Box<PollWorkflowTaskQueueResponse>),
}

/// Works on the workflow tasks of one worker.
#[derive(Debug)]
pub(crate) struct WorkflowTasks {
    pub(crate) connection: Arc<Connection>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) threads: Arc<SandboxThreads>,
    pub(crate) cache: SharedCache,
    pub(crate) reporter: Reporter,
}

/// What a run answers to a task.
enum Answer {
    Completion(Box<Completion>),
    Query(Box<WorkflowQueryResult>),
}

/// What becomes of the run, and which task follows at once.
struct After {
    run: Option<CachedRun>,
    inline: Option<Box<PollWorkflowTaskQueueResponse>>,
    park: Option<Box<PollWorkflowTaskQueueResponse>>,
}

impl WorkflowTasks {
    /// Works on a task, and on those of the same run that come back inline or waited meanwhile.
    pub(crate) async fn process(self: Arc<Self>, polled: PolledWorkflow) -> Ended {
        let run_id = execution(&polled.task).run_id;
        let kind = if polled.task.query.is_some() { TaskKind::Query } else { TaskKind::Workflow };
        let begun = self.cache().begin(&run_id, kind, polled);
        let Begin::Start { task: polled, run } = begun else { return Ended::Done };
        let in_hand = InHand { cache: &self.cache, run_id: &run_id };
        let mut next = Some((polled, run));
        let mut parked = Ended::Done;
        while let Some((PolledWorkflow { task, slot }, run)) = next {
            let mut after = self.execute(task, run).await;
            while let Some(inline) = after.inline.take() {
                after = self.execute(inline, after.run).await;
            }
            drop(slot);
            parked = after.park.map_or(Ended::Done, Ended::Park);
            let kept = after.run.map(|run| {
                let bytes = run.driver.memory_bytes();
                (run, bytes)
            });
            // Evicted runs are dropped after the lock is released.
            let finished = self.cache().finish(&run_id, kept);
            next = finished.next;
        }
        in_hand.done();
        parked
    }

    fn cache(&self) -> MutexGuard<'_, RunCache<CachedRun, PolledWorkflow>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn execute(&self, task: Box<PollWorkflowTaskQueueResponse>, cached: Option<CachedRun>) -> After {
        let WorkflowExecution { workflow_id, run_id } = execution(&task);
        let span = tracing::info_span!(
            "workflow_task",
            workflow_id,
            run_id,
            workflow_type = workflow_type(&task),
            attempt = task.attempt
        );
        self.answer(task, cached).instrument(span).await
    }

    async fn answer(&self, mut task: Box<PollWorkflowTaskQueueResponse>, cached: Option<CachedRun>) -> After {
        let outcome = match Polled::of(&task) {
            Ok(polled) => self.drive_to_answer(&mut task, &polled, cached).await,
            Err(error) => Err(error.into()),
        };
        match outcome {
            Ok((run, Answer::Completion(completion))) => {
                let task_token = task.task_token.clone();
                let build_id = run.driver.module().build_id();
                match self.reporter.complete(task_token, *completion, build_id).await {
                    Sent::Acknowledged { keep_run, inline } => {
                        After { run: keep_run.then_some(run), inline, park: None }
                    }
                    Sent::Uncertain => After::nothing(),
                }
            }
            Ok((run, Answer::Query(result))) => {
                self.reporter.answer_query(task.task_token.clone(), *result).await;
                let keep = !run.driver.must_evict();
                After { run: keep.then_some(run), inline: None, park: None }
            }
            Err(error) if task.query.is_some() || task.started_event_id == 0 => {
                tracing::warn!(error = error.chain(), "failed to answer a query");
                self.reporter.fail_query(task.task_token.clone(), error.into_failure()).await;
                After::nothing()
            }
            Err(error) => self.give_up(task, error).await,
        }
    }

    async fn give_up(&self, task: Box<PollWorkflowTaskQueueResponse>, error: TaskError) -> After {
        let message = error.chain();
        match error.verdict(task.attempt) {
            Verdict::Report { cause, failure } => {
                tracing::warn!(?cause, error = message, "workflow task failed");
                self.reporter.fail(task.task_token.clone(), cause, *failure).await;
                After::nothing()
            }
            Verdict::Park => After { run: None, inline: None, park: Some(task) },
            Verdict::LeaveToTimeOut => {
                tracing::warn!(error = message, "workflow task failed again, left to time out");
                After::nothing()
            }
        }
    }

    async fn drive_to_answer(
        &self,
        task: &mut PollWorkflowTaskQueueResponse,
        polled: &Polled,
        cached: Option<CachedRun>,
    ) -> Result<(CachedRun, Answer), TaskError> {
        let execution = execution(task);
        let was_cached = cached.is_some();
        if let Some(run) = cached.filter(|run| run.continues_with(task, polled)) {
            let core_task = Task::from_poll(task);
            return self.drive(run, core_task, polled, &execution).await;
        }
        if task.previous_started_event_id > 0 {
            tracing::debug!(was_cached, "replaying the run");
        }
        let workflow_type = workflow_type(task).to_owned();
        let choice =
            ModuleChoice { connection: &self.connection, catalog: &self.catalog, threads: &self.threads };
        let modules = choice.candidates(&execution, &workflow_type, polled).await?;
        let core_task = Task::from_poll(task);
        if let Some(fallback) = modules.fallback {
            let run = self.new_run(modules.first, &execution);
            match self.drive(run, core_task.clone(), polled, &execution).await {
                Err(error) if error.is_nondeterminism() => {
                    tracing::info!(%error, "the newest module does not fit, the run stays on its own");
                }
                outcome => return outcome,
            }
            let run = self.new_run(fallback, &execution);
            return self.drive(run, core_task, polled, &execution).await;
        }
        let run = self.new_run(modules.first, &execution);
        self.drive(run, core_task, polled, &execution).await
    }

    fn new_run(&self, module: Arc<LoadedModule>, execution: &WorkflowExecution) -> CachedRun {
        let identity = RunIdentity {
            namespace: self.connection.namespace.clone(),
            workflow_id: execution.workflow_id.clone(),
            run_id: execution.run_id.clone(),
        };
        let config = RunConfig {
            run_id: execution.run_id.clone(),
            sdk_name: CLIENT_NAME.to_owned(),
            sdk_version: env!("CARGO_PKG_VERSION").to_owned(),
            writes_sdk_metadata: self.connection.capabilities.sdk_metadata,
            version: None,
        };
        let driver = Box::new(RunDriver::new(module, identity, config));
        CachedRun { driver, known: 0, last_started: 0 }
    }

    /// Feeds the task's history until there is an answer.
    async fn drive(
        &self,
        run: CachedRun,
        task: Task,
        polled: &Polled,
        execution: &WorkflowExecution,
    ) -> Result<(CachedRun, Answer), TaskError> {
        let last_started = match task.started_event_id {
            0 => task.previous_started_event_id.unwrap_or_default(),
            started => started,
        };
        let mut source = HistorySource::new(run.known, polled);
        let mut driver = run.driver;
        let mut input = Input::Task(Box::new(task));
        loop {
            let (returned, advance) = self
                .threads
                .run(move || {
                    let advance = input.feed(&mut driver);
                    (driver, advance)
                })
                .await?;
            driver = returned;
            let answer = match advance.map_err(Box::new)? {
                Advance::NeedEvents => {
                    input = Input::Events(self.next_page(&mut source, execution).await?);
                    continue;
                }
                Advance::Respond(completion) => Answer::Completion(completion),
                Advance::RespondQuery(result) => Answer::Query(result),
                Advance::LocalActivities(_) => {
                    return Err(TaskError::Unsupported("local activities"));
                }
                Advance::Idle => return Err(TaskError::HistoryEnds),
            };
            return Ok((CachedRun { driver, known: source.known(), last_started }, answer));
        }
    }

    async fn next_page(
        &self,
        source: &mut HistorySource,
        execution: &WorkflowExecution,
    ) -> Result<Events, TaskError> {
        match source.supply() {
            None => Err(TaskError::HistoryEnds),
            Some(Supply::Events(events)) => Ok(events),
            Some(Supply::Fetch(token)) => {
                let page = self.connection.history_page(execution, token).await;
                let page = page.map_err(TaskError::Fetch)?;
                Ok(source.fetched(page.history, page.next_page_token)?)
            }
        }
    }
}

/// What goes to a sandbox thread along with a run.
enum Input {
    Task(Box<Task>),
    Events(Events),
}

impl Input {
    fn feed(self, driver: &mut RunDriver) -> Result<Advance, RunFailure> {
        match self {
            Self::Task(task) => driver.start_task(*task)?,
            Self::Events(Events { events, last_page }) => driver.feed(events, last_page),
        }
        driver.advance()
    }
}

impl CachedRun {
    /// Whether the task is the next one of this run as it stands. It is not when another worker
    /// executed tasks in between, or when the service holds less than the run was fed.
    fn continues_with(&self, task: &PollWorkflowTaskQueueResponse, polled: &Polled) -> bool {
        self.last_started == task.previous_started_event_id && polled.begins_after(self.known)
    }
}

impl After {
    fn nothing() -> Self {
        Self { run: None, inline: None, park: None }
    }
}

/// Gives a run up when the work on it is interrupted, so that later tasks do not wait for it for ever.
struct InHand<'a> {
    cache: &'a SharedCache,
    run_id: &'a str,
}

impl InHand<'_> {
    /// The run has been handed back.
    fn done(self) {
        std::mem::forget(self);
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        let mut next = true;
        while next {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            let finished = cache.finish(self.run_id, None);
            drop(cache);
            next = finished.next.is_some();
        }
    }
}

impl fmt::Debug for CachedRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedRun")
            .field("known", &self.known)
            .field("last_started", &self.last_started)
            .finish_non_exhaustive()
    }
}

/// The run that a task belongs to.
pub(crate) fn execution(task: &PollWorkflowTaskQueueResponse) -> WorkflowExecution {
    task.workflow_execution.clone().unwrap_or_default()
}

fn workflow_type(task: &PollWorkflowTaskQueueResponse) -> &str {
    task.workflow_type.as_ref().map_or("", |kind| &kind.name)
}
