//! Long polls: a worker waits at a queue for a task.
//!
//! A poll may end at any moment, because its caller went away. Whatever it holds then goes back
//! into the queue: nothing is started before it is certain to be answered.

use std::{pin::pin, sync::Arc, time::Duration};

use host_wire::temporal::api::{
    common::v1::{WorkerVersionCapabilities, WorkerVersionStamp},
    enums::v1::TaskQueueType,
    taskqueue::v1::{PollerScalingDecision, TaskQueue},
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};
use tonic::Status;

use crate::{
    api::context::Context,
    error::Error,
    execution::worker::Worker,
    limits,
    matching::{
        backlog::Waiting,
        queue_key::QueueKey,
        queued::Queued,
        queues::{First, Polled},
        routing::is_misplaced,
    },
    shard::Shard,
    storage::Position,
    time::Time,
};

/// The shortest wait for a rate limit: timers are no finer.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// The queue that a poll names.
pub(crate) fn queue_key(
    context: &Context,
    namespace: &str,
    queue: Option<&TaskQueue>,
    of: TaskQueueType,
) -> Result<QueueKey, Status> {
    context.lock().executions.check_namespace(namespace)?;
    let name = queue.map(|queue| queue.name.clone()).unwrap_or_default();
    if name.is_empty() {
        return Err(Error::invalid("TaskQueue is not set on request.").into());
    }
    if name.len() > limits::ID_BYTES {
        return Err(Error::invalid("TaskQueue length exceeds limit.").into());
    }
    Ok(QueueKey::of(namespace, &name, of))
}

/// The worker that polls, with its build if it names one.
pub(crate) fn worker(
    context: &Context,
    identity: &str,
    version: Option<WorkerVersionCapabilities>,
) -> Worker {
    let is_of_deployment = |version: &WorkerVersionCapabilities| {
        version.use_versioning && !version.deployment_series_name.is_empty()
    };
    let version = version.filter(|version| !version.build_id.is_empty() && !is_of_deployment(version));
    let version = version.map(|version| WorkerVersionStamp {
        build_id: version.build_id,
        use_versioning: version.use_versioning,
    });
    Worker { version, ..context.worker(identity) }
}

/// A worker at a queue, for as long as its poll is open.
pub(crate) struct Poller<'a> {
    context: &'a Context,
    pub(crate) key: QueueKey,
    arrived: Arc<Notify>,
    since: Time,
}

impl<'a> Poller<'a> {
    /// # Errors
    ///
    /// RESOURCE_EXHAUSTED when there are too many polls.
    pub(crate) fn enter(context: &'a Context, key: QueueKey, polled: Polled) -> Result<Self, Status> {
        let since = context.now();
        let arrived = context.lock().queues.enter(&key, polled, context.in_process, since);
        let arrived = arrived.ok_or_else(|| Error::too_many("open polls of this task queue, or of all"))?;
        Ok(Self { context, key, arrived, since })
    }

    /// Waits for the next task whose cause is on disk; for workflow tasks that stay in the process, it
    /// need not be.
    pub(crate) async fn next(&self, until: Instant) -> Option<Taken<'a>> {
        let needs_disk = !self.key.is_of_workflows() || !self.context.in_process;
        let synced = self.context.storage().synced();
        loop {
            let mut arrived = pin!(self.arrived.notified());
            arrived.as_mut().enable();
            if self.context.closing().get() {
                return None;
            }
            let seen = synced.get();
            let last = if needs_disk { seen.position } else { Position::MAX };
            let (mut not_on_disk, mut later) = (false, None);
            match self.take(last) {
                Ok(taken) => return Some(taken),
                Err(Wait::Disk) => not_on_disk = true,
                Err(Wait::Limit(time)) => later = time,
                Err(Wait::Arrival) => {}
                Err(Wait::Over) => return None,
            }
            // Not before the limit lets one go, by the clock of the service.
            let wait = later.map(|time| time.since(self.context.now()).max(SHORTEST_WAIT));
            tokio::select! {
                biased;
                // A poll that waits for the disk leaves arrivals to others: dropping this passes one on.
                () = arrived, if !not_on_disk => {}
                _ = synced.wait_for(|synced| synced != seen), if not_on_disk => {}
                () = sleep(wait.unwrap_or_default()), if wait.is_some() => {}
                () = sleep_until(until) => return None,
                () = self.context.closed() => return None,
            }
        }
    }

    fn take(&self, last: Position) -> Result<Taken<'a>, Wait> {
        let (context, now) = (self.context, self.context.now());
        let mut shard = context.lock();
        match take_own(&mut shard, &self.key, last, now) {
            First::Waiting(task) => {
                let advice = shard.queues.advice(&self.key, now.since(self.since), now);
                Ok(Taken { context, key: self.key.clone(), task: Some(task), advice })
            }
            First::NotOnDisk => Err(Wait::Disk),
            First::Later(time) => Err(Wait::Limit(time)),
            First::Nothing if !shard.queues.has(&self.key) => Err(Wait::Over),
            First::Nothing => Err(Wait::Arrival),
        }
    }
}

/// Takes what is first in a queue, after sending on what is for workers of another version.
fn take_own(shard: &mut Shard, key: &QueueKey, last: Position, now: Time) -> First {
    loop {
        let Shard { executions, queries, queues, .. } = shard;
        match queues.take(key, last, now) {
            First::Waiting(task) if is_misplaced(executions, queries, key, &task.queued) => {
                queues.was_not_wanted(key, &task);
                queues.send_on(executions, queries, task, now);
            }
            first => return first,
        }
    }
}

/// What a poll waits for.
enum Wait {
    Disk,
    /// A rate limit, until then; a change of it, if nothing.
    Limit(Option<Time>),
    Arrival,
    /// Nothing: the namespace was deleted.
    Over,
}

impl Drop for Poller<'_> {
    fn drop(&mut self) {
        let now = self.context.now();
        self.context.lock().queues.leave(&self.key, self.context.in_process, now);
    }
}

/// A task out of a queue. Goes back when it is dropped, unless it was kept.
pub(crate) struct Taken<'a> {
    context: &'a Context,
    key: QueueKey,
    task: Option<Waiting>,
    /// What the worker is told of the number of its polls.
    pub(crate) advice: Option<PollerScalingDecision>,
}

impl Taken<'_> {
    pub(crate) fn queued(&self) -> Option<&Queued> {
        self.task.as_ref().map(|task| &task.queued)
    }

    /// The task is done with: started, or not wanted any more.
    pub(crate) fn keep(&mut self, started: bool) {
        let Some(task) = self.task.take() else { return };
        if !started {
            self.context.lock().queues.was_not_wanted(&self.key, &task);
        }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            let now = self.context.now();
            self.context.lock().queues.put_back(self.key.clone(), task, now);
        }
    }
}
