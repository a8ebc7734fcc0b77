//! What runs activities: slots, and the three ways to run a function.
//!
//! A worker reserves a [`Slot`], polls, and hands task and slot to [`Executors::run`]. Slots bound all
//! activities together; within them each kind has its own bound, for which activities queue here.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use guest_sdk_types::Payload;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::attempt::{Attempt, Phase};
use crate::cancel::Cancellation;
use crate::context::ActivityContext;
use crate::failure_type;
use crate::heartbeat::{HeartbeatAnswer, Throttle};
use crate::info::ActivityTask;
use crate::options::{Grace, Options};
use crate::outcome::{Outcome, failed, panicked, returned};
use crate::process::ProcessPool;
use crate::registry::{AsyncFunction, BlockingFunction, Function, Kind, Registry};
use crate::threads::ThreadPool;
use crate::timers::Timers;

/// From [`Phase::Leaving`] until attempts that are left have returned their outcome.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the activities of a registry. Clones share everything.
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
    phase: watch::Sender<Phase>,
    running: Mutex<BTreeMap<u64, RunningActivity>>,
    next_number: AtomicU64,
}

/// The right to run one activity.
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

/// An activity that runs, or was left running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningActivity {
    /// Its type.
    pub activity_type: String,
    /// Its id.
    pub activity_id: String,
    /// The workflow that called it, if one did.
    pub workflow_id: Option<String>,
    /// From 1.
    pub attempt: u32,
    /// What runs it.
    pub kind: Kind,
}

impl std::fmt::Display for RunningActivity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { activity_type, activity_id, workflow_id, attempt, kind } = self;
        write!(formatter, "{kind} activity `{activity_type}` ({activity_id}, attempt {attempt})")?;
        workflow_id.iter().try_for_each(|workflow_id| write!(formatter, " of workflow {workflow_id}"))
    }
}

impl Executors {
    /// Starts nothing yet: threads and child processes start as they are needed.
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
            phase: watch::Sender::new(Phase::Running),
            running: Mutex::default(),
            next_number: AtomicU64::new(0),
            registry,
            options,
        }))
    }

    /// What there is to run.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Waits for a slot. `None` once [`Executors::shutdown`] has begun.
    pub async fn reserve(&self) -> Option<Slot> {
        let permit = Arc::clone(&self.0.slots).acquire_owned().await.ok()?;
        Some(Slot::new(permit, &self.0.held))
    }

    /// A slot, if one is free now: for activities that come with the answer to a workflow task.
    pub fn try_reserve(&self) -> Option<Slot> {
        let permit = Arc::clone(&self.0.slots).try_acquire_owned().ok()?;
        Some(Slot::new(permit, &self.0.held))
    }

    /// Slots that are free now.
    pub fn free_slots(&self) -> usize {
        self.0.slots.available_permits()
    }

    /// What runs now.
    pub fn running(&self) -> Vec<RunningActivity> {
        self.0.running().values().cloned().collect()
    }

    /// Runs one attempt. `send` sends heartbeats to the service; they are throttled already.
    ///
    /// Hold the slot until the outcome is reported. Dropping the future stops the activity, except in a
    /// thread: that cannot be stopped, and is not free again before the activity returns.
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

    /// Stops: no more slots, then as `grace` says. Waits for slots, not for activities: a task that is on
    /// its way to a slot, because its poll is not over, runs like any other. What does not end in time is
    /// left: tasks are aborted, child processes killed, threads abandoned; each such attempt is reported as
    /// failed, to be tried again. Returns what was left.
    pub async fn shutdown(&self, grace: Grace) -> Vec<RunningActivity> {
        let inner = &self.0;
        inner.slots.close();
        let mut left = Vec::new();
        if !inner.idle_within(grace.finish).await {
            inner.phase.send_replace(Phase::Stopping);
            if !inner.idle_within(grace.stop).await {
                left = self.running();
            }
        }
        inner.phase.send_replace(Phase::Leaving);
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
                run_async(function, context, arguments).await
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
            // An attempt that was left has no receiver any more; the thread is free again only now.
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

async fn run_async(function: AsyncFunction, context: ActivityContext, arguments: Vec<Payload>) -> Outcome {
    let activity = context.info().activity_type.clone();
    // A task of its own, so that a panic ends nothing else.
    let running = AbortOnDropHandle::new(tokio::spawn(async move { function(context, arguments).await }));
    match running.await {
        Ok(result) => returned(&activity, result),
        Err(error) => match error.try_into_panic() {
            Ok(payload) => panicked(&activity, &*payload),
            Err(_) => failed(failure_type::WORKER_SHUTDOWN, format!("activity `{activity}` was aborted")),
        },
    }
}

/// Calls a blocking function where it is; a panic is a failure.
pub(crate) fn call_blocking(
    function: &BlockingFunction,
    context: ActivityContext,
    arguments: Vec<Payload>,
) -> Outcome {
    let activity = context.info().activity_type.clone();
    match catch_unwind(AssertUnwindSafe(|| function(context, arguments))) {
        Ok(result) => returned(&activity, result),
        Err(payload) => panicked(&activity, &*payload),
    }
}

/// Stands in the list of what runs, as long as it lives.
struct Running<'a> {
    inner: &'a Inner,
    number: u64,
}

impl<'a> Running<'a> {
    fn enter(inner: &'a Inner, task: &ActivityTask, kind: Kind) -> Self {
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
