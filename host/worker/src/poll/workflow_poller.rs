//! Polls for workflow tasks.

use std::sync::{Arc, Mutex, PoisonError};

use host_service::Backoff;
use host_telemetry as telemetry;
use host_wire::temporal::api::workflowservice::v1::PollWorkflowTaskQueueRequest;
use tokio::{sync::Semaphore, time::Instant};

use super::{
    balance::PollerBalance,
    polls::{PolledTask, Polls},
};
use crate::{
    connection::Connection,
    rpc,
    task_queues::{QueueKind, Queues},
    workflow::cached_run::PolledWorkflow,
};

/// One of the pollers for workflow tasks; clones share slots and balance.
#[derive(Clone, Debug)]
pub(crate) struct WorkflowPoller {
    pub(crate) connection: Arc<Connection>,
    pub(crate) queues: Arc<Queues>,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) balance: Arc<Mutex<PollerBalance>>,
    pub(crate) polls: Polls,
}

impl WorkflowPoller {
    /// Reserves a slot, polls, hands the task on, until polling stops.
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::of_loop();
        while let Some(slot) = self.polls.unless_stopped(Arc::clone(&self.slots).acquire_owned()).await {
            // The semaphore of the slots is never closed.
            let Ok(slot) = slot else { return };
            let permit = PollPermit::begin(&self.balance);
            let message = PollWorkflowTaskQueueRequest {
                namespace: self.connection.namespace.clone(),
                task_queue: Some(self.queues.queue(permit.kind)),
                identity: self.connection.identity.clone(),
                worker_instance_key: self.connection.instance_key.clone(),
                deployment_options: self.connection.deployment_options(),
                ..Default::default()
            };
            let poll = rpc::once(rpc::POLL_TIMEOUT, message, |request| {
                self.connection.service.poll_workflow_task_queue(request)
            });
            let labels = [self.connection.namespace.as_str(), self.queues.normal_name()];
            let open = telemetry::NUM_POLLERS.while_held([labels[0], labels[1], "workflow_task"]);
            let polled = self.polls.poll(&mut backoff, poll).await;
            drop(open);
            let Some(task) = polled else { continue };
            permit.end(task.backlog_count_hint);
            if task.task_token.is_empty() {
                telemetry::WORKFLOW_TASK_POLL_EMPTY.count(labels);
            } else {
                telemetry::WORKFLOW_TASK_POLL_SUCCEED.count(labels);
                let task = PolledWorkflow { task: Box::new(task), slot, received: Instant::now() };
                self.polls.deliver(PolledTask::Workflow(task)).await;
            }
        }
    }
}

/// A poll's place in the balance, given back however the poll ends.
struct PollPermit<'a> {
    balance: &'a Mutex<PollerBalance>,
    kind: QueueKind,
    backlog: i64,
}

impl<'a> PollPermit<'a> {
    fn begin(balance: &'a Mutex<PollerBalance>) -> Self {
        let kind = balance.lock().unwrap_or_else(PoisonError::into_inner).begin();
        Self { balance, kind, backlog: 0 }
    }

    fn end(mut self, backlog: i64) {
        self.backlog = backlog;
    }
}

impl Drop for PollPermit<'_> {
    fn drop(&mut self) {
        let mut balance = self.balance.lock().unwrap_or_else(PoisonError::into_inner);
        balance.end(self.kind, self.backlog);
    }
}
