//! Polls for activity tasks.

use std::{sync::Arc, time::Duration};

use host_activities::{Executors, Slot};
use host_service::Backoff;
use host_telemetry as telemetry;
use host_wire::temporal::api::{
    taskqueue::v1::TaskQueueMetadata, workflowservice::v1::PollActivityTaskQueueRequest,
};
use tokio::time::Instant;

use super::{
    polls::{PolledTask, Polls},
    rate::Rate,
};
use crate::{
    activity::task::PolledActivity,
    connection::Connection,
    resources::WorkerCount,
    rpc,
    task_queues::{QueueKind, Queues},
};

/// One of the pollers for activity tasks.
#[derive(Clone, Debug)]
pub(crate) struct ActivityPoller {
    pub(crate) connection: Arc<Connection>,
    pub(crate) queues: Arc<Queues>,
    pub(crate) executors: Executors,
    pub(crate) polls: Polls,
    /// Which of the pollers of its worker it is, from 0.
    pub(crate) number: usize,
    /// Workers that share the executors.
    pub(crate) workers: WorkerCount,
    /// What the pollers of the worker together are limited to.
    pub(crate) rate: Option<Arc<Rate>>,
    /// What the service is asked to limit all workers of the task queue to, in tasks a second.
    pub(crate) queue_rate: Option<f64>,
}

/// How long a poll waits for a task while another worker of this host waits for its slot.
const SHARED_SLOT_TIMEOUT: Duration = Duration::from_secs(3);

/// How many polls for activities one worker makes at once, and how long each waits for a task.
///
/// A poll holds a slot, and `slots` is how many polls of the host have one at once. So that a worker without
/// tasks does not keep the others from theirs, each has its share of them; with less than one for each, they
/// take turns.
pub(crate) fn share(wanted: usize, slots: usize, workers: usize) -> (usize, Duration) {
    match slots / workers.max(1) {
        0 => (1, SHARED_SLOT_TIMEOUT),
        share => (wanted.min(share), rpc::POLL_TIMEOUT),
    }
}

impl ActivityPoller {
    /// Reserves a slot, polls, hands the task on, until polling stops.
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::of_loop();
        while let Some(slot) = self.polls.unless_stopped(self.reserve()).await {
            // No slots any more: the executors stop.
            let Some(slot) = slot else { return };
            let message = PollActivityTaskQueueRequest {
                namespace: self.connection.namespace.clone(),
                task_queue: Some(self.queues.queue(QueueKind::Normal)),
                identity: self.connection.identity.clone(),
                worker_instance_key: self.connection.instance_key.clone(),
                deployment_options: self.connection.deployment_options(),
                task_queue_metadata: self
                    .queue_rate
                    .map(|rate| TaskQueueMetadata { max_tasks_per_second: Some(rate) }),
                ..Default::default()
            };
            let poll = rpc::once(self.poll_timeout(), message, |request| {
                self.connection.service.poll_activity_task_queue(request)
            });
            let labels = [self.connection.namespace.as_str(), self.queues.normal_name()];
            let open = telemetry::NUM_POLLERS.while_held([labels[0], labels[1], "activity_task"]);
            let polled = self.polls.poll(&mut backoff, poll).await;
            drop(open);
            let Some(task) = polled else { continue };
            if task.task_token.is_empty() {
                telemetry::ACTIVITY_POLL_NO_TASK.count(labels);
            } else {
                if let Some(rate) = &self.rate {
                    rate.begun();
                }
                let task = PolledActivity { task: Box::new(task), slot, received: Instant::now() };
                self.polls.deliver(PolledTask::Activity(task)).await;
            }
        }
    }

    /// Waits until another activity may begin, and then for a slot: one that waits is missing elsewhere.
    async fn reserve(&self) -> Option<Slot> {
        if let Some(rate) = &self.rate {
            rate.ready().await;
        }
        self.executors.reserve().await
    }

    /// How long its next poll waits for a task. Workers come and go: a poller beyond the share that its worker has by now
    /// takes turns with the others.
    fn poll_timeout(&self) -> Duration {
        let (polls, timeout) = share(usize::MAX, self.executors.polls_at_once(), self.workers.get());
        if self.number < polls { timeout } else { SHARED_SLOT_TIMEOUT }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_share_the_slots_of_a_host() {
        let check = |wanted, slots, workers, polls, seconds| {
            assert_eq!(share(wanted, slots, workers), (polls, Duration::from_secs(seconds)));
        };
        check(5, 100, 1, 5, 70);
        check(5, 2, 1, 2, 70);
        check(5, 32, 8, 4, 70);
        check(5, 2, 2, 1, 70);
        check(5, 2, 3, 1, 3);
    }
}
