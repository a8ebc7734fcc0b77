//! Sends the responses to workflow tasks, and takes the tasks that come back with them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use host_activities::{Executors, Slot};
use host_core::Completion;
use host_service::is_message_too_large;
use host_wire::temporal::api::{
    enums::v1::WorkflowTaskFailedCause,
    failure::v1::Failure,
    query::v1::WorkflowQueryResult,
    workflowservice::v1::{PollActivityTaskQueueResponse, PollWorkflowTaskQueueResponse},
};
use tokio::time::Instant;
use tonic::{Code, Status};

use super::{
    eager, query_result,
    response::{ExecutedBy, NextTask, Responses, host_failure},
};
use crate::{
    activity::task::PolledActivity, config::DEFAULT_WORKFLOW_TASK_TIMEOUT, connection::Connection, rpc,
    task_queues::Queues,
};

/// How long a response is sent again: mostly it is void afterwards.
const REPORT_TIMEOUT: Duration = DEFAULT_WORKFLOW_TASK_TIMEOUT;

/// Sends for one worker.
#[derive(Debug)]
pub(crate) struct Reporter {
    pub(crate) connection: Arc<Connection>,
    pub(crate) queues: Arc<Queues>,
    /// Whether runs are cached, so that the service may send only what is new.
    pub(crate) sticky: bool,
    pub(crate) executors: Option<Executors>,
    /// Whether activities may start eagerly here.
    pub(crate) is_eager: bool,
}

/// What the service said to a completion.
#[derive(Debug)]
pub(crate) enum Sent {
    /// The service has it.
    Acknowledged {
        /// Whether the run goes on and is as the service has it.
        keep_run: bool,
        /// The run's next task.
        inline: Option<Box<PollWorkflowTaskQueueResponse>>,
        /// Activities that the task scheduled and that start here, without a poll.
        eager: Vec<PolledActivity>,
    },
    /// The service refused it, or it is not known whether the service has it: the run must be evicted.
    Uncertain,
}

impl Reporter {
    /// Completes a workflow task.
    pub(crate) async fn complete(
        &self,
        task_token: Bytes,
        mut completion: Completion,
        executed: ExecutedBy,
        next: NextTask,
    ) -> Sent {
        let ends_run = completion.ends_run;
        let queue = self.queues.normal_name();
        let executors = self.executors.as_ref().filter(|_| self.is_eager);
        let slots = eager::reserve(&mut completion.commands, queue, executors);
        let message = self.responses().completed(task_token.clone(), completion, executed, next);
        let answer = rpc::retried(Instant::now() + REPORT_TIMEOUT, message, |request| {
            self.connection.service.respond_workflow_task_completed(request)
        });
        match answer.await {
            Ok(answer) => {
                let eager = eager_activities(answer.activity_tasks, slots);
                // A speculative task that left no trace: the run has events that history lost.
                let rewound = answer.reset_history_event_id > 0;
                let inline = answer.workflow_task.filter(|task| !task.task_token.is_empty());
                let keep_run = next == NextTask::Here && !ends_run && !rewound;
                Sent::Acknowledged { keep_run, inline: inline.map(Box::new), eager }
            }
            Err(status) => {
                self.refused(task_token, &status).await;
                Sent::Uncertain
            }
        }
    }

    /// Fails a workflow task. When that does not succeed, the task times out.
    pub(crate) async fn fail(&self, task_token: Bytes, cause: WorkflowTaskFailedCause, failure: Failure) {
        let message = self.responses().failed(task_token, cause, failure);
        let answer = rpc::retried(Instant::now() + REPORT_TIMEOUT, message, |request| {
            self.connection.service.respond_workflow_task_failed(request)
        });
        if let Err(status) = answer.await {
            tracing::debug!(error = status.message(), "failed to report a failed workflow task");
        }
    }

    /// Responses a query on its own.
    pub(crate) async fn answer_query(&self, task_token: Bytes, result: WorkflowQueryResult) {
        let message = self.responses().queried(task_token.clone(), result);
        let answer = rpc::retried(Instant::now() + REPORT_TIMEOUT, message, |request| {
            self.connection.service.respond_query_task_completed(request)
        });
        match answer.await {
            Ok(_) => {}
            Err(status) if is_message_too_large(&status) => {
                let failure = host_failure("TooLarge", status.message().to_owned());
                Box::pin(self.fail_query(task_token, failure)).await;
            }
            Err(status) => tracing::debug!(error = status.message(), "failed to answer a query"),
        }
    }

    /// Tells the service that a query has no answer.
    pub(crate) async fn fail_query(&self, task_token: Bytes, failure: Failure) {
        self.answer_query(task_token, query_result::failed_with(failure.message.clone(), failure)).await;
    }

    async fn refused(&self, task_token: Bytes, status: &Status) {
        if is_message_too_large(status) {
            let failure = host_failure("TooLarge", status.message().to_owned());
            let cause = WorkflowTaskFailedCause::GrpcMessageTooLarge;
            tracing::warn!(error = status.message(), "workflow task asks for too much at once");
            return self.fail(task_token, cause, failure).await;
        }
        match (status.code(), status.message()) {
            // New events arrived before the run could end: it sees them in its next task.
            (Code::InvalidArgument, "UnhandledCommand") => {
                tracing::debug!("the run ended over new events, trying again");
            }
            (Code::NotFound, message) => tracing::debug!(error = message, "workflow task is void"),
            (code, message) => {
                tracing::warn!(?code, error = message, "failed to complete a workflow task");
            }
        }
    }

    fn responses(&self) -> Responses<'_> {
        Responses { connection: &self.connection, sticky: self.sticky.then_some(&self.queues) }
    }
}

/// Gives each task a slot that was reserved for its type. The service returns at most the tasks that were asked for,
/// and may leave out any of them; slots that are left over are free again.
fn eager_activities(
    tasks: Vec<PollActivityTaskQueueResponse>,
    mut slots: Vec<(String, Slot)>,
) -> Vec<PolledActivity> {
    let asked = slots.len();
    let activities: Vec<_> = tasks
        .into_iter()
        .filter_map(|task| {
            let activity_type = task.activity_type.as_ref().map_or("", |kind| kind.name.as_str());
            let reserved = slots.iter().position(|(reserved, _)| reserved == activity_type);
            // A task of a type that was not asked for waits in any slot for its executor.
            let slot = reserved.map(|reserved| slots.swap_remove(reserved)).or_else(|| slots.pop());
            let (_, slot) = slot?;
            Some(PolledActivity { task: Box::new(task), slot, received: Instant::now() })
        })
        .collect();
    if asked > 0 {
        tracing::debug!(asked, given = activities.len(), "activities start eagerly");
    }
    activities
}
