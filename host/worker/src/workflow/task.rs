//! One workflow task: takes its run out of the cache or replays it, drives it to its answer, sends that,
//! and puts the run back.

use std::sync::Arc;

use host_core::{Completion, RunConfig, Task};
use host_service::CLIENT_NAME;
use host_wire::temporal::api::{
    common::v1::WorkflowExecution, query::v1::WorkflowQueryResult,
    workflowservice::v1::PollWorkflowTaskQueueResponse,
};
use tracing::Instrument;

use super::{
    SandboxThreads,
    cached_run::{CachedRun, ClaimedTask, PolledWorkflow, SharedCache, execution},
    history::{Events, HistorySource, PolledHistory, Supply},
    module_finder::ModuleFinder,
    reporter::{Reporter, Sent},
    run::{Advance, RunDriver, RunFailure, RunIdentity},
    task_error::{Disposition, TaskError},
};
use crate::{
    activity::task::PolledActivity,
    connection::Connection,
    modules::{LoadedModule, catalog::Catalog},
};

/// What a workflow task left to do.
#[derive(Debug, Default)]
pub(crate) struct TaskResult {
    /// Activities that the task scheduled and that start here, without a poll.
    pub(crate) eager: Vec<PolledActivity>,
    /// The run's next task: it came with the response, or waited for the run.
    pub(crate) next: Option<ClaimedTask>,
    /// The task itself, when no module here executes it: keep it until one arrives.
    pub(crate) park: Option<Box<PollWorkflowTaskQueueResponse>>,
}

/// Works on the workflow tasks of one worker.
#[derive(Debug)]
pub(crate) struct WorkflowTasks {
    pub(crate) connection: Arc<Connection>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) threads: Arc<SandboxThreads>,
    pub(crate) cache: Arc<SharedCache>,
    pub(crate) reporter: Reporter,
}

/// What a run answers to a task.
enum TaskAnswer {
    Completion(Box<Completion>),
    Query(Box<WorkflowQueryResult>),
}

/// What becomes of the run, and what follows at once.
#[derive(Default)]
struct RunAfterTask {
    run: Option<CachedRun>,
    inline: Option<Box<PollWorkflowTaskQueueResponse>>,
    park: Option<Box<PollWorkflowTaskQueueResponse>>,
    eager: Vec<PolledActivity>,
}

impl WorkflowTasks {
    /// Works on a task, unless another task has its run: then it waits for that one.
    pub(crate) async fn process(self: Arc<Self>, polled: PolledWorkflow) -> TaskResult {
        match self.cache.claim(polled) {
            Some(claimed) => self.advance(claimed).await,
            None => TaskResult::default(),
        }
    }

    /// Works on a task that has its run.
    pub(crate) async fn advance(self: Arc<Self>, claimed: ClaimedTask) -> TaskResult {
        let ClaimedTask { claim, polled: PolledWorkflow { task, slot }, run } = claimed;
        let RunAfterTask { run, inline, park, eager } = self.execute(task, run).await;
        let next = if let Some(task) = inline {
            Some(ClaimedTask { claim, polled: PolledWorkflow { task, slot }, run })
        } else {
            drop(slot);
            claim.hand_back(run)
        };
        TaskResult { eager, next, park }
    }

    async fn execute(
        &self,
        task: Box<PollWorkflowTaskQueueResponse>,
        cached: Option<CachedRun>,
    ) -> RunAfterTask {
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

    async fn answer(
        &self,
        mut task: Box<PollWorkflowTaskQueueResponse>,
        cached: Option<CachedRun>,
    ) -> RunAfterTask {
        let outcome = match PolledHistory::of(&task) {
            Ok(polled) => self.drive_to_answer(&mut task, &polled, cached).await,
            Err(error) => Err(error.into()),
        };
        match outcome {
            Ok((run, TaskAnswer::Completion(completion))) => {
                let task_token = task.task_token.clone();
                let build_id = run.driver.module().build_id();
                match self.reporter.complete(task_token, *completion, build_id).await {
                    Sent::Acknowledged { keep_run, inline, eager } => {
                        RunAfterTask { run: keep_run.then_some(run), inline, park: None, eager }
                    }
                    Sent::Uncertain => RunAfterTask::default(),
                }
            }
            Ok((run, TaskAnswer::Query(result))) => {
                self.reporter.answer_query(task.task_token.clone(), *result).await;
                let keep = !run.driver.must_evict();
                RunAfterTask { run: keep.then_some(run), ..RunAfterTask::default() }
            }
            Err(error) if task.query.is_some() || task.started_event_id == 0 => {
                tracing::warn!(error = error.chain(), "failed to answer a query");
                self.reporter.fail_query(task.task_token.clone(), error.into_failure()).await;
                RunAfterTask::default()
            }
            Err(error) => self.give_up(task, error).await,
        }
    }

    async fn give_up(&self, task: Box<PollWorkflowTaskQueueResponse>, error: TaskError) -> RunAfterTask {
        let message = error.chain();
        match error.disposition(task.attempt) {
            Disposition::Report { cause, failure } => {
                tracing::warn!(?cause, error = message, "workflow task failed");
                self.reporter.fail(task.task_token.clone(), cause, *failure).await;
                RunAfterTask::default()
            }
            Disposition::Park => RunAfterTask { park: Some(task), ..RunAfterTask::default() },
            Disposition::LeaveToTimeOut => {
                tracing::warn!(error = message, "workflow task failed again, left to time out");
                RunAfterTask::default()
            }
        }
    }

    async fn drive_to_answer(
        &self,
        task: &mut PollWorkflowTaskQueueResponse,
        polled: &PolledHistory,
        cached: Option<CachedRun>,
    ) -> Result<(CachedRun, TaskAnswer), TaskError> {
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
        let finder = ModuleFinder { connection: &self.connection, catalog: &self.catalog };
        let modules = finder.candidates(&execution, &workflow_type, polled).await?;
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
        polled: &PolledHistory,
        execution: &WorkflowExecution,
    ) -> Result<(CachedRun, TaskAnswer), TaskError> {
        let last_started = match task.started_event_id {
            0 => task.previous_started_event_id.unwrap_or_default(),
            started => started,
        };
        let mut source = HistorySource::new(run.known, polled);
        let mut driver = run.driver;
        let mut input = DriverInput::Task(Box::new(task));
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
                    input = DriverInput::Events(self.next_page(&mut source, execution).await?);
                    continue;
                }
                Advance::Respond(completion) => TaskAnswer::Completion(completion),
                Advance::RespondQuery(result) => TaskAnswer::Query(result),
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
enum DriverInput {
    Task(Box<Task>),
    Events(Events),
}

impl DriverInput {
    fn feed(self, driver: &mut RunDriver) -> Result<Advance, RunFailure> {
        match self {
            Self::Task(task) => driver.start_task(*task)?,
            Self::Events(Events { events, last_page }) => driver.feed(events, last_page),
        }
        driver.advance()
    }
}

fn workflow_type(task: &PollWorkflowTaskQueueResponse) -> &str {
    task.workflow_type.as_ref().map_or("", |kind| &kind.name)
}
