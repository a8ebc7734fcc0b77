//! Runs activities: in tokio tasks, in a thread pool, or in child processes.
//!
//! A worker reserves a [`Slot`], polls, and passes the task and the slot to [`Executors::run`]. Slots limit
//! all activities together. Each kind also has a limit of its own; an activity beyond it waits here.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use guest_sdk_types::Payload;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::{Instant, timeout};

use crate::attempt::{Attempt, ShutdownPhase};
use crate::call::{call_async, call_blocking};
use crate::cancel::Cancellation;
use crate::context::ActivityContext;
use crate::failure_type;
use crate::heartbeat::{HeartbeatAnswer, Throttle};
use crate::info::ActivityTask;
use crate::options::{Grace, Options};
use crate::outcome::{Outcome, failed};
use crate::process::ProcessPool;
use crate::registry::{BlockingFunction, ExecutorKind, Function, Registry};
use crate::threads::ThreadPool;
use crate::timers::Timers;

/// From [`ShutdownPhase::Leaving`] until the attempts that were dropped have returned their outcome.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the activities of a registry. A clone is the same executors.
#[derive(Clone, Debug)]
pub struct Executors(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Arc<Registry>,
    options: Options,
    slots: Arc<Semaphore>,
    held: watch::Sender<usize>,
    asynchronous: Arc<Semaphore>,
    threads: Arc<Semaphore>,
    processes: Arc<Semaphore>,
    thread_pool: ThreadPool,
    process_pool: ProcessPool,
    phase: watch::Sender<ShutdownPhase>,
    running: Mutex<BTreeMap<u64, RunningActivity>>,
    next_number: AtomicU64,
}

/// The permit to run one activity. Dropping it frees the slot.
#[derive(Debug)]
pub struct Slot {
    _permit: OwnedSemaphorePermit,
    held: watch::Sender<usize>,
}

impl Slot {
    fn new(permit: OwnedSemaphorePermit, held: &watch::Sender<usize>) -> Self {
        held.send_modify(|held| *held += 1);
        Self { _permit: permit, held: held.clone() }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.held.send_modify(|held| *held -= 1);
    }
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
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.clamp(1, Semaphore::MAX_PERMITS)));
        Self(Arc::new(Inner {
            slots: semaphore(options.total),
            held: watch::Sender::new(0),
            asynchronous: semaphore(options.asynchronous),
            threads: semaphore(options.threads),
            processes: semaphore(options.processes),
            thread_pool: ThreadPool::new(options.threads.max(1)),
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

    /// Waits for a slot. Returns `None` once [`Executors::shutdown`] was called.
    pub async fn reserve(&self) -> Option<Slot> {
        let permit = Arc::clone(&self.0.slots).acquire_owned().await.ok()?;
        Some(Slot::new(permit, &self.0.held))
    }

    /// A slot, if one is free now: for eager activities, which come with the response to a workflow task.
    pub fn try_reserve(&self) -> Option<Slot> {
        let permit = Arc::clone(&self.0.slots).try_acquire_owned().ok()?;
        Some(Slot::new(permit, &self.0.held))
    }

    /// The number of free slots.
    pub fn free_slots(&self) -> usize {
        self.0.slots.available_permits()
    }

    /// The activities that are running.
    pub fn running(&self) -> Vec<RunningActivity> {
        self.0.running().values().cloned().collect()
    }

    /// Runs one attempt. `send` sends a heartbeat to the service; this crate throttles its calls.
    ///
    /// Hold the slot until the outcome is reported. Dropping the future aborts a task and kills a child
    /// process. A thread cannot be stopped, so it stays occupied until the activity returns.
    pub async fn run<F, R>(&self, _slot: &Slot, task: ActivityTask, send: F) -> Outcome
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
            timers: Timers::new(&task.info, inner.options.timeout_margin, Instant::now()),
            phase: inner.phase.subscribe(),
            cancel_grace: inner.options.cancel_grace,
        };
        attempt.run(inner.execute(function, task, cancellation, record)).await
    }

    /// Shuts down: grants no more slots, and waits until all slots are free, as long as `grace` says. An
    /// activity whose task arrives on a slot that was reserved earlier still runs. Activities that do not end
    /// in time are dropped: tasks are aborted, child processes killed, threads abandoned. Such an attempt is
    /// reported as failed, and the service retries it. Returns the activities that were dropped.
    pub async fn shutdown(&self, grace: Grace) -> Vec<RunningActivity> {
        let inner = &self.0;
        inner.slots.close();
        let mut left = Vec::new();
        if !inner.idle_within(grace.finish).await {
            inner.phase.send_replace(ShutdownPhase::Stopping);
            if !inner.idle_within(grace.stop).await {
                left = self.running();
            }
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

    async fn execute(
        &self,
        function: Function,
        task: ActivityTask,
        cancellation: Cancellation,
        record: watch::Sender<Option<Vec<Payload>>>,
    ) -> Outcome {
        let queue = match function {
            Function::Async(_) => &self.asynchronous,
            Function::Thread(_) => &self.threads,
            Function::Process(_) => &self.processes,
        };
        let permit = tokio::select! {
            biased;
            () = cancellation.cancelled() => return Outcome::Cancelled { details: Vec::new() },
            permit = Arc::clone(queue).acquire_owned() => permit,
        };
        let record = move |details| {
            record.send_replace(Some(details));
        };
        match function {
            Function::Async(function) => {
                let (context, arguments) = ActivityContext::new(task, cancellation, record);
                call_async(function, context, arguments).await
            }
            Function::Thread(function) => {
                let (context, arguments) = ActivityContext::new(task, cancellation, record);
                self.run_in_thread(function, context, arguments, permit.ok()).await
            }
            Function::Process(_) => self.process_pool.run(task, &cancellation, record).await,
        }
    }

    async fn run_in_thread(
        &self,
        function: BlockingFunction,
        context: ActivityContext,
        arguments: Vec<Payload>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Outcome {
        let activity = context.info().activity_type.clone();
        let (ended, end) = oneshot::channel();
        let job = Box::new(move || {
            let outcome = call_blocking(&function, context, arguments);
            // A dropped attempt has no receiver any more. The permit is held until the function returns.
            let _ = ended.send(outcome);
            drop(permit);
        });
        if let Err(error) = self.thread_pool.submit(job) {
            return failed(
                failure_type::NO_THREAD,
                format!("failed to start a thread for activity `{activity}`: {error}"),
            );
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
