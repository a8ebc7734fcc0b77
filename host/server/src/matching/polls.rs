//! Long polls: a worker waits for a task.
//!
//! A poll may end at any moment, because its caller went away. Whatever it holds then goes back
//! into the queue: nothing is started before it is certain to be answered.

use std::pin::pin;

use host_wire::temporal::api::{
    common::v1::{WorkerVersionCapabilities, WorkerVersionStamp},
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{
        PollActivityTaskQueueRequest, PollActivityTaskQueueResponse, PollNexusTaskQueueRequest,
        PollNexusTaskQueueResponse, PollWorkflowTaskQueueRequest, PollWorkflowTaskQueueResponse,
    },
};
use tokio::time::{Instant, sleep_until};
use tonic::{Request, Status};

use crate::{
    api::{LONG_POLL, Service, activity_tasks, workflow_tasks},
    error::Error,
    execution::{run_transition::RunTransition, task::Task, worker::Worker},
    limits,
    matching::queues::{First, QueueKey, Queued},
    storage::Position,
};

impl Service {
    pub(crate) async fn poll_workflow_task(
        &self,
        request: Request<PollWorkflowTaskQueueRequest>,
    ) -> Result<PollWorkflowTaskQueueResponse, Status> {
        let until = Self::answer_by(&request, LONG_POLL);
        let request = request.into_inner();
        let key = self.queue_key(&request.namespace, request.task_queue.as_ref(), false)?;
        let poller = Poller::enter(self, key, &request.identity);
        let worker = self.worker(request.identity, request.worker_version_capabilities);
        while let Some(taken) = poller.next(until).await {
            if let Some(response) = self.start_taken_task(&poller, taken, &worker).await? {
                return Ok(response);
            }
        }
        Ok(PollWorkflowTaskQueueResponse::default())
    }

    async fn start_taken_task(
        &self,
        poller: &Poller<'_>,
        mut taken: Taken<'_>,
        worker: &Worker,
    ) -> Result<Option<PollWorkflowTaskQueueResponse>, Status> {
        let task = match taken.queued() {
            Some(Queued::Task(task)) => task.clone(),
            Some(Queued::Query(number)) => {
                let number = *number;
                let response = self.query_task(number, &poller.key.name);
                if let Some((_, run)) = &response {
                    self.run_on_disk(*run).await?;
                }
                taken.keep();
                return Ok(response.map(|(response, _)| response));
            }
            None => return Ok(None),
        };
        let Task::Workflow { run, scheduled_event_id, attempt, .. } = task else {
            taken.keep();
            return Ok(None);
        };
        if !self.in_process {
            self.run_on_disk(run).await?;
        }
        let start = |run: &mut RunTransition<'_>| run.start_task(scheduled_event_id, attempt, worker, None);
        let mut before = 0;
        let (started, _) = self.inner.transition_with(
            |transition| transition.change(run, start).unwrap_or_default(),
            |shard, started| {
                before = shard.position_of(run);
                if *started {
                    shard.queries.attach(run);
                }
            },
        );
        taken.keep();
        if !started {
            return Ok(None);
        }
        if !self.in_process {
            // What came in between is in the history that is about to be shown. Usually nothing.
            self.on_disk(before).await?;
        }
        Ok(self.task_response(run, &poller.key.name))
    }

    pub(crate) async fn poll_activity_task(
        &self,
        request: Request<PollActivityTaskQueueRequest>,
    ) -> Result<PollActivityTaskQueueResponse, Status> {
        let until = Self::answer_by(&request, LONG_POLL);
        let request = request.into_inner();
        let key = self.queue_key(&request.namespace, request.task_queue.as_ref(), true)?;
        let poller = Poller::enter(self, key, &request.identity);
        let worker = self.worker(request.identity, request.worker_version_capabilities);
        while let Some(mut taken) = poller.next(until).await {
            let Some(Queued::Task(Task::Activity { run, scheduled_event_id, attempt, .. })) = taken.queued()
            else {
                taken.keep();
                continue;
            };
            let (run, id, attempt) = (*run, *scheduled_event_id, *attempt);
            let start = |run: &mut RunTransition<'_>| run.start_activity(id, attempt, &worker);
            let (response, position) = self.inner.transition(|transition| {
                transition.change(run, start).filter(|started| *started)?;
                activity_tasks::response(run, transition.executions.run(run)?, id)
            });
            taken.keep();
            if let Some(response) = response {
                if is_last_attempt(&response) {
                    self.on_disk(position).await?;
                }
                return Ok(response);
            }
        }
        Ok(PollActivityTaskQueueResponse::default())
    }

    /// No Nexus tasks are ever made: the poll waits, as it would where there are none.
    pub(crate) async fn poll_nexus_task(
        &self,
        request: Request<PollNexusTaskQueueRequest>,
    ) -> Result<PollNexusTaskQueueResponse, Status> {
        let until = Self::answer_by(&request, LONG_POLL);
        let request = request.into_inner();
        self.queue_key(&request.namespace, request.task_queue.as_ref(), false)?;
        tokio::select! {
            biased;
            () = sleep_until(until) => {}
            () = self.closed() => {}
        }
        Ok(PollNexusTaskQueueResponse::default())
    }

    fn queue_key(
        &self,
        namespace: &str,
        queue: Option<&TaskQueue>,
        activities: bool,
    ) -> Result<QueueKey, Status> {
        self.lock().executions.check_namespace(namespace)?;
        let name = queue.map(|queue| queue.name.clone()).unwrap_or_default();
        if name.is_empty() {
            return Err(Error::invalid("TaskQueue is not set on request.").into());
        }
        if name.len() > limits::ID_BYTES {
            return Err(Error::invalid("TaskQueue length exceeds limit.").into());
        }
        Ok(QueueKey { namespace: namespace.to_owned(), name, activities })
    }

    fn worker(&self, identity: String, version: Option<WorkerVersionCapabilities>) -> Worker {
        let version = version.filter(|version| !version.build_id.is_empty());
        let version = version.map(|version| WorkerVersionStamp {
            build_id: version.build_id,
            use_versioning: version.use_versioning,
        });
        Worker { identity, version, in_process: self.in_process }
    }

    /// What a worker gets for the workflow task that was just started.
    pub(crate) fn task_response(&self, run: u64, queue: &str) -> Option<PollWorkflowTaskQueueResponse> {
        let shard = self.lock();
        let mut response = workflow_tasks::response(run, shard.executions.run(run)?, queue)?;
        response.queries = shard.queries.attached(run);
        Some(response)
    }
}

/// An attempt after which there is none must be known to have started, or a crash would give another.
fn is_last_attempt(response: &PollActivityTaskQueueResponse) -> bool {
    let attempts = response.retry_policy.as_ref().map_or(0, |policy| policy.maximum_attempts);
    attempts > 0 && response.attempt >= attempts
}

/// A worker at a queue, for as long as its poll is open.
struct Poller<'a> {
    service: &'a Service,
    key: QueueKey,
    arrived: std::sync::Arc<tokio::sync::Notify>,
}

impl<'a> Poller<'a> {
    fn enter(service: &'a Service, key: QueueKey, identity: &str) -> Self {
        let now = service.inner.environment.clock.now();
        let arrived = service.lock().queues.enter(&key, identity, service.in_process, now);
        Self { service, key, arrived }
    }

    /// Waits for the next task whose cause is on disk; for workflow tasks that stay in the process, it
    /// need not be.
    async fn next(&self, until: Instant) -> Option<Taken<'a>> {
        let needs_disk = self.key.activities || !self.service.in_process;
        let synced = self.service.inner.storage.synced();
        loop {
            let mut arrived = pin!(self.arrived.notified());
            arrived.as_mut().enable();
            if self.service.inner.closing.get() {
                return None;
            }
            let seen = synced.get();
            let last = if needs_disk { seen.position } else { Position::MAX };
            let first = self.service.lock().queues.take(&self.key, last);
            let not_on_disk = match first {
                First::Queued(queued, position) => {
                    let (service, key) = (self.service, self.key.clone());
                    return Some(Taken { service, key, queued: Some(queued), position });
                }
                First::NotOnDisk => true,
                First::Nothing => false,
            };
            tokio::select! {
                biased;
                // Who waits for the disk leaves arrivals to others: dropping this passes one on.
                () = arrived, if !not_on_disk => {}
                _ = synced.wait_for(|synced| synced != seen), if not_on_disk => {}
                () = sleep_until(until) => return None,
                () = self.service.closed() => return None,
            }
        }
    }
}

impl Drop for Poller<'_> {
    fn drop(&mut self) {
        let now = self.service.inner.environment.clock.now();
        self.service.lock().queues.leave(&self.key, self.service.in_process, now);
    }
}

/// A task out of a queue. Goes back when it is dropped, unless it was kept.
struct Taken<'a> {
    service: &'a Service,
    key: QueueKey,
    queued: Option<Queued>,
    position: Position,
}

impl Taken<'_> {
    fn queued(&self) -> Option<&Queued> {
        self.queued.as_ref()
    }

    /// The task is done with: started, or not wanted any more.
    fn keep(&mut self) {
        self.queued = None;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(queued) = self.queued.take() {
            self.service.lock().queues.put_back(self.key.clone(), queued, self.position);
        }
    }
}
