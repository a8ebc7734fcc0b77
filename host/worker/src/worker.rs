//! One worker: polls a task queue and hands out what comes. Dispatch only; everything that can happen
//! to it is in [`WorkerEvent`].

use std::{
    pin::pin,
    sync::{Arc, Mutex},
};

use host_activities::RunningActivity;
use host_service::WorkflowService;
use host_telemetry as telemetry;
use host_wire::temporal::api::{
    enums::v1::TaskQueueType, workflowservice::v1::PollWorkflowTaskQueueResponse,
};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::{JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    activity::task::{ActivityTasks, PolledActivity},
    config::{Config, ConfigError},
    connection::{ConnectError, Connection},
    counters::WorkerCounters,
    deadline::at,
    gauges::WorkerGauges,
    poll::{
        activity_poller::{self, ActivityPoller},
        balance::PollerBalance,
        polls::{PolledTask, Polls},
        rate::Rate,
        workflow_poller::WorkflowPoller,
    },
    resources::{Resources, WorkerPlace},
    shutdown::{LEAVE_TIMEOUT, POLLS_END_TIMEOUT, ShutdownReport, activity_grace},
    task_queues::Queues,
    workflow::{
        cached_run::{PolledWorkflow, execution},
        parking::{ParkedTask, Parking},
        reporter::Reporter,
        task::{TaskResult, WorkflowTasks},
    },
};

/// Polled tasks that may wait for the worker to hand them out; they hold slots, which bound them.
const QUEUED_TASKS: usize = 64;

/// A worker of one task queue.
#[derive(Debug)]
pub struct Worker {
    config: Config,
    resources: Resources,
    place: WorkerPlace,
    connection: Arc<Connection>,
    queues: Arc<Queues>,
    counters: watch::Sender<WorkerCounters>,
}

/// Why a worker does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration has a value that cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The service cannot be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Modules that have nothing to do with each other cannot be versions of one deployment: the current version gets
    /// the new runs of all types.
    #[error(
        "modules {one} and {other} have no workflow type in common, so they are no versions of one worker deployment \
         `{deployment}`: run a host with a deployment of its own for each"
    )]
    Unrelated {
        /// The deployment.
        deployment: String,
        /// The file of a module.
        one: String,
        /// The file of another one.
        other: String,
    },
}

/// Everything that can happen to a worker.
enum WorkerEvent {
    Polled(PolledTask),
    WorkflowEnded(Result<TaskResult, JoinError>),
    ActivityEnded(Result<(), JoinError>),
    PollerEnded(Result<(), JoinError>),
    ModulesChanged,
    ParkedExpired,
    Retire,
    Stop,
    PollsOverdue,
    ExecutorsStopped(Vec<RunningActivity>),
    GraceOver,
}

/// The state of a worker that runs.
struct Running {
    worker: Worker,
    polls: Polls,
    slots: Arc<Semaphore>,
    workflows: Arc<WorkflowTasks>,
    activities: Option<ActivityTasks>,
    pollers: JoinSet<()>,
    workflow_tasks: JoinSet<TaskResult>,
    activity_tasks: JoinSet<()>,
    parking: Parking<Box<PollWorkflowTaskQueueResponse>>,
    counters: watch::Sender<WorkerCounters>,
    gauges: WorkerGauges,
    /// No task is taken any more, and what is under way goes on.
    retiring: bool,
    stopping: bool,
    /// Polls that are under way then are dropped.
    polls_end: Option<Instant>,
    /// Tasks that run then are left.
    leave: Option<Instant>,
    /// Activities were told to stop, and what did not is known.
    executors_stopped: bool,
    report: ShutdownReport,
}

impl Worker {
    /// Connects, without polling yet.
    ///
    /// # Errors
    ///
    /// When the configuration has a value that cannot work, or the service cannot be used.
    pub async fn connect(
        service: Arc<dyn WorkflowService>,
        resources: Resources,
        config: Config,
    ) -> Result<Self, StartError> {
        config.check()?;
        let connection = Arc::new(Connection::open(service, &config).await?);
        let queues = Arc::new(Queues::new(&config.task_queue, &config.identity));
        let place = resources.join();
        Ok(Self { config, resources, place, connection, queues, counters: watch::Sender::default() })
    }

    /// The numbers of this worker, as they change.
    #[must_use]
    pub fn counters(&self) -> watch::Receiver<WorkerCounters> {
        self.counters.subscribe()
    }

    /// Works until `shutdown` is cancelled and everything under way has ended or its grace period is
    /// over.
    pub async fn run(self, shutdown: CancellationToken) -> ShutdownReport {
        self.run_until(CancellationToken::new(), shutdown).await
    }

    /// As [`Worker::run`], or until `retire` is cancelled: then the worker takes no more tasks, and ends once those under
    /// way have, however long they take. Activities of other workers go on.
    pub(crate) async fn run_until(
        self,
        retire: CancellationToken,
        shutdown: CancellationToken,
    ) -> ShutdownReport {
        let (tasks, mut polled) = mpsc::channel(QUEUED_TASKS);
        let mut modules = self.resources.catalog.subscribe();
        let mut running = Running::start(self, tasks);
        let executors = running.worker.resources.executors.clone();
        let grace = activity_grace(running.worker.config.shutdown_grace);
        let mut stop_executors = pin!(async {
            shutdown.cancelled().await;
            match executors {
                Some(executors) => executors.shutdown(grace).await,
                None => Vec::new(),
            }
        });
        while !(running.is_over() && polled.is_empty()) {
            let event = tokio::select! {
                biased;
                () = shutdown.cancelled(), if !running.stopping => WorkerEvent::Stop,
                () = retire.cancelled(), if !running.retiring => WorkerEvent::Retire,
                Some(ended) = running.pollers.join_next() => WorkerEvent::PollerEnded(ended),
                Some(ended) = running.workflow_tasks.join_next() => WorkerEvent::WorkflowEnded(ended),
                Some(ended) = running.activity_tasks.join_next() => WorkerEvent::ActivityEnded(ended),
                Some(task) = polled.recv() => WorkerEvent::Polled(task),
                true = changed(&mut modules) => WorkerEvent::ModulesChanged,
                left = &mut stop_executors, if !running.executors_stopped => {
                    WorkerEvent::ExecutorsStopped(left)
                }
                () = at(running.parking.next_expiry()) => WorkerEvent::ParkedExpired,
                () = at(running.polls_end) => WorkerEvent::PollsOverdue,
                () = at(running.leave) => WorkerEvent::GraceOver,
            };
            running.handle(event);
            running.gauge();
        }
        running.report
    }
}

impl Running {
    fn start(worker: Worker, tasks: mpsc::Sender<PolledTask>) -> Self {
        let Worker { config, resources, connection, queues, counters, .. } = &worker;
        let polls = Polls::new(config.task_queue.clone(), tasks);
        let slots = Arc::new(Semaphore::new(config.workflow_tasks));
        let workflows = Arc::new(WorkflowTasks {
            connection: Arc::clone(connection),
            catalog: Arc::clone(&resources.catalog),
            threads: Arc::clone(&resources.threads),
            cache: Arc::clone(&resources.cache),
            moves: Arc::clone(&resources.moves),
            shadow: Arc::clone(&resources.shadow),
            reporter: Reporter {
                connection: Arc::clone(connection),
                queues: Arc::clone(queues),
                sticky: resources.sticky,
                executors: resources.executors.clone(),
                // An activity that starts eagerly comes without a poll, so no limit would hold for it.
                is_eager: !config.limits_activities(),
            },
        });
        let activities = resources.executors.clone().map(|executors| {
            ActivityTasks::new(Arc::clone(connection), executors, config.task_queue.clone())
        });
        let mut running = Self {
            polls,
            slots,
            workflows,
            activities,
            pollers: JoinSet::new(),
            workflow_tasks: JoinSet::new(),
            activity_tasks: JoinSet::new(),
            parking: Parking::default(),
            counters: counters.clone(),
            gauges: WorkerGauges::new(&config.namespace, &config.task_queue),
            retiring: false,
            stopping: false,
            polls_end: None,
            leave: None,
            executors_stopped: false,
            report: ShutdownReport::default(),
            worker,
        };
        running.start_pollers();
        running
    }

    fn start_pollers(&mut self) {
        let Worker { config, resources, place, connection, queues, .. } = &self.worker;
        let workflow_poller = WorkflowPoller {
            connection: Arc::clone(connection),
            queues: Arc::clone(queues),
            slots: Arc::clone(&self.slots),
            balance: Arc::new(Mutex::new(PollerBalance::new(resources.sticky))),
            polls: self.polls.clone(),
        };
        for _ in 0..config.workflow_pollers.min(config.workflow_tasks) {
            self.pollers.spawn(workflow_poller.clone().run());
        }
        if let Some(activities) = &self.activities {
            let executors = activities.executors();
            let rate = config.activities_per_second.map(|rate| Arc::new(Rate::new(rate)));
            let wanted = config.activity_pollers.get();
            let (wanted, workers) = (rate.as_ref().map_or(wanted, |rate| rate.polls(wanted)), place.count());
            let (pollers, _) = activity_poller::share(wanted, executors.polls_at_once(), workers.get());
            for number in 0..pollers {
                let activity_poller = ActivityPoller {
                    connection: Arc::clone(connection),
                    queues: Arc::clone(queues),
                    executors: executors.clone(),
                    polls: self.polls.clone(),
                    number,
                    workers: workers.clone(),
                    rate: rate.clone(),
                    queue_rate: config.queue_activities_per_second,
                };
                self.pollers.spawn(activity_poller.run());
            }
        }
        telemetry::WORKER_START.count([&connection.namespace, &config.task_queue]);
        tracing::info!(
            namespace = connection.namespace,
            task_queue = config.task_queue,
            identity = connection.identity,
            build_id = connection.build_id(),
            activities = self.activities.is_some(),
            "polling task queue"
        );
    }

    /// Sets the gauges of what goes on now.
    fn gauge(&mut self) {
        if !telemetry::is_enabled() {
            return;
        }
        let Worker { config, resources, .. } = &self.worker;
        self.gauges.workflow_slots.set(config.workflow_tasks, self.workflow_tasks.len());
        if let Some(activities) = &self.activities {
            let all = activities.executors().polls_at_once();
            self.gauges.activity_slots.set(all, self.activity_tasks.len());
        }
        self.gauges.parked_tasks.set(self.parking.len());
        self.gauges.cache(*resources.cache.counters().borrow());
    }

    fn handle(&mut self, event: WorkerEvent) {
        match event {
            WorkerEvent::Polled(PolledTask::Workflow(task)) => self.start_workflow_task(task),
            WorkerEvent::Polled(PolledTask::Activity(task)) => self.start_activity_task(task),
            WorkerEvent::WorkflowEnded(Ok(result)) => self.workflow_task_ended(result),
            WorkerEvent::WorkflowEnded(Err(error))
            | WorkerEvent::ActivityEnded(Err(error))
            | WorkerEvent::PollerEnded(Err(error)) => panicked(&error),
            WorkerEvent::ActivityEnded(Ok(())) | WorkerEvent::PollerEnded(Ok(())) => {}
            WorkerEvent::ModulesChanged => self.unpark(),
            WorkerEvent::ParkedExpired => {
                self.parking.expire(Instant::now());
                self.count_parked();
            }
            WorkerEvent::Retire => self.retire(),
            WorkerEvent::Stop => self.stop(),
            WorkerEvent::PollsOverdue => {
                self.polls_end = None;
                self.polls.abort();
            }
            WorkerEvent::ExecutorsStopped(left) => {
                self.executors_stopped = true;
                self.report.activities = left;
            }
            WorkerEvent::GraceOver => self.leave(),
        }
    }

    fn start_workflow_task(&mut self, task: PolledWorkflow) {
        self.unpark_replaced(&task);
        let workflows = Arc::clone(&self.workflows);
        self.workflow_tasks.spawn(workflows.process(task));
    }

    fn workflow_task_ended(&mut self, result: TaskResult) {
        if self.has_left() {
            // Dropping the rest gives it back: slots here, tasks to the service once they time out.
            return;
        }
        let TaskResult { eager, next, park } = result;
        for activity in eager {
            self.counters.send_modify(|counters| counters.eager_activities += 1);
            self.start_activity_task(activity);
        }
        if let Some(parked) = park {
            self.park(parked);
        }
        if let Some(next) = next {
            self.unpark_replaced(&next.polled);
            let workflows = Arc::clone(&self.workflows);
            self.workflow_tasks.spawn(workflows.advance(next));
        }
    }

    /// A workflow task that is executed makes an earlier one of its run void.
    fn unpark_replaced(&mut self, task: &PolledWorkflow) {
        if !task.is_query() {
            self.parking.forget(&execution(&task.task).run_id);
            self.count_parked();
        }
    }

    fn count_parked(&self) {
        let parked_tasks = self.parking.len();
        self.counters.send_if_modified(|counters| {
            std::mem::replace(&mut counters.parked_tasks, parked_tasks) != parked_tasks
        });
    }

    fn start_activity_task(&mut self, task: PolledActivity) {
        match &self.activities {
            Some(activities) => {
                self.activity_tasks.spawn(activities.clone().process(task));
            }
            None => tracing::error!("an activity task came although none was asked for"),
        }
    }

    /// Keeps a task that no module here executes, outside of its slot. Where modules have changed since it looked for its own,
    /// it is tried again at once: that change wakes it no more.
    fn park(&mut self, parked: ParkedTask) {
        let ParkedTask { task, generation } = parked;
        if generation != self.worker.resources.catalog.generation() {
            return self.try_again(task);
        }
        let run_id = execution(&task).run_id;
        if self.parking.park(run_id.clone(), task, Instant::now()).is_some() {
            tracing::warn!(run_id, "too many tasks wait for a module, this one is left to time out");
        }
        self.count_parked();
    }

    /// Tries parked tasks again, each in a slot; those that still miss something come back.
    fn unpark(&mut self) {
        for task in self.parking.take_all() {
            self.try_again(task);
        }
        self.count_parked();
    }

    fn try_again(&mut self, task: Box<PollWorkflowTaskQueueResponse>) {
        let workflows = Arc::clone(&self.workflows);
        let slots = Arc::clone(&self.slots);
        self.workflow_tasks.spawn(async move {
            match slots.acquire_owned().await {
                Ok(slot) => {
                    let received = Instant::now();
                    workflows.process(PolledWorkflow { task, slot, received }).await
                }
                // The semaphore of the slots is never closed.
                Err(_) => TaskResult::default(),
            }
        });
    }

    /// Takes no more tasks.
    fn retire(&mut self) {
        let Worker { config, connection, .. } = &self.worker;
        let build_id = connection.build_id();
        tracing::info!(task_queue = config.task_queue, build_id, "worker takes no more tasks");
        self.end_polls();
    }

    fn stop(&mut self) {
        let Worker { config, .. } = &self.worker;
        tracing::info!(task_queue = config.task_queue, "worker stops");
        self.stopping = true;
        self.leave = Some(Instant::now() + config.shutdown_grace + LEAVE_TIMEOUT);
        self.end_polls();
    }

    fn end_polls(&mut self) {
        if std::mem::replace(&mut self.retiring, true) {
            return;
        }
        let Worker { config, connection, queues, .. } = &self.worker;
        if connection.capabilities.ends_polls_on_shutdown {
            self.polls.stop();
            self.polls_end = Some(Instant::now() + POLLS_END_TIMEOUT.min(config.shutdown_grace));
        } else {
            self.polls.abort();
        }
        let (connection, queues) = (Arc::clone(connection), Arc::clone(queues));
        let mut types = vec![TaskQueueType::Workflow];
        if self.activities.is_some() {
            types.push(TaskQueueType::Activity);
        }
        self.pollers.spawn(async move { connection.shut_down(&queues, types).await });
    }

    fn leave(&mut self) {
        self.leave = None;
        self.report.workflow_tasks = self.workflow_tasks.len();
        self.polls.abort();
        self.pollers.abort_all();
        self.workflow_tasks.abort_all();
        self.activity_tasks.abort_all();
        self.executors_stopped = true;
    }

    /// Whether the grace period is over.
    fn has_left(&self) -> bool {
        self.stopping && self.leave.is_none()
    }

    fn is_over(&self) -> bool {
        let may_end = if self.stopping { self.executors_stopped } else { self.retiring };
        may_end && self.pollers.is_empty() && self.workflow_tasks.is_empty() && self.activity_tasks.is_empty()
    }
}

fn panicked(error: &JoinError) {
    if !error.is_cancelled() {
        tracing::error!(%error, "a task of the worker panicked");
    }
}

async fn changed(modules: &mut watch::Receiver<u64>) -> bool {
    modules.changed().await.is_ok()
}
