//! Runs activities: in tokio tasks, in a thread pool, or in child processes.
//!
//! A worker reserves a [`Slot`], polls, and passes the task and the slot to [`Executors::run`]. The slot has a
//! place on the executor of the task, so the attempt begins at once: see [`crate::slots`]. A local activity has no
//! task at the service: the worker waits for its slot, and enforces its timeouts.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use guest_sdk_types::Payload;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout};

use crate::attempt::{Attempt, ShutdownPhase};
use crate::call::{call_async, call_blocking, run_apart};
use crate::cancel::{CancelReason, Cancellation};
use crate::context::ActivityContext;
use crate::failure_type;
use crate::heartbeat::{HeartbeatAnswer, Throttle};
use crate::info::ActivityTask;
use crate::interceptors::{self, ExecuteActivityInput, ExecuteActivityOutput, HeartbeatInput, Next};
use crate::options::{Grace, Options};
use crate::outcome::{Outcome, failed, no_thread, result_of};
use crate::process::ProcessPool;
use crate::registry::{BlockingFunction, ExecutorKind, Function, Registry};
use crate::runtime::ActivityRuntime;
use crate::slots::{Place, Purpose, Slot, Slots};
use crate::threads::ThreadPool;
use crate::timers::Timers;
use crate::watch::Watch;

/// From [`ShutdownPhase::Leaving`] until the attempts that were dropped have returned their outcome.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the activities of a registry. A clone is the same executors.
#[derive(Clone, Debug)]
pub struct Executors(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Arc<Registry>,
    options: Options,
    slots: Slots,
    local_slots: Slots,
    /// Slots of both kinds that are held.
    held: watch::Sender<usize>,
    runtime: ActivityRuntime,
    watch: Watch,
    thread_pool: ThreadPool,
    process_pool: ProcessPool,
    phase: watch::Sender<ShutdownPhase>,
    running: Mutex<BTreeMap<u64, RunningActivity>>,
    next_number: AtomicU64,
}

/// An activity that is running, or was still running when a shutdown ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningActivity {
    /// The activity type.
    pub activity_type: String,
    /// The activity id.
    pub activity_id: String,
    /// The workflow that scheduled it; `None` for an activity without a workflow.
    pub workflow_id: Option<String>,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The executor that runs it.
    pub kind: ExecutorKind,
}

impl std::fmt::Display for RunningActivity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { activity_type, activity_id, workflow_id, attempt, kind } = self;
        write!(formatter, "{kind} activity `{activity_type}` ({activity_id}, attempt {attempt})")?;
        workflow_id.iter().try_for_each(|workflow_id| write!(formatter, " of workflow {workflow_id}"))
    }
}

impl Executors {
    /// Executors of `registry`. Threads and child processes start when an activity needs them.
    pub fn new(registry: Arc<Registry>, options: Options) -> Self {
        let held = watch::Sender::new(0);
        Self(Arc::new(Inner {
            slots: Slots::new(&registry, &options, Purpose::Tasks, held.clone()),
            local_slots: Slots::new(&registry, &options, Purpose::Local, held.clone()),
            held,
            runtime: ActivityRuntime::new(options.runtime.clone()),
            watch: Watch::default(),
            // As many for activity tasks as for local activities.
            thread_pool: ThreadPool::new(options.threads.max(1).saturating_mul(2)),
            process_pool: ProcessPool::new(&options),
            phase: watch::Sender::new(ShutdownPhase::Running),
            running: Mutex::default(),
            next_number: AtomicU64::new(0),
            registry,
            options,
        }))
    }

    /// The registered activities.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// The number of polls for tasks of unknown types that have a slot at once.
    pub fn polls_at_once(&self) -> usize {
        self.0.slots.at_once()
    }

    /// Waits for a slot for a task of any registered type. Returns `None` once [`Executors::shutdown`] was
    /// called.
    pub async fn reserve(&self) -> Option<Slot> {
        self.0.slots.reserve().await
    }

    /// A slot for an activity of this type, if one is free now: for eager activities, which come with the
    /// response to a workflow task. `None` also if no activity of the type is registered.
    pub fn try_reserve(&self, activity_type: &str) -> Option<Slot> {
        self.0.slots.try_reserve(self.0.registry.find(activity_type).ok()?.kind())
    }

    /// The activities that are running.
    pub fn running(&self) -> Vec<RunningActivity> {
        self.0.running().values().cloned().collect()
    }

    /// Runs one attempt, whose task was received at this time. `send` sends a heartbeat to the service; this
    /// crate throttles its calls. An attempt whose timeout has ended does not begin.
    ///
    /// Hold the slot until the outcome is reported. Dropping the future aborts a task and kills a child
    /// process. A thread cannot be stopped, so it stays occupied until the activity returns.
    pub async fn run<F, R>(&self, slot: &mut Slot, task: ActivityTask, received: Instant, send: F) -> Outcome
    where
        F: Fn(Vec<Payload>) -> R + Send + Sync + 'static,
        R: Future<Output = HeartbeatAnswer> + Send + 'static,
    {
        self.attempt(&self.0.slots, slot, task, received, send, None).await
    }

    /// Waits for a slot for a local activity of this executor. Returns `None` once a shutdown stops activities.
    pub async fn reserve_local(&self, kind: ExecutorKind) -> Option<Slot> {
        self.0.local_slots.reserve_for(kind).await
    }

    /// Runs one attempt of a local activity in a slot of [`Executors::reserve_local`]. Its heartbeats go nowhere. It is
    /// cancelled once `stop` has a reason; after [`CancelReason::TimedOut`] and [`CancelReason::NotFound`] it is
    /// dropped as [`Executors::run`] drops attempts that the service has given up.
    pub async fn run_local(
        &self,
        slot: &mut Slot,
        task: ActivityTask,
        stop: watch::Receiver<Option<CancelReason>>,
    ) -> Outcome {
        let send = |_| std::future::ready(HeartbeatAnswer::Recorded);
        self.attempt(&self.0.local_slots, slot, task, Instant::now(), send, Some(stop)).await
    }

    /// Waits until a shutdown stops the activities that did not end by themselves.
    pub async fn stopping(&self) {
        let mut phase = self.0.phase.subscribe();
        // The sender lives as long as these executors.
        let _ = phase.wait_for(|phase| *phase >= ShutdownPhase::Stopping).await;
    }

    async fn attempt<F, R>(
        &self,
        slots: &Slots,
        slot: &mut Slot,
        task: ActivityTask,
        received: Instant,
        send: F,
        stop: Option<watch::Receiver<Option<CancelReason>>>,
    ) -> Outcome
    where
        F: Fn(Vec<Payload>) -> R + Send + Sync + 'static,
        R: Future<Output = HeartbeatAnswer> + Send + 'static,
    {
        let inner = &self.0;
        let function = match inner.registry.find(&task.info.activity_type) {
            Ok(definition) => definition.function.clone(),
            Err(error) => return failed(failure_type::NOT_FOUND, error.to_string()),
        };
        let kind = function.kind();
        // A child process is told at once, and has the margin to end by itself.
        let margin =
            if kind == ExecutorKind::Process { Duration::ZERO } else { inner.options.timeout_margin };
        let place = slots.enter(slot, kind, &task.info.activity_type).await;
        let _running = Running::enter(inner, &task, kind);
        let cancellation = Cancellation::new();
        let (record, recorded) = watch::channel(None);
        let attempt = Attempt {
            activity_type: task.info.activity_type.clone(),
            kind,
            cancellation: cancellation.clone(),
            recorded,
            send: Box::new(move |details| Box::pin(send(details))),
            throttle: Throttle::new(task.info.heartbeat_timeout),
            timers: Timers::new(&task.info, margin, received),
            phase: inner.phase.subscribe(),
            stop,
            cancel_grace: inner.options.cancel_grace,
            kill_grace: inner.options.timeout_margin,
        };
        let end = task.info.attempt_timeout().and_then(|timeout| received.checked_add(timeout));
        if end.is_some_and(|end| end <= Instant::now()) {
            let activity = task.info.activity_type;
            tracing::warn!(activity, "an attempt does not begin, because its timeout has ended already");
            return Outcome::Lost(CancelReason::TimedOut);
        }
        attempt.run(inner.execute(function, task, cancellation, record, place)).await
    }

    /// Shuts down: grants no more slots, and waits until all slots are free, as long as `grace` says. An
    /// activity whose task arrives on a slot that was reserved earlier still runs. Activities that do not end
    /// in time are dropped: tasks are aborted, child processes killed, threads abandoned. Such an attempt is
    /// reported as failed, and the service retries it. Returns the activities that were dropped.
    pub async fn shutdown(&self, grace: Grace) -> Vec<RunningActivity> {
        let inner = &self.0;
        inner.slots.close();
        let mut left = Vec::new();
        let idle = inner.idle_within(grace.finish).await;
        // Until now, workflow tasks that run may begin local activities.
        inner.local_slots.close();
        inner.phase.send_replace(ShutdownPhase::Stopping);
        if !idle && !inner.idle_within(grace.stop).await {
            left = self.running();
        }
        inner.phase.send_replace(ShutdownPhase::Leaving);
        inner.idle_within(LEAVE_TIMEOUT).await;
        inner.process_pool.end_idle();
        left
    }
}

impl Inner {
    fn running(&self) -> MutexGuard<'_, BTreeMap<u64, RunningActivity>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn idle_within(&self, period: Duration) -> bool {
        let mut held = self.held.subscribe();
        timeout(period, held.wait_for(|held| *held == 0)).await.is_ok()
    }

    /// Runs an attempt through the interceptors, if there are some.
    async fn execute(
        self: &Arc<Self>,
        function: Function,
        task: ActivityTask,
        cancellation: Cancellation,
        record: watch::Sender<Option<Vec<Payload>>>,
        place: Option<Place>,
    ) -> Outcome {
        if self.registry.interceptors.inbound.is_empty() {
            return self.call(function, task, cancellation, record, place).await;
        }
        let (activity, workflow_id) = (task.info.activity_type.clone(), task.info.workflow_id.clone());
        let runtime = match self.runtime.handle() {
            Ok(runtime) => runtime,
            Err(error) => return no_thread(&activity, &error),
        };
        let inner = Arc::clone(self);
        let body = Box::pin(async move {
            let inner = &inner;
            let end = Next::new(move |input: ExecuteActivityInput| -> ExecuteActivityOutput<'_> {
                let called = inner.call(function, input.task, cancellation, record, place);
                Box::pin(async move { result_of(called.await) })
            });
            let input = ExecuteActivityInput { task };
            interceptors::execute_activity(&inner.registry.interceptors.inbound, input, end).await
        });
        run_apart(&runtime, &self.watch, &activity, workflow_id.as_deref(), body).await
    }

    async fn call(
        &self,
        function: Function,
        task: ActivityTask,
        cancellation: Cancellation,
        record: watch::Sender<Option<Vec<Payload>>>,
        place: Option<Place>,
    ) -> Outcome {
        let record = self.recorder(&task, record);
        match function {
            Function::Async(function) => {
                let called = ActivityContext::new(task, cancellation, record);
                match self.runtime.handle() {
                    Ok(runtime) => call_async(&runtime, &self.watch, function, called, place).await,
                    Err(error) => no_thread(&called.0.info().activity_type, &error),
                }
            }
            Function::Thread(function) => {
                let (context, arguments) = ActivityContext::new(task, cancellation, record);
                self.run_in_thread(function, context, arguments, place).await
            }
            Function::Process(_) => self.process_pool.run(task, &cancellation, record).await,
        }
    }

    /// What takes the details of heartbeats: interceptors, if there are some, and then the attempt.
    fn recorder(
        &self,
        task: &ActivityTask,
        record: watch::Sender<Option<Vec<Payload>>>,
    ) -> impl Fn(Vec<Payload>) + Send + Sync + 'static {
        let outbound = &self.registry.interceptors.outbound;
        let intercepted =
            (!outbound.is_empty()).then(|| (Arc::clone(&self.registry), Arc::new(task.info.clone())));
        move |details| match &intercepted {
            Some((registry, info)) => {
                let input = HeartbeatInput { info: Arc::clone(info), details };
                let end = Next::new(|input: HeartbeatInput| {
                    record.send_replace(Some(input.details));
                });
                interceptors::heartbeat(&registry.interceptors.outbound, input, end);
            }
            None => {
                record.send_replace(Some(details));
            }
        }
    }

    async fn run_in_thread(
        &self,
        function: BlockingFunction,
        context: ActivityContext,
        arguments: Vec<Payload>,
        place: Option<Place>,
    ) -> Outcome {
        let activity = context.info().activity_type.clone();
        let (ended, end) = oneshot::channel();
        let job = Box::new(move || {
            let outcome = call_blocking(&function, context, arguments);
            // A dropped attempt has no receiver any more. The place is taken until the function returns.
            drop(place);
            let _ = ended.send(outcome);
        });
        if let Err(error) = self.thread_pool.submit(job) {
            return no_thread(&activity, &error);
        }
        end.await.unwrap_or_else(|_| {
            failed(failure_type::NO_THREAD, format!("the thread of activity `{activity}` ended"))
        })
    }
}

/// Adds an activity to the list of running activities until it is dropped.
struct Running<'a> {
    inner: &'a Inner,
    number: u64,
}

impl<'a> Running<'a> {
    fn enter(inner: &'a Inner, task: &ActivityTask, kind: ExecutorKind) -> Self {
        let number = inner.next_number.fetch_add(1, Ordering::Relaxed);
        let running = RunningActivity {
            activity_type: task.info.activity_type.clone(),
            activity_id: task.info.activity_id.clone(),
            workflow_id: task.info.workflow_id.clone(),
            attempt: task.info.attempt,
            kind,
        };
        inner.running().insert(number, running);
        Self { inner, number }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.inner.running().remove(&self.number);
    }
}
