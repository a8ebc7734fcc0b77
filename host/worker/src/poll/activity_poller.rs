//! Polls for activity tasks.

use std::sync::Arc;

use host_activities::Executors;
use host_service::Backoff;
use host_wire::temporal::api::workflowservice::v1::PollActivityTaskQueueRequest;

use super::polls::{PolledTask, Polls};
use crate::{
    activity::task::PolledActivity,
    connection::Connection,
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
}

impl ActivityPoller {
    /// Reserves a slot, polls, hands the task on, until polling stops.
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::of_loop();
        while let Some(slot) = self.polls.unless_stopped(self.executors.reserve()).await {
            // No slots any more: the executors stop.
            let Some(slot) = slot else { return };
            let message = PollActivityTaskQueueRequest {
                namespace: self.connection.namespace.clone(),
                task_queue: Some(self.queues.queue(QueueKind::Normal)),
                identity: self.connection.identity.clone(),
                worker_instance_key: self.connection.instance_key.clone(),
                ..Default::default()
            };
            let poll = rpc::once(rpc::POLL_TIMEOUT, message, |request| {
                self.connection.service.poll_activity_task_queue(request)
            });
            let Some(task) = self.polls.poll(&mut backoff, poll).await else { continue };
            if !task.task_token.is_empty() {
                let task = PolledActivity { task: Box::new(task), slot };
                self.polls.deliver(PolledTask::Activity(task)).await;
            }
        }
    }
}
