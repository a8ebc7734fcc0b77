//! Sends the answers to workflow tasks, and takes what comes back with them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use host_activities::{Executors, Slot};
use host_core::Completion;
use host_wire::temporal::api::{
    enums::v1::WorkflowTaskFailedCause,
    failure::v1::Failure,
    query::v1::WorkflowQueryResult,
    workflowservice::v1::{PollActivityTaskQueueResponse, PollWorkflowTaskQueueResponse},
};
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::{
    activity_task::PolledActivity,
    completion::{Answers, host_failure, query_failed},
    connection::Connection,
    eager,
    polls::{Polled, Polls},
    queues::Queues,
    rpc,
};

/// How long an answer is sent again: the default timeout of workflow tasks, after which it is void.
const REPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends for one worker.
#[derive(Debug)]
pub(crate) struct Reporter {
    pub(crate) connection: Arc<Connection>,
    pub(crate) queues: Arc<Queues>,
    /// Whether runs are cached, so that the service may send only what is new.
    pub(crate) sticky: bool,
    pub(crate) executors: Option<Executors>,
    /// Takes activities that start eagerly.
    pub(crate) polls: Polls,
}

/// What became of a completion.
#[derive(Debug)]
pub(crate) enum Sent {
    /// The service has it.
    Acknowledged {
        /// Whether the run goes on and is as the service has it.
        keep_run: bool,
        /// The run's next task.
        inline: Option<Box<PollWorkflowTaskQueueResponse>>,
    },
    /// The service refused it, or nobody knows: the run must go.
    Uncertain,
}

impl Reporter {
    /// Completes a workflow task. `build_id` names the module that executed it.
    pub(crate) async fn complete(
        &self,
        task_token: Bytes,
        mut completion: Completion,
        build_id: String,
    ) -> Sent {
        let ends_run = completion.ends_run;
        let queue = self.queues.normal_name();
        let slots = eager::reserve(&mut completion.commands, queue, self.executors.as_ref());
        let message = self.answers().completed(task_token.clone(), completion, build_id);
        let answer = rpc::retried(Instant::now() + REPORT_TIMEOUT, message, |request| {
            self.connection.service.respond_workflow_task_completed(request)
        });
        match answer.await {
            Ok(answer) => {
                self.start_eagerly(answer.activity_tasks, slots).await;
                // A speculative task that left no trace: the run has events that history lost.
                let rewound = answer.reset_history_event_id > 0;
                let inline = answer.workflow_task.filter(|task| !task.task_token.is_empty());
                Sent::Acknowledged { keep_run: !ends_run && !rewound, inline: inline.map(Box::new) }
            }
            Err(status) => {
                self.refused(task_token, &status).await;
                Sent::Uncertain
            }
        }
    }

    /// Fails a workflow task. When that does not succeed, the task times out.
    pub(crate) async fn fail(&self, task_token: Bytes, cause: WorkflowTaskFailedCause, failure: Failure) {
        let message = self.answers().failed(task_token, cause, failure);
        let answer = rpc::retried(Instant::now() + REPORT_TIMEOUT, message, |request| {
            self.connection.service.respond_workflow_task_failed(request)
        });
        if let Err(status) = answer.await {
            tracing::debug!(error = status.message(), "failed to report a failed workflow task");
        }
    }

    /// Answers a query on its own.
    pub(crate) async fn answer_query(&self, task_token: Bytes, result: WorkflowQueryResult) {
        let message = self.answers().queried(task_token.clone(), result);
        let answer = rpc::retried(Instant::now() + REPORT_TIMEOUT, message, |request| {
            self.connection.service.respond_query_task_completed(request)
        });
        match answer.await {
            Ok(_) => {}
            Err(status) if rpc::is_message_too_large(&status) => {
                let failure = host_failure("TooLarge", status.message().to_owned());
                Box::pin(self.fail_query(task_token, failure)).await;
            }
            Err(status) => tracing::debug!(error = status.message(), "failed to answer a query"),
        }
    }

    /// Tells who asked that there is no answer.
    pub(crate) async fn fail_query(&self, task_token: Bytes, failure: Failure) {
        self.answer_query(task_token, query_failed(failure)).await;
    }

    async fn refused(&self, task_token: Bytes, status: &Status) {
        if rpc::is_message_too_large(status) {
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

    async fn start_eagerly(&self, tasks: Vec<PollActivityTaskQueueResponse>, slots: Vec<Slot>) {
        if !slots.is_empty() {
            tracing::debug!(asked = slots.len(), given = tasks.len(), "activities start eagerly");
        }
        // As many tasks as were asked for at most; slots that are left over go back.
        for (task, slot) in tasks.into_iter().zip(slots) {
            let task = PolledActivity { task: Box::new(task), slot };
            self.polls.deliver(Polled::Activity(task)).await;
        }
    }

    fn answers(&self) -> Answers<'_> {
        Answers { connection: &self.connection, sticky: self.sticky.then_some(&self.queues) }
    }
}
