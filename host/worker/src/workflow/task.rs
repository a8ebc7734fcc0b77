//! One workflow task: takes its run out of the cache or replays it, drives it to its answer, sends that,
//! and puts the run back.

use std::{sync::Arc, time::Duration};

use host_core::{Completion, RunConfig, Task};
use host_service::CLIENT_NAME;
use host_wire::temporal::api::{
    command::v1::Command, common::v1::WorkflowExecution, query::v1::WorkflowQueryResult,
    workflowservice::v1::PollWorkflowTaskQueueResponse,
};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tracing::Instrument;

use super::{
    SandboxThreads,
    cached_run::{CachedRun, ClaimedTask, PolledWorkflow, SharedCache, execution, workflow_type},
    driver_input::DriverInput,
    healing::{FailedTask, Healing},
    history::{Events, HistorySource, PolledHistory, Supply},
    metrics::TaskMetrics,
    module_finder::ModuleFinder,
    moves::Moves,
    pace::report_slow,
    parking::ParkedTask,
    reporter::{Reporter, Sent},
    response::{ExecutedBy, NextTask},
    run::{Advance, RunDriver, RunIdentity, UpdateVerdict, stack},
    task_error::{Disposition, TaskError},
    task_outcome::{Tried, outcome_of},
};
use crate::{
    activity::{
        local::{LocalActivities, LocalRun},
        task::PolledActivity,
    },
    config::DEFAULT_WORKFLOW_TASK_TIMEOUT,
    connection::Connection,
    deployment::version::WorkerVersion,
    modules::{LoadedModule, catalog::Catalog},
    shadow::ShadowFeed,
};

/// How long a task waits until there is room for its guest: mostly it times out then.
const ROOM_TIMEOUT: Duration = DEFAULT_WORKFLOW_TASK_TIMEOUT;
/// The interval between two tries.
const ROOM_INTERVAL: Duration = Duration::from_millis(20);
/// The part of a workflow task's timeout after which the task is answered although local activities run, as in
/// Temporal's SDKs (`WFT_HEARTBEAT_TIMEOUT_FRACTION`).
const HEARTBEAT_SHARE: f64 = 0.8;

/// What a workflow task left to do.
#[derive(Debug, Default)]
pub(crate) struct TaskResult {
    /// Activities that the task scheduled and that start here, without a poll.
    pub(crate) eager: Vec<PolledActivity>,
    /// The run's next task: it came with the response, or waited for the run.
    pub(crate) next: Option<ClaimedTask>,
    /// The task itself, when no module here executes it: keep it until one arrives.
    pub(crate) park: Option<ParkedTask>,
}

/// Works on the workflow tasks of one worker.
#[derive(Debug)]
pub(crate) struct WorkflowTasks {
    pub(crate) connection: Arc<Connection>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) threads: Arc<SandboxThreads>,
    pub(crate) cache: Arc<SharedCache>,
    pub(crate) reporter: Reporter,
    pub(crate) moves: Arc<Moves>,
    pub(crate) shadow: Arc<ShadowFeed>,
}

/// A task that is worked on.
struct Work<'a> {
    task: &'a PollWorkflowTaskQueueResponse,
    core_task: &'a Task,
    polled: &'a PolledHistory,
    execution: WorkflowExecution,
    /// When the task came.
    received: Instant,
    tried: Tried,
}

/// What a run answers to a task.
enum TaskAnswer {
    Completion(Box<Completion>, NextTask),
    Query(Box<WorkflowQueryResult>),
    /// None yet: the run must be replayed, and knows this verdict then.
    Verdict(Box<UpdateVerdict>),
}

/// What becomes of the run, and what follows at once.
#[derive(Default)]
struct RunAfterTask {
    run: Option<CachedRun>,
    inline: Option<Box<PollWorkflowTaskQueueResponse>>,
    park: Option<Box<PollWorkflowTaskQueueResponse>>,
    eager: Vec<PolledActivity>,
}

impl Work<'_> {
    /// Whether the task advances its run. A query on its own does not.
    fn advances(&self) -> bool {
        self.task.started_event_id > 0 && self.task.query.is_none()
    }

    /// Whether a query for the stack is among its queries: the run is replayed for it, from its start.
    fn asks_for_stack(&self) -> bool {
        let mut queries = self.core_task.query.iter().chain(self.core_task.queries.values());
        queries.any(|query| stack::Form::of(&query.query_type).is_some())
    }
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
        let ClaimedTask { claim, polled: PolledWorkflow { task, slot, received }, run } = claimed;
        let generation = self.catalog.generation();
        let RunAfterTask { run, inline, park, eager } = self.execute(task, run, received).await;
        let park = park.map(|task| ParkedTask { task, generation });
        // Here, because every way of a run back into the cache or to its next task leads through here.
        let run = run.filter(|run| !run.driver.must_evict());
        let next = if let Some(task) = inline {
            let polled = PolledWorkflow { task, slot, received: Instant::now() };
            Some(ClaimedTask { claim, polled, run })
        } else {
            claim.hand_back(run, slot)
        };
        TaskResult { eager, next, park }
    }

    async fn execute(
        &self,
        task: Box<PollWorkflowTaskQueueResponse>,
        cached: Option<CachedRun>,
        received: Instant,
    ) -> RunAfterTask {
        let WorkflowExecution { workflow_id, run_id } = execution(&task);
        let span = tracing::info_span!(
            "workflow_task",
            workflow_id,
            run_id,
            workflow_type = workflow_type(&task),
            attempt = task.attempt
        );
        self.answer(task, cached, received).instrument(span).await
    }

    async fn answer(
        &self,
        mut task: Box<PollWorkflowTaskQueueResponse>,
        cached: Option<CachedRun>,
        received: Instant,
    ) -> RunAfterTask {
        let queue = self.reporter.queues.normal_name();
        let metrics =
            TaskMetrics::begin(&task, &self.connection.namespace, queue, received, cached.is_some());
        let outcome = match PolledHistory::of(&task) {
            Ok(polled) => self.drive_to_answer(&mut task, &polled, cached, received).await,
            Err(error) => Err(error.into()),
        };
        metrics.answered();
        match outcome {
            Ok((run, TaskAnswer::Completion(completion, next))) => {
                let task_token = task.task_token.clone();
                let module = Arc::clone(run.driver.module());
                let last = completion.commands.last().map(Command::command_type);
                let ends = outcome_of(&completion);
                let executed = ExecutedBy::new(&self.connection, &module, workflow_type(&task));
                match self.reporter.complete(task_token, *completion, executed, next).await {
                    Sent::Acknowledged { keep_run, inline, eager } => {
                        metrics.completed(last);
                        self.completed(&task, &module, ends, keep_run);
                        RunAfterTask { run: keep_run.then_some(run), inline, park: None, eager }
                    }
                    Sent::Uncertain => RunAfterTask::default(),
                }
            }
            // `drive_to_answer` keeps it.
            Ok((_, TaskAnswer::Verdict(_))) => RunAfterTask::default(),
            Ok((run, TaskAnswer::Query(result))) => {
                self.reporter.answer_query(task.task_token.clone(), *result).await;
                RunAfterTask { run: Some(run), ..RunAfterTask::default() }
            }
            // The client asks again: what is short for a moment is no answer.
            Err(error) if task.started_event_id == 0 && (error.is_lack_of_room() || error.is_crowded()) => {
                tracing::warn!(error = error.chain(), "a query found no room and is not answered");
                RunAfterTask::default()
            }
            Err(error) if task.query.is_some() || task.started_event_id == 0 => {
                tracing::warn!(error = error.chain(), "failed to answer a query");
                self.reporter.fail_query(task.task_token.clone(), error.into_failure()).await;
                RunAfterTask::default()
            }
            Err(error) => self.give_up(task, error, &metrics).await,
        }
    }

    async fn give_up(
        &self,
        task: Box<PollWorkflowTaskQueueResponse>,
        error: TaskError,
        metrics: &TaskMetrics,
    ) -> RunAfterTask {
        let message = error.chain();
        match error.disposition(task.attempt) {
            Disposition::Report { cause, failure } => {
                tracing::warn!(?cause, error = message, "workflow task failed");
                metrics.failed(cause);
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

    /// Drives the run of a task, again with a new run if it must be replayed: for a verdict on an update that cost the
    /// guest, or once there is room for another guest.
    async fn drive_to_answer(
        &self,
        task: &mut PollWorkflowTaskQueueResponse,
        polled: &PolledHistory,
        mut cached: Option<CachedRun>,
        received: Instant,
    ) -> Result<(CachedRun, TaskAnswer), TaskError> {
        let give_up = Instant::now() + ROOM_TIMEOUT;
        let mut verdicts = Vec::new();
        let mut turn = None;
        let core_task = Task::from_poll(task);
        let execution = execution(task);
        let tried = Tried::default();
        let work = Work { task, core_task: &core_task, polled, execution, received, tried };
        loop {
            match self.drive_once(&work, cached.take(), &verdicts).await {
                Ok((_, TaskAnswer::Verdict(verdict))) => {
                    tracing::debug!("the guest has no copy: replaying the run after it validated an update");
                    verdicts.push(*verdict);
                }
                Err(error) if error.is_lack_of_room() && Instant::now() < give_up => {
                    // Its own guests are dropped by now. The first to lack room has it soon: those that come later
                    // wait behind it once they lack it too.
                    if turn.is_none() {
                        turn = timeout_at(give_up, self.cache.turn.lock()).await.ok();
                    }
                    self.cache.make_room();
                    sleep(ROOM_INTERVAL).await;
                }
                Ok(answered) => {
                    self.moves.executed(&work.execution.run_id);
                    return Ok(answered);
                }
                Err(error) => {
                    if work.advances() && error.is_of_the_run() {
                        self.failed(work.task, &work.tried);
                    }
                    return Box::pin(self.heal(&work, error)).await;
                }
            }
        }
    }

    /// Has another module execute the task, if the run may leave its own after this error.
    async fn heal(&self, work: &Work<'_>, error: TaskError) -> Result<(CachedRun, TaskAnswer), TaskError> {
        if !self.moves.heals() || !work.advances() || self.connection.version.is_some() {
            return Err(error);
        }
        let workflow_type = workflow_type(work.task);
        let finder = self.finder();
        let failed = FailedTask {
            execution: &work.execution,
            polled: work.polled,
            workflow_type,
            after: work.task.previous_started_event_id,
        };
        let Some(healing) = Healing::of(failed, &error, &finder, &self.moves).await else {
            return Err(error);
        };
        let to = Arc::clone(&healing.to);
        let run = self.new_run(Arc::clone(&to), &work.execution, workflow_type, &[]);
        match self.drive(run, work).await {
            Ok((run, answer @ TaskAnswer::Completion(..))) => {
                healing.record(failed, &self.catalog);
                self.moves.executed(&work.execution.run_id);
                Ok((run, answer))
            }
            Err(other) if other.is_of_the_run() && !other.is_lack_of_room() => {
                tracing::info!(error = %other, to = %to.digest(), "the newer module does not complete the task either");
                self.moves.decline(&work.execution.run_id, to.digest());
                Err(error)
            }
            Ok(_) | Err(_) => Err(error),
        }
    }

    fn finder(&self) -> ModuleFinder<'_> {
        ModuleFinder { connection: &self.connection, catalog: &self.catalog, moves: &self.moves }
    }

    async fn drive_once(
        &self,
        work: &Work<'_>,
        cached: Option<CachedRun>,
        verdicts: &[UpdateVerdict],
    ) -> Result<(CachedRun, TaskAnswer), TaskError> {
        let Work { task, polled, execution, .. } = work;
        let was_cached = cached.is_some();
        let (finder, advances) = (self.finder(), work.advances());
        if let Some(run) = cached.filter(|run| run.continues_with(task, polled)) {
            // Local activities that run would be lost with it.
            let may_go = !run.driver.awaits_local_activities();
            let asked = may_go && work.asks_for_stack();
            let own = run.driver.module();
            let moves =
                may_go && advances && finder.successor(own, execution, workflow_type(task)).await.is_some();
            if !asked && !moves && finder.may_execute(own) {
                return self.drive(run, work).await;
            }
            // To give back the memory of a guest can take as long as a call.
            self.threads.run(run.pace.lane(), move || drop(run)).await?;
        }
        if task.previous_started_event_id > 0 {
            tracing::debug!(was_cached, "replaying the run");
        }
        let workflow_type = workflow_type(task).to_owned();
        let modules = finder.candidates(execution, &workflow_type, polled, advances).await?;
        if let Some(fallback) = modules.fallback {
            let first = modules.first.digest();
            let run = self.new_run(modules.first, execution, &workflow_type, verdicts);
            match self.drive(run, work).await {
                Err(error)
                    if error.is_nondeterminism()
                        || modules.is_move && error.is_of_the_run() && !error.is_lack_of_room() =>
                {
                    tracing::info!(%error, "the newest module does not fit, the run stays on its own");
                    if modules.is_move {
                        self.moves.decline(&execution.run_id, first);
                    }
                }
                Ok(answered) => {
                    if modules.is_move {
                        tracing::info!(from = %fallback.digest(), to = %first, "a run moved to another module");
                    }
                    return Ok(answered);
                }
                Err(error) => return Err(error),
            }
            let run = self.new_run(fallback, execution, &workflow_type, verdicts);
            return self.drive(run, work).await;
        }
        let run = self.new_run(modules.first, execution, &workflow_type, verdicts);
        self.drive(run, work).await
    }

    fn new_run(
        &self,
        module: Arc<LoadedModule>,
        execution: &WorkflowExecution,
        workflow_type: &str,
        verdicts: &[UpdateVerdict],
    ) -> CachedRun {
        let pace = module.pace(workflow_type);
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
            version: self.connection.version.as_ref().map(WorkerVersion::name),
        };
        let driver = RunDriver::new(module, identity, config).with_verdicts(verdicts.to_vec());
        let driver = Box::new(driver);
        CachedRun { driver, pace, local: LocalActivities::default(), known: 0, last_started: 0 }
    }

    /// Feeds the task's history, and what local activities end with, until there is an answer.
    async fn drive(&self, run: CachedRun, work: &Work<'_>) -> Result<(CachedRun, TaskAnswer), TaskError> {
        let task = work.core_task.clone();
        let starts_activities = task.query.is_none();
        let last_started = match task.started_event_id {
            0 => task.previous_started_event_id.unwrap_or_default(),
            started => started,
        };
        let mut source = HistorySource::new(run.known, work.polled);
        let run_is_new = run.known == 0;
        let CachedRun { mut driver, pace, mut local, .. } = run;
        work.tried.note(driver.module());
        if starts_activities {
            local.start(|| self.local_run(work));
        }
        if run_is_new && work.asks_for_stack() {
            driver = Box::new(driver.tracing());
        }
        let mut next_task = NextTask::Here;
        let mut input = DriverInput::Task(Box::new(task));
        loop {
            let (span, measured) = (tracing::Span::current(), Arc::clone(&pace));
            let call = move || {
                let became_slow = |took| span.in_scope(|| report_slow(took));
                let events = input.events();
                // A run that fails is dropped here too: to give back the memory of a guest can take as long as a call.
                let feed = move || input.feed(&mut driver).map(|advance| (driver, advance)).map_err(Box::new);
                measured.measure(events, became_slow, feed)
            };
            let (returned, advance) = self.threads.run(pace.lane(), call).await??;
            driver = returned;
            let answer = match advance {
                Advance::NeedEvents => {
                    input = DriverInput::Events(self.next_page(&mut source, &work.execution).await?);
                    continue;
                }
                Advance::LocalActivities(requests) => {
                    local.request(requests);
                    if starts_activities {
                        local.start(|| self.local_run(work));
                    }
                    input = DriverInput::Nothing;
                    continue;
                }
                Advance::Idle if starts_activities && driver.awaits_local_activities() => {
                    let heartbeat = work.received + driver.task_timeout().mul_f64(HEARTBEAT_SHARE);
                    (input, next_task) = self.next_result(&mut local, heartbeat).await;
                    continue;
                }
                Advance::Respond(completion) => TaskAnswer::Completion(completion, next_task),
                Advance::RespondQuery(result) => TaskAnswer::Query(result),
                Advance::Validated(verdict) => TaskAnswer::Verdict(verdict),
                Advance::Idle => return Err(TaskError::HistoryEnds),
            };
            driver.stop_tracing();
            return Ok((CachedRun { driver, pace, local, known: source.known(), last_started }, answer));
        }
    }

    fn local_run(&self, work: &Work<'_>) -> LocalRun {
        LocalRun {
            namespace: self.connection.namespace.clone(),
            task_queue: self.reporter.queues.normal_name().to_owned(),
            workflow_id: work.execution.workflow_id.clone(),
            run_id: work.execution.run_id.clone(),
            workflow_type: workflow_type(work.task).to_owned(),
            executors: self.reporter.executors.clone(),
        }
    }

    /// What ends the wait for local activities, and who goes on with them: another host, once this one stops.
    async fn next_result(&self, local: &mut LocalActivities, heartbeat: Instant) -> (DriverInput, NextTask) {
        let stopping = async {
            match &self.reporter.executors {
                Some(executors) => executors.stopping().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(result) = local.next() => (DriverInput::LocalActivity(Box::new(result)), NextTask::Here),
            () = stopping => (DriverInput::Heartbeat, NextTask::Elsewhere),
            () = sleep_until(heartbeat) => (DriverInput::Heartbeat, NextTask::Here),
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
